/** @file OpenAI's images API: generations, edits, models. `lora: [{name, weight}]` and `<lora:…>` in prompts add LoRAs. */
import { z } from 'zod';
import { badInput, usageError } from '../../../errors.ts';
import { type GeneratePayload, parsePayload } from '../../../jobs/index.ts';
import type { Card } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { type FormFile, type RouteRequest, type RouteRow, route } from '../../route.ts';
import { cardsOf, findCheckpoint } from '../a1111/models.ts';
import { type Drawn, drawAndWait } from '../drawing.ts';
import { withNearLoras } from '../near-loras.ts';
import { saveUpload } from '../needs.ts';
import { isTransparent, maskOf } from './mask.ts';
import { servePicture, signedPath } from './signed.ts';
import { type StreamOptions, streamPictures } from './stream.ts';

const base = '/v1';
const anyJson = z.unknown();

/** Forms send numbers and switches as text. */
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most).nullish();
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform(text => text === 'true')]).nullish();
const named = z.object({ name: z.string().min(1).max(400), weight: z.number().min(-10).max(10).default(1) });
const loraList = z.union([
  z.array(named).max(32),
  z
    .string()
    .max(20_000)
    .transform((text, context) => {
      try {
        return z.array(named).max(32).parse(JSON.parse(text));
      } catch {
        context.addIssue({ code: 'custom', message: 'a list of {name, weight} as JSON' });
        return z.NEVER;
      }
    }),
]);

const shared = {
  prompt: z.string().min(1).max(100_000),
  ...{ model: z.string().max(400).nullish(), n: whole(1, 10), size: z.string().max(20).nullish() },
  ...{ quality: z.string().max(20).nullish(), response_format: z.enum(['url', 'b64_json']).nullish() },
  output_format: z.enum(['png', 'jpeg', 'webp']).nullish(),
  ...{
    output_compression: whole(0, 100),
    stream: flag,
    partial_images: whole(0, 3),
    user: z.string().nullish(),
  },
  // Beyond OpenAI's own.
  ...{ negative_prompt: z.string().max(100_000).nullish(), lora: loraList.nullish() },
  ...{ seed: whole(0, Number.MAX_SAFE_INTEGER), steps: whole(1, 1000) },
};
const generationBody = z.object(shared);
const editBody = z.object({ ...shared, strength: z.coerce.number().min(0).max(1).nullish() });
type Asked = z.output<typeof generationBody>;

type RouteHeaders = RouteRequest<unknown, unknown, unknown>['headers'];

/** What an answer is made from beside the pictures. */
interface Answering {
  readonly asked: Asked;
  readonly signal: AbortSignal;
  readonly headers: RouteHeaders;
  readonly kind: StreamOptions['kind'];
}

/** What each quality of theirs takes in steps. */
const stepsOf: Readonly<Record<string, number>> = {
  low: 12,
  standard: 20,
  medium: 20,
  auto: 20,
  high: 32,
  hd: 32,
};

/** Names that clients have built in stand for the base that the studio has chosen. */
const isTheirs = (model: string): boolean => /^(gpt-image|chatgpt-image|dall-e)/.test(model);

function baseOf(context: StudioContext, model: string | null | undefined): string {
  if (model && !isTheirs(model)) return findCheckpoint(context, model).id;
  const { base: chosen } = context.settings.get();
  return context.library.card(chosen) ? chosen : 'pocket';
}

function sizeOf(size: string | null | undefined): { width?: number; height?: number } {
  if (!size || size === 'auto') return {};
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/.exec(size) ?? [];
  if (width === undefined) throw usageError('SIZE_INVALID', `size "${size}" is not WIDTHxHEIGHT or auto`);
  return { width: Number(width), height: Number(height) };
}

/** LoRAs beside the prompt become tags of it, which the library resolves by name. */
const withLoras = ({ prompt, lora }: Asked): string =>
  prompt +
  (lora ?? [])
    .map(({ name, weight }) => ` <lora:${/[:>]/.test(name) ? `"${name}"` : name}:${weight}>`)
    .join('');

function payloadOf(context: StudioContext, asked: Asked, more: object = {}): GeneratePayload {
  const { n, quality, output_format: format, output_compression: compression, seed, steps } = asked;
  if (quality && !Object.hasOwn(stepsOf, quality)) {
    throw usageError(
      'QUALITY_INVALID',
      `there is no quality "${quality}"`,
      `There is ${Object.keys(stepsOf).join(', ')}.`,
    );
  }
  return parsePayload('generate', {
    base: baseOf(context, asked.model),
    ...{ prompt: withLoras(asked), negativePrompt: asked.negative_prompt ?? '' },
    ...{ count: n ?? 1, ...sizeOf(asked.size), steps: steps ?? stepsOf[quality ?? 'auto'] },
    ...(seed === null || seed === undefined ? {} : { seed }),
    ...(format ? { format } : {}),
    ...(format && format !== 'png' && typeof compression === 'number'
      ? { quality: Math.max(1, compression) }
      : {}),
    ...{ previewEvery: asked.stream && (asked.partial_images ?? 0) > 0 ? 2 : 0 },
    ...more,
  });
}

/** Under the name by which the client reached the studio, which may be another machine's. */
const rootOf = (context: StudioContext, { host }: RouteHeaders): string =>
  typeof host === 'string' ? `${new URL(context.address()).protocol}//${host}` : context.address();

