/** @file What people write of a card: name, tags, notes, description, strength, licence. Saved when a field is left. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiCardEdit, ApiWholeCard } from '../../../../src/server/api-types.ts';
import { Button, Chip, NumberField, Section, TextArea, TextField } from '../../parts/index.ts';
import { editCard, savedAt } from './card-state.ts';

/** What is typed, until the card says something else. */
function useDraft(value: string): [string, (text: string) => void] {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  return [draft, setDraft];
}

export function CardFields({ card }: { readonly card: ApiWholeCard }) {
  return (
    <section class="stack" aria-labelledby="about-title">
      <div class="row spread">
        <h2 id="about-title">About</h2>
        <Saved />
      </div>
      <TagField card={card} />
      <Words card={card} field="notes" label="Notes" placeholder="For yourself: what works, what does not" />
      <Words
        card={card}
        field="description"
        label="Description"
        placeholder="For others; goes into packs"
        canReset
      />
      <Section
        title="Name, strength, licence"
        summary={[card.strength === undefined ? '' : `strength ${card.strength}`, card.license, card.author]
          .filter(Boolean)
          .join(' · ')}
      >
        <div class="columns card-line-fields">
          <Line card={card} field="name" label="Name" hint={card.fileName} />
          <StrengthField card={card} />
          <Line card={card} field="license" label="Licence" />
          <Line card={card} field="author" label="Author" />
        </div>
      </Section>
    </section>
  );
}

/** Said for a moment after each change. */
function Saved() {
  const [isShown, setShown] = useState(false);
  const at = savedAt.value;
  useEffect(() => {
    if (at === 0 || Date.now() - at > 2000) return;
    setShown(true);
    const timer = window.setTimeout(() => setShown(false), 2000);
    return () => window.clearTimeout(timer);
  }, [at]);
  return (
    <span class="small soft" role="status">
      {isShown ? 'Saved' : ''}
    </span>
  );
}

type LineField = 'name' | 'license' | 'author';

function Line({
  card,
  field,
  label,
  hint,
}: {
  readonly card: ApiWholeCard;
  readonly field: LineField;
  readonly label: string;
  readonly hint?: string;
}) {
  const value = card[field] ?? '';
  const [draft, setDraft] = useDraft(value);
  const commit = (text: string): void => {
    const next = text.trim();
    // An emptied field says what the file says.
    if (next !== value) void editCard({ [field]: next === '' ? null : next } as ApiCardEdit);
  };
  return <TextField label={label} value={draft} onInput={setDraft} onCommit={commit} hint={hint} />;
}

function StrengthField({ card: { strength } }: { readonly card: ApiWholeCard }) {
  return (
    <NumberField
      label="Strength that suits it"
      value={strength ?? 1}
      min={-10}
      max={10}
      step={0.05}
      hint={strength === undefined ? 'Not said: 1' : undefined}
      onChange={value => value !== strength && void editCard({ strength: value })}
    />
  );
}

function Words({
  card,
  field,
  label,
  placeholder,
  canReset,
}: {
  readonly card: ApiWholeCard;
  readonly field: 'notes' | 'description';
  readonly label: string;
  readonly placeholder: string;
  readonly canReset?: boolean;
}) {
  const value = card[field];
  const [draft, setDraft] = useDraft(value);
  return (
    <TextArea
      label={label}
      rows={1}
      maxRows={10}
      value={draft}
      placeholder={placeholder}
      onInput={setDraft}
      onCommit={text =>
        text !== value && void editCard({ [field]: text === '' && canReset ? null : text } as ApiCardEdit)
      }
    />
  );
}

function TagField({ card: { tags } }: { readonly card: ApiWholeCard }) {
  const [draft, setDraft] = useState('');
  const add = (): void => {
    const fresh = draft
      .split(',')
      .map(tag => tag.trim())
      .filter(tag => tag !== '' && !tags.includes(tag));
    setDraft('');
    if (fresh.length > 0) void editCard({ tags: [...tags, ...new Set(fresh)] });
  };
  return (
    <div class="stack tight">
      <form
        class="tag-add"
        onSubmit={event => {
          event.preventDefault();
          add();
        }}
      >
        <TextField label="Tags" value={draft} placeholder="style, person, clothing …" onInput={setDraft} />
        <Button type="submit" disabled={draft.trim() === ''}>
          Add
        </Button>
      </form>
      {tags.length > 0 && (
        <div class="row wrap">
          {tags.map(tag => (
            <Chip key={tag} onRemove={() => void editCard({ tags: tags.filter(other => other !== tag) })}>
              {tag}
            </Chip>
          ))}
        </div>
      )}
    </div>
  );
}
