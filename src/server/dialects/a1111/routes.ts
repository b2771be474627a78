/** @file A1111's HTTP API, as far as its clients use it: `/sdapi/v1`, `/internal`. */
import { z } from 'zod';
import { LoraError, usageError } from '../../../errors.ts';
import { readPictureText } from '../../../generation/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply, type RouteRow, route } from '../../route.ts';
import { bytesOfBase64, uploadBase64 } from '../base64-picture.ts';
import { drawAll } from '../drawing.ts';
import { withNearLoras } from '../near-loras.ts';
import { interrupt, pendingTasks, progressOf, taskProgressOf } from './desk.ts';
import { enlarge, extraBatchBody, extraSingleBody } from './extras.ts';
import { type Asked, type Img2Img, img2imgBody, isFromPicture, txt2imgBody } from './fields.ts';
import { answerOf } from './info.ts';
import { fieldsOf, withInfotext } from './infotext.ts';
import { lists } from './lists.ts';
import { seekCheckpoint } from './models.ts';
import { baseOf, changeOptions, keptOptions, optionsOf } from './options.ts';
import { type GivenPictures, payloadsOf } from './payload.ts';
import { openTask } from './tasks.ts';
import { unfinishedPictures } from './unfinished.ts';
import { usedSettings } from './used-settings.ts';

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

/** Draws what is asked for, under the id that the client gave it. */
async function draw(context: StudioContext, body: Asked, signal: AbortSignal): Promise<object> {
  const task = openTask(context, body.force_task_id);
  try {
    const { asked, notApplied } = withInfotext(body, hash => seekCheckpoint(context, hash) !== undefined);
    const overrides = asked.override_settings ?? {};
    const used = usedSettings(keptOptions(context), overrides);
    const jobs = payloadsOf(
      asked,
      baseOf(context, overrides),
      { ...used, notApplied: [...used.notApplied, ...notApplied] },
      isFromPicture(asked) ? await givenPictures(context, asked) : {},
    );
    if (asked.override_settings_restore_afterwards === false) await changeOptions(context, overrides);
    const title = (asked.prompt ?? '').slice(0, 80) || 'a picture';
    const drawn = await drawAll(context, jobs.payloads, {
      ...{ title, signal, onJobs: task.jobs, unfinished: unfinishedPictures(context) },
    });
    return await answerOf(asked, jobs, drawn);
  } catch (error) {
    throw withNearLoras(context, error);
  } finally {
    task.end();
  }
}

async function givenPictures(context: StudioContext, { init_images, mask }: Img2Img): Promise<GivenPictures> {
  if (!init_images || init_images.length === 0)
    throw new LoraError('INIT_NOT_FOUND', 'Init image not found', { exit: 'usage' });
  const inits: string[] = [];
  for (const picture of init_images) inits.push(await uploadBase64(context, picture));
  return { inits, ...(mask ? { mask: await uploadBase64(context, mask) } : {}) };
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
    handle: (context, { body, signal }) => draw(context, body, signal),
  }),
  route({
    ...{ method: 'POST', path: `${base}/img2img`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'Pictures from a picture, or inside a mask.',
    ...{ body: img2imgBody, response: anyJson, bodyLimit: pictureBody },
    handle: (context, { body, signal }) => draw(context, { init_images: null, ...body }, signal),
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
  route({
    ...{
      method: 'POST',
      path: `${base}/extra-single-image`,
      policy: 'change',
      tag: 'A1111',
      dialect: 'a1111',
    },
    summary: 'Enlarges a picture without a model: None, Lanczos, Nearest.',
    ...{ body: extraSingleBody, response: anyJson, bodyLimit: pictureBody },
    handle: async (_, { body }) => {
      const { png, told } = await enlarge(body.image, body);
      return { html_info: told, image: png.toString('base64') };
    },
  }),
  route({
    ...{
      method: 'POST',
      path: `${base}/extra-batch-images`,
      policy: 'change',
      tag: 'A1111',
      dialect: 'a1111',
    },
    summary: 'Enlarges several pictures.',
    ...{ body: extraBatchBody, response: anyJson, bodyLimit: pictureBody },
    handle: async (_, { body }) => {
      const given =
        body.imageList?.map(({ data }) => data) ?? body.image_list?.map(({ image }) => image) ?? [];
      const images: string[] = [];
      const told: string[] = [];
      // One after the other: each takes the memory of a whole picture.
      for (const image of given) {
        const done = await enlarge(image, body);
        images.push(done.png.toString('base64'));
        told.push(done.told);
      }
      return { html_info: told.join(''), images };
    },
  }),
  route({
    ...{ method: 'POST', path: `${base}/interrogate`, policy: 'change', tag: 'A1111', dialect: 'a1111' },
    summary: 'Not offered: no model here describes pictures. Always 422.',
    ...{ response: anyJson, bodyLimit: pictureBody },
    handle: () => {
      const hint = 'Write captions yourself, or with another program.';
      throw usageError('INTERROGATE_UNSUPPORTED', 'no model that describes pictures is there', hint);
    },
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
    handle: (context, { body }) => taskProgressOf(context, body),
  }),
  route({
    ...{ method: 'GET', path: '/internal/pending-tasks', policy: 'read', tag: 'A1111', dialect: 'a1111' },
    summary: 'Pictures that wait.',
    response: anyJson,
    handle: pendingTasks,
  }),
  route({
    ...{ method: 'GET', path: '/internal/ping', policy: 'read', tag: 'A1111', dialect: 'a1111' },
    ...{ summary: 'An empty answer.', response: anyJson, handle: () => new Reply('{}', 'application/json') },
  }),
];
