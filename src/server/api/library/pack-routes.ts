/** @file Routes of packs: one file that holds a LoRA with all that belongs to it. */
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { badInput } from '../../../errors.ts';
import {
  packContentOf,
  packLora,
  receiveFile,
  takeLora,
  type Unpacked,
  unpackLora,
} from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply, type RouteRow, route } from '../../route.ts';
import { unpacked } from '../../schemas/cards.ts';
import { flag } from '../../schemas/common.ts';
import { cardParams } from '../params.ts';
import { cardOf } from './card-routes.ts';

const tag = 'library';
const packBytes = 4 * 2 ** 30;

/** A folder of its own in the cache, gone when the answer is. */
async function roomIn({ data }: StudioContext): Promise<{ folder: string; clear: () => void }> {
  const folder = join(data.cache, 'packs', randomBytes(8).toString('hex'));
  await mkdir(folder, { recursive: true });
  return { folder, clear: () => void rm(folder, { recursive: true, force: true }).catch(() => undefined) };
}

async function packed(
  context: StudioContext,
  id: string,
  withNotes: boolean,
  signal: AbortSignal,
): Promise<Reply> {
  const card = cardOf(context, id);
  if (card.use !== 'lora') throw badInput('CARD_WRONG_USE', `${card.name} is no LoRA: only they are packed`);
  const file = context.library.pathOf(id);
  const preview = await context.library.preview(id);
  const { folder, clear } = await roomIn(context);
  try {
    const content = await packContentOf(file, { card, preview, withNotes });
    const fileName = `${basename(file).replace(/\.safetensors$/i, '')}.lorapack`;
    const { path, bytes } = await packLora(content, join(folder, fileName), { signal });
    const stream = createReadStream(path).on('close', clear);
    const headers = { 'content-length': String(bytes) };
    return new Reply(stream, 'application/zip', { fileName, headers });
  } catch (error) {
    clear();
    throw error;
  }
}

const safeName = (name: string): string =>
  name
    .split(/[\\/]/)
    .at(-1)!
    .replace(/[^\p{L}\p{N} ._-]+/gu, '_')
    .replace(/^[ .]+|[ .]+$/g, '')
    .slice(0, 80) || 'pack';

/** Of what begins as no zip does, only as much as it takes to say what it is. */
async function* packParts(stream: Readable): AsyncGenerator<Uint8Array> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const part of stream) {
    if (start === undefined) {
      yield part;
      continue;
    }
    start = Buffer.concat([start, part]);
    if (start.length < 16) continue;
    yield start;
    if (start.toString('latin1', 0, 2) !== 'PK') return;
    start = undefined;
  }
  if (start !== undefined) yield start;
}

const ofModel = /\.safetensors$/i;

/** A pack is unpacked, a single LoRA takes its own name. */
async function takeIn(
  path: string,
  folder: string,
  signal: AbortSignal,
): Promise<Pick<Unpacked, 'models' | 'skipped'> & { kind: Unpacked['kind'] | 'safetensors' }> {
  if (!ofModel.test(path)) return unpackLora(path, folder, { signal });
  const model = await takeLora(path, basename(path).replace(ofModel, ''), folder);
  return { kind: 'safetensors', models: [model], skipped: [] };
}

export const packRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path: '/api/v1/library/cards/:id/pack', policy: 'read', tag },
    summary: 'A LoRA with previews, card, recipe, licence and checksums in one `.lorapack`, to be saved.',
    ...{ params: cardParams, query: z.strictObject({ notes: flag.optional() }) },
    handle: (context, { params, query, signal }) => packed(context, params.id, query.notes ?? false, signal),
  }),
  route({
    ...{ method: 'POST', path: '/api/v1/library/packs', policy: 'upload', tag, status: 201 },
    summary:
      'Unpacks a `.lorapack` or a zip with LoRAs, or takes a LoRA’s `.safetensors`, into the folder of the studio. Nothing is overwritten.',
    query: z.strictObject({ name: z.string().min(1).max(400).default('pack.lorapack') }),
    ...{ response: unpacked, bodyLimit: packBytes },
    handle: async (context, { query, stream, signal }) => {
      if (!stream) throw badInput('UPLOAD_EMPTY', 'there is no file in the request');
      const { folder, clear } = await roomIn(context);
      try {
        const name = safeName(query.name);
        const { path } = await receiveFile(Readable.from(packParts(stream)), folder, {
          ...{ name, mostBytes: packBytes },
        });
        await rename(path, join(folder, name));
        const { models, skipped, kind } = await takeIn(join(folder, name), context.data.loras, signal);
        void context.scans.scan();
        return {
          kind,
          models: await Promise.all(
            models.map(async model => ({
              ...{ fileName: basename(model.path), what: model.what, wasThere: model.wasThere },
              bytes: (await stat(model.path)).size,
            })),
          ),
          skipped: skipped.map(({ path: inside, reason }) => ({ path: inside, reason })),
        };
      } finally {
        clear();
      }
    },
  }),
];
