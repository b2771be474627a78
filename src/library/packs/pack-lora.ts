/** @file Writes a `.lorapack`: the same LoRA and card give the same bytes, whenever and wherever it is packed. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { pipeline, type Readable, Transform } from 'node:stream';
import { ZipFile } from 'yazl';
import { badInput, LoraError, usageError } from '../../errors.ts';
import { hashFile, hashTensorData, writeAtomically, writeWhole } from '../../files/index.ts';
import { previewPng } from '../side-files/export-preview.ts';
import { stemOf } from '../side-files/siblings.ts';
import {
  type Checksums,
  loraName,
  packCardSchema,
  packEnding,
  packFormat,
  packNames,
  previewName,
  usualLimits,
} from './format.ts';
import { safeStem } from './names.ts';
import type { PackContent, PackedFacts } from './pack-content.ts';

export interface PackOptions {
  /** Replace a pack of that name. */
  readonly replace?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PackedLora {
  readonly path: string;
  readonly bytes: number;
  readonly members: readonly { readonly name: string; readonly bytes: number }[];
  readonly sha256: string;
  readonly notes: readonly string[];
}

const jsonBytes = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What is known of the licence; its own text is where its name leads. */
function licenceText({ name, license, author }: PackedFacts): Buffer | undefined {
  if (license === undefined) return undefined;
  const lines = [`${name}`, `Licence: ${license}`, ...(author === undefined ? [] : [`Author: ${author}`])];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** All members but the list and the LoRA itself. */
async function smallMembers(
  content: PackContent,
  hashes: { sha256: string; autoV3: string },
): Promise<[string, Buffer][]> {
  const card = packCardSchema.parse({ ...content.card, hashes });
  const licence = licenceText(content.card);
  const previews = await Promise.all(
    content.previews.slice(0, usualLimits.previews).map(async (picture, i): Promise<[string, Buffer]> => {
      return [previewName(i), Buffer.from(await previewPng(picture, `preview ${i + 1}`))];
    }),
  );
  return [
    [packNames.card, jsonBytes(card)],
    ...(licence === undefined ? [] : [[packNames.licence, licence] as [string, Buffer]]),
    ...(content.recipe === undefined
      ? []
      : [[packNames.recipe, Buffer.from(content.recipe)] as [string, Buffer]]),
    ...previews,
  ];
}

/** A time of DOS, which is local: no zone is in it. The first day that there is would be cut in some zones. */
const plain = () =>
  ({ mtime: new Date(1981, 0, 1), mode: 0o100644, compress: false, forceDosTimestamp: true }) as const;

/** Passes on what it hashes, and fails at the end where the file is not what it was. */
function checkedStream(path: string, expected: string, signal?: AbortSignal): Transform {
  const hash = createHash('sha256');
  const out = new Transform({
    transform(block: Buffer, _, done) {
      hash.update(block);
      done(null, block);
    },
    flush(done) {
      const isSame = hash.digest('hex') === expected;
      const hint = 'Wait until what writes it is done, then pack again.';
      done(
        isSame ? null : new LoraError('PACK_CHANGED', `${path} was changed while it was packed`, { hint }),
      );
    },
  });
  pipeline(
    createReadStream(path, { highWaterMark: 2 ** 20, ...(signal ? { signal } : {}) }),
    out,
    () => undefined,
  );
  return out;
}

interface Lora {
  readonly path: string;
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The zip as it is written: the list first, the LoRA last. */
function zipOf(
  small: readonly (readonly [string, Buffer])[],
  lora: Lora,
  signal?: AbortSignal,
): AsyncIterable<Buffer> {
  const files: Checksums['files'] = Object.fromEntries(
    small.map(([name, bytes]) => [name, { sha256: sha256(bytes), bytes: bytes.length }]),
  );
  files[lora.name] = { sha256: lora.sha256, bytes: lora.bytes };
  const zip = new ZipFile();
  const out = zip.outputStream as Readable;
  zip.on('error', error => out.destroy(error));
  zip.addBuffer(jsonBytes({ format: packFormat, files }), packNames.checksums, plain());
  for (const [name, bytes] of small) zip.addBuffer(bytes, name, plain());
  zip.addReadStreamLazy(lora.name, { ...plain(), size: lora.bytes }, done => {
    const stream = checkedStream(lora.path, lora.sha256, signal);
    stream.on('error', error => out.destroy(error));
    done(null, stream);
  });
  zip.end();
  return out;
}

/** Packs into `out`. Throws PACK_ENDING, WRITE_EXISTS, PACK_CHANGED, PICTURE_NOT_A_PICTURE; leaves nothing on failure. */
export async function packLora(
  content: PackContent,
  out: string,
  options: PackOptions = {},
): Promise<PackedLora> {
  if (!out.toLowerCase().endsWith(packEnding))
    throw usageError(
      'PACK_ENDING',
      `${out} does not end in ${packEnding}`,
      `Call it ${basename(out)}${packEnding}.`,
    );
  const { path } = content;
  const { size: bytes } = statSync(path);
  const [whole, body] = [await hashFile(path), await hashTensorData(path)];
  options.signal?.throwIfAborted();
  const name = loraName(safeStem(stemOf(basename(path))));
  const small = await smallMembers(content, { sha256: whole, autoV3: body.slice(0, 12) });
  const total = small.reduce((sum, [, { length }]) => sum + length, bytes);
  if (total > usualLimits.total)
    throw badInput('PACK_TOO_LARGE', `${path} has ${bytes} bytes; at most ${usualLimits.total} are packed`);
  await writeAtomically(
    out,
    async file => {
      for await (const block of zipOf(small, { path, name, bytes, sha256: whole }, options.signal)) {
        options.signal?.throwIfAborted();
        await writeWhole(file, block);
      }
    },
    { keepExisting: options.replace !== true },
  );
  const members = [...small.map(([name, { length }]) => ({ name, bytes: length })), { name, bytes }];
  return { path: out, bytes: statSync(out).size, members, sha256: whole, notes: content.notes };
}
