/** @file Finding LoRAs by name, tag or trigger word, with their pictures. Stays open, so that several can be taken. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import {
  ErrorNote,
  Icon,
  LinkButton,
  Picture,
  Segments,
  Spinner,
  Switch,
  TextField,
  useLoaded,
} from '../../parts/index.ts';
import { familyOf } from './catalogue.ts';
import { change, form } from './form.ts';

type Which = 'fitting' | 'all' | 'favourites';

export function LoraPicker({
  onAdd,
  onRemove,
}: {
  readonly onAdd: (card: ApiCard) => void;
  readonly onRemove: (id: string) => void;
}) {
  const [text, setText] = useState('');
  const [which, setWhich] = useState<Which>('fitting');
  const family = familyOf(form.value.base);
  const asked = useDelayed(text, 120);
  const { value, error, isLoading, reload } = useLoaded(
    signal =>
      api.cards(
        {
          ...{ use: 'lora', text: asked, limit: 60, grouped: true, sort: asked ? 'best' : 'newest' },
          ...(which === 'fitting' && family ? { family } : {}),
          ...(which === 'favourites' ? { favourite: true } : {}),
        },
        signal,
      ),
    [asked, which, family],
  );
  const chosen = new Set(form.value.loras.map(({ id }) => id));
  return (
    <div class="lora-picker">
      <TextField
        label="Search LoRAs"
        isLabelHidden
        type="search"
        placeholder="Search by name, tag or trigger word"
        value={text}
        onInput={setText}
        autoFocus
      />
      <Segments
        label="Which"
        isLabelHidden
        value={which}
        onChange={setWhich}
        options={[
          { value: 'fitting', label: family ? `For ${family}` : 'Fitting' },
          { value: 'favourites', label: 'Favourites' },
          { value: 'all', label: 'All' },
        ]}
      />
      {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
      <div class="lora-choices" aria-busy={isLoading}>
        {!value && isLoading && <Spinner label="Reading the library" />}
        {value?.cards.map(card => (
          <button
            key={card.id}
            type="button"
            class="lora-choice"
            aria-pressed={chosen.has(card.id)}
            disabled={card.state !== 'present'}
            onClick={() => (chosen.has(card.id) ? onRemove(card.id) : onAdd(card))}
          >
            <span class="lora-picture">
              <Picture url={card.previewUrl} alt="" size="96" name={card.name} />
            </span>
            <span class="grow">
              <span class="lora-name">{card.name}</span>
              <span class="soft small lora-facts">
                {[card.family, card.triggers[0]?.words, card.state === 'present' ? '' : card.state]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
            </span>
            {chosen.has(card.id) && <Icon name="check" />}
          </button>
        ))}
        {value?.cards.length === 0 && (
          <NoLoras isFiltered={asked !== '' || which !== 'all'} onAll={() => setWhich('all')} />
        )}
      </div>
      <Switch
        label="Put trigger words into the prompt"
        isOn={form.value.insertsWords}
        onChange={insertsWords => change({ insertsWords })}
      />
    </div>
  );
}

function NoLoras({ isFiltered, onAll }: { readonly isFiltered: boolean; readonly onAll: () => void }) {
  return (
    <div class="stack tight lora-none">
      <p class="soft">{isFiltered ? 'No LoRA like this.' : 'There is no LoRA in the library yet.'}</p>
      <div class="row wrap centre">
        {isFiltered && (
          <button type="button" class="button quiet small" onClick={onAll}>
            Show all
          </button>
        )}
        <LinkButton href="#/train" icon="train">
          Train one
        </LinkButton>
        <LinkButton href="#/settings" icon="folder">
          Add a folder
        </LinkButton>
      </div>
    </div>
  );
}

/** A value that has been the same for a moment. */
export function useDelayed<T>(value: T, milliseconds: number): T {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setLate(value), milliseconds);
    return () => window.clearTimeout(timer);
  }, [value, milliseconds]);
  return late;
}
