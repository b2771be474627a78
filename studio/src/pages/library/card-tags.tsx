/** @file How often each tag stood in the captions: a press copies one, the plus puts it into the trigger words. */
import { useState } from 'preact/hooks';
import type { ApiWholeCard } from '../../../../src/server/api-types.ts';
import { Button, IconButton, toast } from '../../parts/index.ts';
import { hasWords, insertWords } from '../generate/trigger-words.ts';
import { editCard } from './card-state.ts';
import { copyText } from './copy.ts';

const few = 16;

export function CardTags({ card }: { readonly card: ApiWholeCard }) {
  const [isAll, setAll] = useState(false);
  const { tagFrequency, triggers } = card;
  const most = tagFrequency[0]?.count ?? 1;
  const words = triggers[0]?.words ?? '';
  const add = (tag: string): void => {
    const [first, ...rest] = triggers;
    const next = { ...(first ?? { name: 'default' }), words: insertWords(words, tag) };
    void editCard({ triggers: [next, ...rest] }).then(
      isDone => isDone && toast(`${tag} is a trigger word now`),
    );
  };
  return (
    <section class="stack tight" aria-labelledby="tags-title">
      <div>
        <h2 id="tags-title">In its captions</h2>
        <p class="soft small">A press copies the word.</p>
      </div>
      <ul class="tag-bars">
        {tagFrequency.slice(0, isAll ? undefined : few).map(({ tag, count }) => (
          <li key={tag} class="tag-bar">
            <button type="button" class="tag-bar-press" onClick={() => void copyText(tag)}>
              <span class="tag-bar-fill" style={{ width: `${(100 * count) / most}%` }} aria-hidden="true" />
              <span class="tag-bar-name">{tag}</span>
              <span class="soft numbers small">{count}</span>
            </button>
            <IconButton
              icon={hasWords(words, tag) ? 'check' : 'add'}
              size="small"
              disabled={hasWords(words, tag)}
              label={hasWords(words, tag) ? `${tag} is a trigger word` : `Put ${tag} into the trigger words`}
              onClick={() => add(tag)}
            />
          </li>
        ))}
      </ul>
      {tagFrequency.length > few && (
        <div>
          <Button kind="quiet" size="small" onClick={() => setAll(!isAll)}>
            {isAll ? 'Show fewer' : `Show all ${tagFrequency.length}`}
          </Button>
        </div>
      )}
    </section>
  );
}
