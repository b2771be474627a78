/** @file Words and tags of all captions by how often they come; a click shows the pictures that have them. */
import { useComputed, useSignal } from '@preact/signals';
import { Chip, TextField } from '../../parts/index.ts';
import type { DatasetView } from './dataset-view.ts';
import { countTerms } from './terms.ts';

const most = 120;

export function WordsPanel({ view }: { readonly view: DatasetView }) {
  const search = useSignal('');
  const all = useComputed(() =>
    countTerms(
      (view.whole.value?.items ?? []).map(({ caption }) => caption),
      view.style.value,
    ),
  );
  const found = all.value.filter(({ term }) => term.includes(search.value.trim().toLowerCase()));
  const { terms } = view.filter.value;
  const total = view.whole.value?.items.length ?? 0;
  const press = (term: string): void => {
    const isOn = terms.includes(term);
    view.filter.value = {
      ...view.filter.peek(),
      terms: isOn ? terms.filter(one => one !== term) : [...terms, term],
    };
  };
  const kind = view.style.value === 'tags' ? 'tags' : 'words';
  return (
    <div class="stack tight">
      <TextField
        label={`Find ${kind}`}
        type="search"
        value={search.value}
        onInput={text => {
          search.value = text;
        }}
      />
      <p class="soft small">What is in nearly all captions is what the trigger word stands for.</p>
      <ul class="terms" aria-label={kind}>
        {found.slice(0, most).map(({ term, count }) => (
          <li key={term}>
            <Chip
              isOn={terms.includes(term)}
              onPress={() => press(term)}
              tone={count >= 0.75 * total && total > 5 ? 'accent' : 'plain'}
            >
              {term} <span class="soft numbers">{count}</span>
            </Chip>
          </li>
        ))}
      </ul>
      {found.length > most && <p class="soft small">and {found.length - most} more; type to find them</p>}
      {all.value.length === 0 && <p class="soft small">No captions yet.</p>}
    </div>
  );
}
