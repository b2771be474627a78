/** @file Trigger words: several sets, each with a strength and words for the negative prompt; where they come from. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiTriggerSet, ApiWholeCard } from '../../../../src/server/api-types.ts';
import { Button, IconButton, NumberField, TextArea, TextField, toast } from '../../parts/index.ts';
import { editCard } from './card-state.ts';
import { copyText } from './copy.ts';

const origins: Readonly<Record<NonNullable<ApiWholeCard['triggerOrigin']>, string>> = {
  user: 'written by you',
  'side-file': 'from the file beside it',
  metadata: 'from its metadata',
  captions: 'from the captions that it was trained with',
};

const isEmpty = ({ words, negative }: ApiTriggerSet): boolean => words.trim() === '' && !negative?.trim();

/** The same for the same sets, in whatever order their fields stand. */
const written = (sets: readonly ApiTriggerSet[]): string =>
  JSON.stringify(sets.map(({ name, words, strength, negative }) => [name, words, strength, negative]));

/** A name that no set has yet. */
function newName(sets: readonly ApiTriggerSet[]): string {
  if (sets.length === 0) return 'default';
  for (let number = sets.length + 1; ; number++)
    if (!sets.some(({ name }) => name === `set ${number}`)) return `set ${number}`;
}

export function TriggerEditor({ card }: { readonly card: ApiWholeCard }) {
  const [sets, setSets] = useState<readonly ApiTriggerSet[]>(card.triggers);
  const kept = written(card.triggers);
  /** What was sent last: its answer changes nothing here, so that what is typed meanwhile stays. */
  const sent = useRef('');
  useEffect(() => {
    if (kept !== sent.current) setSets(old => [...card.triggers, ...old.filter(isEmpty)]);
  }, [card.id, kept]);
  const save = (next: readonly ApiTriggerSet[]): void => {
    setSets(next);
    const wanted = next.filter(set => !isEmpty(set));
    if (written(wanted) === kept) return;
    sent.current = written(wanted);
    void editCard({ triggers: wanted });
  };
  const at = (i: number, part: Partial<ApiTriggerSet>): readonly ApiTriggerSet[] =>
    sets.map((set, k) => (k === i ? { ...set, ...part } : set));
  const { triggerOrigin: origin } = card;
  return (
    <section class="stack tight" aria-labelledby="triggers-title">
      <div class="row spread wrap">
        <h2 id="triggers-title">Trigger words</h2>
        {origin && card.triggers.length > 0 && (
          <span class="row small soft">
            {origins[origin]}
            {origin === 'user' && (
              <Button kind="quiet" size="small" icon="undo" onClick={() => void reset(card)}>
                Reset
              </Button>
            )}
          </span>
        )}
      </div>
      {sets.length === 0 && (
        <p class="soft small">Nobody said any. Without trigger words, a LoRA works by its strength alone.</p>
      )}
      <div class="stack">
        {sets.map((set, i) => (
          <TriggerSetFields
            key={i}
            set={set}
            isOnly={sets.length === 1}
            onInput={part => setSets(at(i, part))}
            onCommit={part => save(at(i, part))}
            onRemove={() => save(sets.filter((_, k) => k !== i))}
          />
        ))}
      </div>
      <div>
        <Button
          kind="quiet"
          size="small"
          icon="add"
          onClick={() => setSets([...sets, { name: newName(sets), words: '' }])}
        >
          {sets.length === 0 ? 'Add trigger words' : 'Add another set'}
        </Button>
      </div>
    </section>
  );
}

async function reset(card: ApiWholeCard): Promise<void> {
  const before = card.triggers;
  if (await editCard({ triggers: null }))
    toast('Trigger words are those of the file again', {
      action: { label: 'Undo', onSelect: () => void editCard({ triggers: before }) },
    });
}

function TriggerSetFields({
  set,
  isOnly,
  onInput,
  onCommit,
  onRemove,
}: {
  readonly set: ApiTriggerSet;
  readonly isOnly: boolean;
  readonly onInput: (part: Partial<ApiTriggerSet>) => void;
  readonly onCommit: (part: Partial<ApiTriggerSet>) => void;
  readonly onRemove: () => void;
}) {
  const { name, words, strength, negative } = set;
  const [isMore, setMore] = useState(!isOnly || strength !== undefined || Boolean(negative));
  return (
    <div class={`trigger-set ${isOnly && !isMore ? 'plain' : ''}`}>
      {(isMore || !isOnly) && (
        <div class="trigger-head">
          <TextField
            label="Name of the set"
            value={name}
            maxLength={80}
            onInput={value => onInput({ name: value })}
            onCommit={value => onCommit({ name: value.trim() || 'default' })}
          />
          <NumberField
            label="Strength"
            value={strength ?? 1}
            min={-10}
            max={10}
            step={0.05}
            onChange={value => onCommit({ strength: value })}
          />
          <IconButton icon="trash" label={`Remove the set ${name}`} onClick={onRemove} />
        </div>
      )}
      <TextArea
        label={isOnly ? 'Words' : `Words of ${name}`}
        rows={1}
        maxRows={6}
        value={words}
        placeholder="zorbi, blue fur"
        onInput={value => onInput({ words: value })}
        onCommit={value => onCommit({ words: value.trim() })}
        aside={
          <span class="row">
            {words && (
              <IconButton
                icon="copy"
                size="small"
                label="Copy these words"
                onClick={() => void copyText(words)}
              />
            )}
            {!isMore && isOnly && (
              <Button kind="quiet" size="small" onClick={() => setMore(true)}>
                Strength, negative words
              </Button>
            )}
          </span>
        }
      />
      {(isMore || !isOnly) && (
        <TextArea
          label="Words for the negative prompt"
          rows={1}
          maxRows={4}
          value={negative ?? ''}
          onInput={value => onInput({ negative: value })}
          onCommit={value => onCommit({ negative: value.trim() || undefined })}
        />
      )}
    </div>
  );
}
