/** @file The word that calls what was learnt, checked against the captions and against what the model knows already. */
import { TextField } from '../../parts/index.ts';
import type { TrainForm } from './train-form.ts';
import { triggerWords } from './trigger-words.ts';

export function TriggerField({ form }: { readonly form: TrainForm }) {
  const word = form.trigger.value.trim();
  const captions = (form.whole.value?.items ?? []).map(({ caption }) => caption);
  const isSuggested = form.isExample.value && form.whole.value?.suggestion?.trigger === word;
  // The word of an example is one that its captions were written with.
  const { hint, warning } = triggerWords(word, captions, isSuggested ? undefined : form.report.value.value);
  return (
    <TextField
      label="Trigger word"
      value={form.trigger.value}
      maxLength={200}
      hint={
        <>
          {hint}
          {warning && <span class="field-warning">{warning}</span>}
        </>
      }
      onInput={text => {
        form.trigger.value = text;
      }}
    />
  );
}
