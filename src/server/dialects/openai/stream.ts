/** @file `stream: true`: previews on the way and the picture at the end, as OpenAI's server-sent events. */
import { Readable } from 'node:stream';
import type { GeneratePayload, JobId } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { problemOf } from '../../problems.ts';
import { Reply } from '../../route.ts';
import { type Drawn, drawAndWait } from '../drawing.ts';
import { dialectErrors } from '../errors.ts';
import { withNearLoras } from '../near-loras.ts';

export interface StreamOptions {
  readonly title: string;
  readonly signal: AbortSignal;
  /** Previews that are wanted, 0 to 3. */
  readonly partial: number;
  /** How OpenAI's events are called. */
  readonly kind: 'image_generation' | 'image_edit';
  /** What every event says of the pictures. */
  readonly facts: Readonly<Record<string, unknown>>;
}

const frame = (event: Readonly<Record<string, unknown>> & { readonly type: string }): string =>
  `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

const pause = (ms: number): Promise<void> => new Promise(done => void setTimeout(done, ms).unref());

/** In one event, of which clients make an error of theirs. */
function failure(context: StudioContext, cause: unknown): string {
  const found = problemOf(withNearLoras(context, cause));
  const error = found
    ? dialectErrors.openai.body(found)
    : { error: { message: 'a fault of the studio itself', type: 'server_error' } };
  return frame({ type: 'error', ...error });
}

export function streamPictures(
  context: StudioContext,
  payload: GeneratePayload,
  { title, signal, partial, kind, facts }: StreamOptions,
): Reply {
  async function* events(): AsyncGenerator<string> {
    let id: JobId | undefined;
    const drawing = drawAndWait(context, payload, {
      ...{ title, signal },
      onJobs([job]) {
        id = job;
      },
    }).then(
      (drawn): { drawn: Drawn } => ({ drawn }),
      (cause: unknown) => ({ cause }),
    );
    const state: { result?: Awaited<typeof drawing> } = {};
    void drawing.then(result => {
      state.result = result;
    });
    const common = { created_at: Math.floor(Date.now() / 1000), ...facts };
    let last: Uint8Array | undefined;
    for (let sent = 0; !state.result && sent < partial; ) {
      await Promise.race([drawing, pause(100)]);
      const preview = id === undefined ? undefined : context.previewOf(id);
      if (state.result || !preview || preview === last) continue;
      last = preview;
      const b64_json = Buffer.from(preview).toString('base64');
      yield frame({ type: `${kind}.partial_image`, ...common, partial_image_index: sent++, b64_json });
    }
    const result = await drawing;
    if (!('drawn' in result)) {
      yield failure(context, result.cause);
      return;
    }
    for (const { bytes } of result.drawn.pictures)
      yield frame({ type: `${kind}.completed`, ...common, b64_json: bytes.toString('base64') });
  }
  return new Reply(Readable.from(events()), 'text/event-stream; charset=utf-8');
}
