/** @file Prompts of previews: drawn without the LoRA first, then as it learns. */
import { Button, IconButton, NumberField, TextField } from '../../parts/index.ts';
import { hasTrigger, promptText } from './preview-prompts.ts';
import type { TrainForm } from './train-form.ts';

const most = 8;

export function PromptFields({ form }: { readonly form: TrainForm }) {
  const prompts = form.prompts.value;
  const change = (next: readonly string[]): void => {
    form.ownPrompts.value = next;
  };
  const word = form.trigger.value.trim();
  return (
    <>
      <p class="soft small">
        Each is drawn without the LoRA and then again and again while it learns. One without the trigger word
        shows what must stay as it was. Settings may stand behind a prompt: <code>--n</code> what not,{' '}
        <code>--d</code> seed, <code>--l</code> guidance, <code>--s</code> steps, <code>--w</code> and{' '}
        <code>--h</code> size.
      </p>
      {prompts.map((line, i) => (
        <div class="row prompt-row" key={i}>
          <div class="grow">
            <TextField
              label={`Prompt ${i + 1}${word && !hasTrigger(promptText(line), word) ? ', without the trigger word' : ''}`}
              value={line}
              maxLength={2000}
              onInput={text => change(prompts.map((old, at) => (at === i ? text : old)))}
            />
          </div>
          <IconButton
            icon="remove"
            label={`Remove prompt ${i + 1}`}
            onClick={() => change(prompts.filter((_, at) => at !== i))}
          />
        </div>
      ))}
      <div class="row wrap">
        <Button
          size="small"
          icon="add"
          disabled={prompts.length >= most}
          onClick={() => change([...prompts, ''])}
        >
          Another prompt
        </Button>
        {form.ownPrompts.value !== undefined && (
          <Button
            size="small"
            kind="quiet"
            icon="undo"
            onClick={() => {
              form.ownPrompts.value = undefined;
            }}
          >
            As proposed
          </Button>
        )}
      </div>
      <NumberField
        label="Drawn every"
        unit="steps"
        value={form.previewEvery.value}
        min={0}
        max={1_000_000}
        hint="0: never"
        onChange={value => {
          form.ownPreviewEvery.value = value;
        }}
      />
    </>
  );
}
