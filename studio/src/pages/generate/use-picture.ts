/** @file Taking something of a picture into the form: its settings, its prompt, its seed, the picture itself. */
import type { ApiPicture, ApiWholePicture, GeneratePayload } from '../../../../src/server/api-types.ts';
import { api, pictureFile } from '../../api/routes.ts';
import { count, toast, toastError } from '../../parts/index.ts';
import { noteCards } from './catalogue.ts';
import { change, form } from './form.ts';
import { clearStrokes } from './mask-strokes.ts';
import { formOf } from './payload.ts';

type Told = Pick<ApiWholePicture, 'missing'> & { readonly payload?: unknown };

/** All settings of a payload that a picture tells. */
export async function takeSettings(
  { payload, missing }: Told,
  loraNames: readonly string[] = [],
): Promise<void> {
  const given = (payload ?? {}) as Partial<GeneratePayload>;
  const names = await namesOf(given, loraNames);
  form.value = formOf(given, names, form.peek());
  if (missing.length > 0)
    toast(
      `${count(missing.length, 'LoRA')} not in the library: ${missing.map(({ name }) => name).join(', ')}`,
      {
        seconds: 8,
      },
    );
  else toast('Settings taken over');
}

async function namesOf(
  { loras = [] }: Partial<GeneratePayload>,
  known: readonly string[],
): Promise<Map<string, string>> {
  const found = await Promise.all(
    loras.map(({ id }, i) =>
      api.card(id).then(
        card => {
          noteCards([card]);
          return [id, card.name] as const;
        },
        () => [id, known[i] ?? id] as const,
      ),
    ),
  );
  return new Map(found);
}

export async function takePictureSettings(id: string): Promise<void> {
  try {
    const whole = await api.picture(id);
    await takeSettings(
      whole,
      whole.loras.map(({ name }) => name),
    );
  } catch (fault) {
    toastError(fault);
  }
}

export async function takePrompt(id: string): Promise<void> {
  try {
    const { payload } = await api.picture(id);
    const { prompt = '', negativePrompt = '', loras = [] } = payload as Partial<GeneratePayload>;
    const whole = formOf({ prompt, negativePrompt, loras }, await namesOf({ loras }, []), form.peek());
    change({ prompt, negativePrompt, loras: whole.loras });
  } catch (fault) {
    toastError(fault);
  }
}

export function takeSeed({ seed }: Pick<ApiPicture, 'seed'>): void {
  change({ seed });
  toast(`Seed ${seed} stays`);
}

/** A file as the picture to start from. */
export async function startFromFile(file: Blob): Promise<void> {
  try {
    const { id, url, width, height } = await api.upload(file);
    const { start, inpaint } = form.peek();
    if (start?.id === id) return;
    clearStrokes();
    // What suits 512 pixels would leave nothing of a mask on 64.
    const part = Math.min(1, Math.min(width, height) / 512);
    const edges = { blur: Math.max(1, Math.round(4 * part)), padding: Math.max(8, Math.round(32 * part)) };
    change({ start: { id, url, width, height }, inpaint: { ...inpaint, ...edges } });
  } catch (fault) {
    toastError(fault);
  }
}

async function fileOf(id: string): Promise<Blob> {
  const answer = await fetch(pictureFile(id), { credentials: 'same-origin' });
  if (!answer.ok) throw new Error(`The picture could not be read (${answer.status}).`);
  return answer.blob();
}

/** A picture of the history as the one that a LoRA is shown by. */
export async function showLoraBy(
  pictureId: string,
  card: { readonly id: string; readonly name: string },
): Promise<void> {
  try {
    await api.setPreview(card.id, await fileOf(pictureId));
    noteCards([await api.card(card.id)]);
    toast(`${card.name} is shown by this picture now`);
  } catch (fault) {
    toastError(fault);
  }
}

/** A picture of the history as the one to start from. */
export async function startFromPicture(id: string): Promise<void> {
  try {
    await startFromFile(await fileOf(id));
  } catch (fault) {
    toastError(fault);
  }
}
