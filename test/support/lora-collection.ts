/** @file A collection of LoRAs as users have them: thousands of files of a few shapes, whose data are holes. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { bytesPerElement, elementCount, randomStream } from '../../src/engine/index.ts';
import { safetensorsHeader } from '../../src/files/index.ts';
import { nameOf } from '../../src/lora/index.ts';
import { baseOfFamily } from './lora-files.ts';
import type { TensorShape } from './make-checkpoint.ts';

/** kohya's default targets. */
const targets =
  /\.(?:to_[qkv]|to_out\.0|proj_in|proj_out|ff\.net\.0\.proj|ff\.net\.2|[qkv]_proj|out_proj|fc[12])$/;
const attention = /\.(?:to_[qkv]|to_out\.0)$/;

interface Shape {
  readonly family: 'sd15' | 'sdxl';
  readonly rank: number;
  readonly which: RegExp;
  /** Files of a hundred. */
  readonly share: number;
}

const shapes: readonly Shape[] = [
  { family: 'sd15', rank: 32, which: targets, share: 25 },
  { family: 'sd15', rank: 128, which: targets, share: 20 },
  { family: 'sd15', rank: 8, which: targets, share: 10 },
  { family: 'sd15', rank: 16, which: attention, share: 10 },
  { family: 'sdxl', rank: 32, which: targets, share: 25 },
  { family: 'sdxl', rank: 16, which: attention, share: 10 },
];

/** Down, up and alpha of each layer, in kohya's words. */
export function kohyaTensors({
  family,
  rank,
  which,
}: Pick<Shape, 'family' | 'rank' | 'which'>): TensorShape[] {
  const naming = family === 'sdxl' ? 'kohyaSdxl' : 'kohya';
  return baseOfFamily(family)
    .layers.filter(({ target, shape }) => shape.length > 1 && which.test(target))
    .flatMap(({ target, shape: [out, inside, ...kernel] }) => {
      const name = nameOf(target, naming, family);
      const dtype = 'float16' as const;
      return [
        { name: `${name}.alpha`, dtype, shape: [] },
        { name: `${name}.lora_down.weight`, dtype, shape: [rank, inside, ...kernel] },
        { name: `${name}.lora_up.weight`, dtype, shape: [out, rank, ...kernel.map(() => 1)] },
      ];
    });
}

export const kohyaTargets = targets;

interface Table {
  /** The header's tensors, without the brace before them. */
  readonly tail: string;
  readonly dataBytes: number;
  readonly shape: Shape;
}

