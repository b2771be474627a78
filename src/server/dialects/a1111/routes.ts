/** @file A1111's HTTP API, as far as its clients use it: `/sdapi/v1`, `/internal`. */
import { z } from 'zod';
import { LoraError } from '../../../errors.ts';
import { readPictureText } from '../../../generation/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply, type RouteRow, route } from '../../route.ts';
import { bytesOfBase64, uploadBase64 } from '../base64-picture.ts';
import { drawAndWait } from '../drawing.ts';
import { baseOf, changeOptions, clipSkipOf, interrupt, optionsOf, progressOf } from './desk.ts';
import { type Asked, type Img2Img, img2imgBody, type Txt2Img, txt2imgBody } from './fields.ts';
import { answerOf } from './info.ts';
import { fieldsOf, withInfotext } from './infotext.ts';
import { lists } from './lists.ts';
import { payloadOf } from './payload.ts';

const base = '/sdapi/v1';
const anyJson = z.unknown();
/** Ninety megabytes hold pictures of 40 megapixels as base64. */
const pictureBody = 90 << 20;

const get = (path: string, summary: string, handle: (context: StudioContext) => unknown): RouteRow =>
  route({
    ...{ method: 'GET', path: `${base}${path}`, policy: 'read', tag: 'A1111', summary, dialect: 'a1111' },
    ...{ response: anyJson, handle: context => handle(context) },
  });

const post = (path: string, summary: string, handle: (context: StudioContext) => unknown): RouteRow =>
  route({
    ...{ method: 'POST', path: `${base}${path}`, policy: 'change', tag: 'A1111', summary, dialect: 'a1111' },
    ...{ response: anyJson, handle: async context => (await handle(context)) ?? {} },
  });

async function draw(
  context: StudioContext,
  body: Asked,
  signal: AbortSignal,
  pictures: { init?: string; mask?: string } = {},
): Promise<object> {
  const asked = withInfotext(body);
  const clip = clipSkipOf(context);
  const overrides = {
    ...(clip === undefined ? {} : { CLIP_stop_at_last_layers: clip }),
    ...asked.override_settings,
  };
  const dialect = payloadOf(
    { ...asked, override_settings: overrides },
    baseOf(context, asked.override_settings),
    pictures,
  );
  if (asked.override_settings_restore_afterwards === false && asked.override_settings)
    await changeOptions(context, asked.override_settings);
  const title = (asked.prompt ?? '').slice(0, 80) || 'a picture';
  return answerOf(body, dialect, await drawAndWait(context, dialect.payload, { title, signal }));
}

async function drawFrom(context: StudioContext, body: Img2Img, signal: AbortSignal): Promise<object> {
  const [first] = body.init_images ?? [];
  if (!first) throw new LoraError('INIT_NOT_FOUND', 'Init image not found', { exit: 'usage' });
  const init = await uploadBase64(context, first);
  const mask = body.mask ? await uploadBase64(context, body.mask) : undefined;
  return draw(context, body, signal, { init, ...(mask === undefined ? {} : { mask }) });
}

/** What a picture says of itself: the text, and the fields that A1111 reads from it. One without a text says nothing. */
async function pictureInfo(image: string): Promise<object> {
  const bytes = bytesOfBase64(image);
  const found = await readPictureText(bytes).catch((error: unknown) => {
    if (error instanceof LoraError && error.code === 'PICTURE_HAS_NO_TEXT') return undefined;
    throw error;
  });
  const text = found?.parameters ?? '';
  return { info: text, items: text ? { parameters: text } : {}, parameters: text ? fieldsOf(text) : {} };
}

const scan = ({ scans }: StudioContext): Promise<void> => scans.scan();

export const a1111Routes: readonly RouteRow[] = [
  route({
    ...{ method: 'POST', path: `${base}/txt2img`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'Pictures from a prompt; `<lora:name:0.8>` in it adds a LoRA of the library.',
    ...{ body: txt2imgBody, response: anyJson },
    handle: (context, { body, signal }) => draw(context, body as Txt2Img, signal),
  }),
  route({
    ...{ method: 'POST', path: `${base}/img2img`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'Pictures from a picture, or inside a mask.',
    ...{ body: img2imgBody, response: anyJson, bodyLimit: pictureBody },
    handle: (context, { body, signal }) => drawFrom(context, body as Img2Img, signal),
  }),
  route({
    ...{ method: 'GET', path: `${base}/progress`, policy: 'read', tag: 'A1111', dialect: 'a1111' },
    summary: 'How far the picture is that is drawn now.',
    query: z.object({ skip_current_image: z.string().optional() }),
    response: anyJson,
    handle: (context, { query }) => progressOf(context, /^(true|1)$/i.test(query.skip_current_image ?? '')),
  }),
  post('/interrupt', 'Ends what is drawn now.', interrupt),
  post('/skip', 'Ends what is drawn now.', interrupt),
  get('/options', 'The checkpoint and other options.', optionsOf),
  route({
    ...{ method: 'POST', path: `${base}/options`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'Changes options; `sd_model_checkpoint` chooses the checkpoint.',
    ...{ body: z.record(z.string(), z.unknown()), response: anyJson },
    handle: async (context, { body }) => {
      await changeOptions(context, body);
      return {};
    },
  }),
  ...Object.entries(lists).map(([path, list]) => get(path, `A1111's list ${path.slice(1)}.`, list)),
  route({
    ...{ method: 'POST', path: `${base}/png-info`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'What a picture says of how it was made.',
    body: z.object({ image: z.string().max(pictureBody) }),
    ...{ response: anyJson, bodyLimit: pictureBody },
    handle: (_, { body }) => pictureInfo(body.image),
  }),
  ...['/refresh-loras', '/refresh-checkpoints', '/refresh-vae', '/refresh-embeddings'].map(path =>
    post(path, 'Looks for new files.', scan),
  ),
  post('/unload-checkpoint', 'Frees the memory of the checkpoint.', context => context.releaseMemory()),
  post('/reload-checkpoint', 'The checkpoint is opened when a picture is drawn.', () => ({})),
  route({
    ...{ method: 'POST', path: '/internal/progress', policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'As A1111’s page asks for progress.',
    body: z.object({
      id_task: z.string().nullish(),
      id_live_preview: z.number().nullish(),
      live_preview: z.boolean().nullish(),
    }),
    response: anyJson,
    handle: async (context, { body }) => {
      const now = (await progressOf(context, body.live_preview === false)) as {
        progress: number;
        eta_relative: number;
        current_image: string | null;
        textinfo: string | null;
        state: { job_count: number };
      };
      const active = now.state.job_count > 0;
      return {
        ...{ active, queued: false, completed: !active, progress: now.progress, eta: now.eta_relative },
        live_preview: now.current_image ? `data:image/png;base64,${now.current_image}` : null,
        ...{ id_live_preview: body.id_live_preview ?? -1, textinfo: now.textinfo },
      };
    },
  }),
  route({
    ...{ method: 'GET', path: '/internal/pending-tasks', policy: 'read', tag: 'A1111', dialect: 'a1111' },
    summary: 'Pictures that wait.',
    response: anyJson,
    handle: async ({ queue }) => {
      const { total, jobs } = await queue.list({ states: ['queued'], kinds: ['generate'], limit: 100 });
      return { size: total, tasks: jobs.map(({ id }) => id) };
    },
  }),
  route({
    ...{ method: 'GET', path: '/internal/ping', policy: 'read', tag: 'A1111', dialect: 'a1111' },
    ...{ summary: 'An empty answer.', response: anyJson, handle: () => new Reply('{}', 'application/json') },
  }),
];
