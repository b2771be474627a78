/** @file OpenAI's images API: generations, edits, models. `lora: [{name, weight}]` and `<lora:…>` in prompts add LoRAs. */
import { z } from 'zod';
import { badInput, usageError } from '../../../errors.ts';
import { type GeneratePayload, parsePayload } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { type RouteRow, route } from '../../route.ts';
import { cardsOf, findCheckpoint } from '../a1111/models.ts';
import { type Drawn, drawAndWait } from '../drawing.ts';
import { saveUpload } from '../needs.ts';
import { maskOf } from './mask.ts';
import { servePicture, signedPath } from './signed.ts';
import { streamPictures } from './stream.ts';

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
      'QUALITY_UNKNOWN',
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

function answerOf(context: StudioContext, asked: Asked, { job, pictures }: Drawn): object {
  // Their older models answer with addresses unless told otherwise, the newer ones never do.
  const wantsUrl =
    (asked.response_format ?? (asked.model?.startsWith('dall-e') ? 'url' : 'b64_json')) === 'url';
  return {
    created: Math.floor(job.createdAt / 1000),
    data: pictures.map(({ bytes, name }) => {
      if (!wantsUrl) return { b64_json: bytes.toString('base64') };
      const artefact = job.artefacts.find(one => one.name === name);
      return { url: context.address() + signedPath(context.secret, artefact?.path ?? '') };
    }),
    output_format: asked.output_format ?? 'png',
    size: `${pictures[0].width}x${pictures[0].height}`,
    quality: asked.quality ?? 'auto',
  };
}

async function answer(
  context: StudioContext,
  asked: Asked,
  payload: GeneratePayload,
  signal: AbortSignal,
): Promise<unknown> {
  const title = asked.prompt.slice(0, 80);
  if (asked.stream)
    return streamPictures(context, payload, { title, signal, partial: asked.partial_images ?? 0 });
  return answerOf(context, asked, await drawAndWait(context, payload, { title, signal }));
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
    handle: (context, { body, signal }) => answer(context, body, payloadOf(context, body), signal),
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
    async handle(context, { body, files, signal }) {
      const image = files.find(({ field }) => field === 'image' || field === 'image[]');
      if (!image) throw badInput('INIT_NOT_FOUND', 'the form has no file named image');
      const mask = files.find(({ field }) => field === 'mask');
      const init = await saveUpload(context, image.bytes);
      const size = body.size && body.size !== 'auto' ? {} : { width: undefined, height: undefined };
      const inpaint = mask ? { mask: (await saveUpload(context, await maskOf(mask.bytes))).id } : undefined;
      const strength = body.strength ?? (mask ? 1 : 0.75);
      const payload = payloadOf(context, body, { ...size, init: { picture: init.id, strength }, inpaint });
      return answer(context, body, payload, signal);
    },
  }),
  route({
    ...{ method: 'GET', path: `${base}/models`, policy: 'read', tag: 'OpenAI', dialect: 'openai' },
    ...{ summary: 'The checkpoints of the library.', response: anyJson },
    handle: ({ library }) => ({
      object: 'list',
      data: cardsOf(library, 'checkpoint').map(({ name, addedAt }) => ({
        ...{ id: name, object: 'model', created: Math.floor(addedAt / 1000), owned_by: 'you' },
      })),
    }),
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