function tableOf(shape: Shape): Table {
  const tensors = kohyaTensors(shape);
  const header = Buffer.from(safetensorsHeader(tensors, {}).subarray(8)).toString('utf8').trimEnd();
  const dataBytes = tensors.reduce(
    (sum, one) => sum + elementCount(one.shape) * bytesPerElement[one.dtype],
    0,
  );
  return { tail: header.replace(/^\{("__metadata__":\{\},)?/, ''), dataBytes, shape };
}

const syllables = [
  'ka',
  'ri',
  'mo',
  'to',
  'shi',
  'ne',
  'bu',
  'la',
  'ver',
  'dan',
  'zo',
  'pi',
  'el',
  'gra',
  'wen',
  'os',
];
const subjects = ['style', 'character', 'concept', 'clothing', 'pose', 'background', 'lighting', 'vehicle'];
const artists = ['Anna', 'Boris', 'Chen', 'Dilek', 'Emeka', 'Freya', 'Goran', 'Hana', 'Ines', 'Jiro'];

type Random = ReturnType<typeof randomStream>;
const pick = <T>(random: Random, values: readonly T[]): T => values[random.integer(values.length)];
const word = (random: Random): string =>
  Array.from({ length: 2 + random.integer(2) }, () => pick(random, syllables)).join('');

/** As sd-scripts writes them, the long ones included. */
function metadataOf(
  random: Random,
  name: string,
  { family, rank }: Shape,
  i: number,
): Record<string, string> {
  const tags = Object.fromEntries(
    Array.from({ length: 40 + random.integer(260) }, () => [
      `${word(random)} ${word(random)}`,
      1 + random.integer(40),
    ]),
  );
  const plain = Array.from({ length: 50 }, (_, n) => [`ss_setting_${n}`, 'None']);
  return {
    ...Object.fromEntries(plain),
    ss_base_model_version: family === 'sdxl' ? 'sdxl_base_v1-0' : 'sd_v1',
    ss_network_module: 'networks.lora',
    ss_network_dim: `${rank}`,
    ss_network_alpha: `${rank / 2}`,
    ss_output_name: name,
    ss_session_id: `${1_000_000 + i}`,
    ss_sd_model_name: family === 'sdxl' ? 'sd_xl_base_1.0.safetensors' : 'v1-5-pruned.safetensors',
    ss_steps: `${500 + random.integer(3000)}`,
    ss_epoch: '10',
    ss_num_epochs: '10',
    ss_learning_rate: '0.0001',
    ss_resolution: family === 'sdxl' ? '(1024, 1024)' : '(512, 512)',
    ss_optimizer: 'bitsandbytes.optim.adamw.AdamW8bit',
    ss_training_started_at: `${1_700_000_000 + 60 * i}.5`,
    ss_tag_frequency: JSON.stringify({ [`10_${name}`]: { [name]: 40, ...tags } }),
    ss_dataset_dirs: JSON.stringify({ [`10_${name}`]: { n_repeats: 10, img_count: 40 } }),
    sshs_model_hash: random
      .integer(2 ** 31)
      .toString(16)
      .padStart(64, 'a'),
  };
}

/** A file with these data at its start; the rest is a hole. */
export function writeHole(
  path: string,
  header: { readonly metadata: Readonly<Record<string, string>>; readonly tail: string },
  dataBytes: number,
  start: Uint8Array,
): void {
  const json = Buffer.from(`{"__metadata__":${JSON.stringify(header.metadata)},${header.tail}`);
  const padded = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, 0x20);
  head.writeBigUInt64LE(BigInt(padded));
  json.copy(head, 8);
  const file = openSync(path, 'w');
  writeSync(file, head);
  writeSync(file, start);
  ftruncateSync(file, head.length + dataBytes);
  closeSync(file);
}

export interface CollectionOptions {
  /** Beside every so many files lies an A1111 side file. */
  readonly sideFileEvery?: number;
  readonly seed?: number;
}

/** Writes `count` files into folders of `root` by subject and artist; returns their paths. */
export function writeCollection(
  root: string,
  count: number,
  { sideFileEvery = 4, seed = 1 }: CollectionOptions = {},
): string[] {
  const random = randomStream(seed, 'collection');
  const tables = shapes.flatMap(shape => Array<Table>(shape.share).fill(tableOf(shape)));
  const seen = new Set<string>();
  return Array.from({ length: count }, (_, i) => {
    const table = tables[(i * 37) % tables.length];
    const name = `${word(random)}_${word(random)}_${pick(random, subjects)}_v${1 + random.integer(4)}_${i}`;
    const folder = join(root, pick(random, subjects), pick(random, artists));
    if (!seen.has(folder)) mkdirSync(folder, { recursive: true });
    seen.add(folder);
    const path = join(folder, `${name}.safetensors`);
    const start = Buffer.alloc(64);
    for (let at = 0; at < 64; at += 4) start.writeUInt32LE(random.integer(2 ** 31), at);
    // The first tensor is an alpha; the rest of its bytes are of the first weights.
    start.writeUInt16LE(0x4c00, 0);
    writeHole(
      path,
      { metadata: metadataOf(random, name, table.shape, i), tail: table.tail },
      table.dataBytes,
      start,
    );
    if (i % sideFileEvery === 0)
      writeFileSync(
        path.replace(/\.safetensors$/, '.json'),
        JSON.stringify({
          'activation text': `${name}, masterpiece`,
          'preferred weight': 0.8,
          notes: word(random),
        }),
      );
    return path;
  });
}
