/** @file What its maker says of the LoRA: goes into the file and onto its card. */
import { TextArea, TextField } from '../../parts/index.ts';
import type { TrainForm } from './train-form.ts';

export function CardFields({ form }: { readonly form: TrainForm }) {
  const card = form.card.value;
  /** What is empty is not said. */
  const change = (field: 'description' | 'author' | 'license', text: string): void => {
    const { [field]: _, ...rest } = card;
    form.card.value = text.trim() === '' ? rest : { ...rest, [field]: text };
  };
  const tags = (text: string): void => {
    const { tags: _, ...rest } = card;
    const list = text
      .split(',')
      .map(tag => tag.trim())
      .filter(Boolean)
      .slice(0, 64);
    form.card.value = list.length === 0 ? rest : { ...rest, tags: list };
  };
  return (
    <>
      <TextArea
        label="Description"
        value={card.description ?? ''}
        rows={2}
        onInput={text => change('description', text)}
      />
      <div class="columns">
        <TextField
          label="Author"
          value={card.author ?? ''}
          maxLength={200}
          onInput={text => change('author', text)}
        />
        <TextField
          label="Licence"
          value={card.license ?? ''}
          maxLength={200}
          onInput={text => change('license', text)}
        />
      </div>
      <TextField
        label="Tags"
        placeholder="character, cartoon"
        value={card.tags?.join(', ') ?? ''}
        onInput={() => undefined}
        onCommit={tags}
      />
    </>
  );
}
