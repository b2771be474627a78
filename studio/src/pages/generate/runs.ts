/** @file What the stage shows, and how it comes there: a job that was asked for, or a picture of the history. */
import { effect, signal } from '@preact/signals';
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { noteJob, settings } from '../../api/state.ts';
import { form } from './form.ts';
import { strokes, uploadedMask } from './mask-strokes.ts';
import { type PicturePayload, payloadOf } from './payload.ts';

export type Shown =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'job'; readonly id: string }
  | { readonly kind: 'picture'; readonly id: string };

export const shown = signal<Shown>({ kind: 'nothing' });
export const drawError = signal<unknown>(undefined);
export const isSending = signal(false);

/** Steps between live previews, as the settings have it. */
const previewEvery = (): number => settings.peek()?.previewEvery ?? 0;

const titleOf = ({ prompt }: PicturePayload): string =>
  prompt.trim().slice(0, 80) || 'Picture without a prompt';

/** Puts a picture job into the queue. */
export async function addPictureJob(payload: PicturePayload, title = titleOf(payload)): Promise<ApiJob> {
  const job = await api.addJob({
    ...{ kind: 'generate', title },
    payload: { previewEvery: previewEvery(), ...payload },
  });
  noteJob(job);
  return job;
}

// Another wish is another chance.
effect(() => {
  form.value;
  drawError.value = undefined;
});

/** Draws what the form says, and shows it. */
export async function draw(): Promise<void> {
  if (isSending.peek()) return;
  isSending.value = true;
  drawError.value = undefined;
  try {
    const { start, inpaint } = form.peek();
    const mask = start && inpaint.isOn && strokes.peek().length > 0 ? await uploadedMask(start) : undefined;
    const job = await addPictureJob(payloadOf(form.peek(), mask));
    shown.value = { kind: 'job', id: job.id };
  } catch (fault) {
    drawError.value = fault;
  } finally {
    isSending.value = false;
  }
}