function answerOf(context: StudioContext, { asked, headers }: Answering, { job, pictures }: Drawn): object {
  // Their older models answer with addresses unless told otherwise, the newer ones never do.
  const wantsUrl =
    (asked.response_format ?? (asked.model?.startsWith('dall-e') ? 'url' : 'b64_json')) === 'url';
  return {
    created: Math.floor(job.createdAt / 1000),
    data: pictures.map(({ bytes, name }) => {
      if (!wantsUrl) return { b64_json: bytes.toString('base64') };
      const artefact = job.artefacts.find(one => one.name === name);
      return { url: rootOf(context, headers) + signedPath(context.secret, artefact?.path ?? '') };
    }),
    output_format: asked.output_format ?? 'png',
    size: `${pictures[0].width}x${pictures[0].height}`,
    quality: asked.quality ?? 'auto',
  };
}

async function answer(
  context: StudioContext,
  payload: GeneratePayload,
  answering: Answering,
): Promise<unknown> {
  const { asked, signal, kind } = answering;
  const title = asked.prompt.slice(0, 80);
  if (asked.stream) {
    const facts = {
      ...{ size: asked.size ?? 'auto', quality: asked.quality ?? 'auto', background: 'opaque' },
      output_format: asked.output_format ?? 'png',
    };
    return streamPictures(context, payload, {
      ...{ title, signal, partial: asked.partial_images ?? 0, kind, facts },
    });
  }
  try {
    return answerOf(context, answering, await drawAndWait(context, payload, { title, signal }));
  } catch (error) {
    throw withNearLoras(context, error);
  }
}

/** The picture that is edited, and what of it is drawn anew. */
async function givenOf(
  context: StudioContext,
  files: readonly FormFile[],
): Promise<{ init: string; mask: string | undefined }> {
  const images = files.filter(({ field }) => ['image', 'image[]'].includes(field));
  const [image] = images;
  if (!image) throw badInput('INIT_NOT_GIVEN', 'the form has no file named image');
  if (images.length > 1)
    throw usageError(
      'IMAGES_TOO_MANY',
      `${images.length} images are given`,
      'One picture is edited at a time.',
    );
  const mask = files.find(({ field }) => field === 'mask');
  const hole = mask?.bytes ?? ((await isTransparent(image.bytes)) ? image.bytes : undefined);
  const { id: init } = await saveUpload(context, image.bytes);
  return { init, mask: hole && (await saveUpload(context, await maskOf(hole))).id };
}

function modelOf({ name, addedAt }: Card): object {
  return { id: name, object: 'model', created: Math.floor(addedAt / 1000), owned_by: 'you' };
}

export const openAiRoutes: readonly RouteRow[] = [
  route({
    ...{
      method: 'POST',
      path: `${base}/images/generations`,
      policy: 'change',
      tag: 'OpenAI',
      dialect: 'openai',
    },
    summary: 'Pictures from a prompt.',
    ...{ body: generationBody, response: anyJson },
    handle: (context, { body, signal, headers }) =>
      answer(context, payloadOf(context, body), { asked: body, signal, headers, kind: 'image_generation' }),
  }),
  route({
    ...{
      method: 'POST',
      path: `${base}/images/edits`,
      policy: 'change',
      tag: 'OpenAI',
      dialect: 'openai',
      isForm: true,
    },
    summary: 'Pictures from a picture; where its mask is transparent, it is drawn anew.',
    ...{ body: editBody, response: anyJson, bodyLimit: 52 << 20 },
    async handle(context, { body, files, signal, headers }) {
      const { init, mask } = await givenOf(context, files);
      const size = body.size && body.size !== 'auto' ? {} : { width: undefined, height: undefined };
      const inpaint = mask === undefined ? undefined : { mask };
      const strength = body.strength ?? (mask === undefined ? 0.75 : 1);
      const payload = payloadOf(context, body, { ...size, init: { picture: init, strength }, inpaint });
      return answer(context, payload, { asked: body, signal, headers, kind: 'image_edit' });
    },
  }),
  route({
    ...{ method: 'GET', path: `${base}/models`, policy: 'read', tag: 'OpenAI', dialect: 'openai' },
    ...{ summary: 'The checkpoints of the library.', response: anyJson },
    handle: ({ library }) => ({
      object: 'list',
      data: cardsOf(library, 'checkpoint').map(modelOf),
    }),
  }),
  route({
    ...{ method: 'GET', path: `${base}/models/:name`, policy: 'read', tag: 'OpenAI', dialect: 'openai' },
    ...{ summary: 'One of them.', params: z.object({ name: z.string().max(400) }), response: anyJson },
    handle: (context, { params }) => modelOf(findCheckpoint(context, params.name)),
  }),
  route({
    ...{
      method: 'GET',
      path: `${base}/images/files/:name`,
      policy: 'open',
      tag: 'OpenAI',
      dialect: 'openai',
    },
    summary: 'A picture by the address that an answer gave; for an hour.',
    params: z.object({ name: z.string().max(400) }),
    query: z.object({ until: z.coerce.number().int(), key: z.string().max(100) }),
    handle: (context, { params, query }) => servePicture(context, { ...params, ...query }),
  }),
];
