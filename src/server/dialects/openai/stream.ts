/** @file `stream: true`: previews on the way and the picture at the end, as OpenAI's server-sent events. */
import { Readable } from 'node:stream';
import type { GeneratePayload } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { problemOf } from '../../problems.ts';
import { Reply } from '../../route.ts';
import { drawAndWait } from '../drawing.ts';
import { dialectErrors } from '../errors.ts';

interface StreamOptions {
  readonly title: string;
  readonly signal: AbortSignal;
  /** Previews that are wanted, 0 to 3. */
  readonly partial: number;
}

const frame = (event: Readonly<Record<string, unknown>> & { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const pause = (ms: number): Promise<void> => new Promise(done => void setTimeout(done, ms).unref());

export function streamPictures(
  context: StudioContext,
  payload: GeneratePayload,
  options: StreamOptions,
): Reply {
  const { title, signal, partial } = options;
  async function* events(): AsyncGenerator<string> {
    let id: string | undefined;
    let result: Awaited<ReturnType<typeof drawAndWait>> | undefined;
    let failure: unknown;
    let isOver = false;
    const drawing = drawAndWait(context, payload, { title, signal, onJob: job => (id = job) })
      .then(drawn => (result = drawn))
      .catch(error => (failure = error))
      .finally(() => (isOver = true));
    const created = Math.floor(Date.now() / 1000);
    let last: Uint8Array | undefined;
    for (let sent = 0; !isOver && sent < partial; ) {
      await Promise.race([drawing, pause(100)]);
      const preview = id === undefined ? undefined : context.previewOf(id);
      if (isOver || !preview || preview === last) continue;
      last = preview;
      const b64_json = Buffer.from(preview).toString('base64');
      yield frame({
        type: 'image_generation.partial_image',
        created_at: created,
        partial_image_index: sent++,
        b64_json,
      });
    }
    await drawing;
    if (!result) {
      const found = problemOf(failure);
      const error = found
        ? dialectErrors.openai(found)
        : { error: { message: 'a fault of the studio itself' } };
      yield frame({ type: 'error', ...error });
      return;
    }
    for (const { bytes } of result.pictures) {
      const b64_json = bytes.toString('base64');
      yield frame({ type: 'image_generation.completed', created_at: created, b64_json });
    }
  }
  return new Reply(Readable.from(events()), 'text/event-stream; charset=utf-8');
}
