/**
 * The text encoders of SD 1.x, SD 2.x and SDXL at their real sizes against transformers (tools/goldens/real_sizes.py
 * text), with texts of one chunk and of several.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readClipConfig } from '../../src/models/checkpoint/config-files.ts';
import { clipShapes } from '../../src/models/clip/shapes.ts';
import { type Checkpoint, openTextConditioner, openTokenizer } from '../../src/models/index.ts';
import { type Digest, relativeError } from '../golden/hashed-weights.ts';
import { writeConfig } from '../support/configs.ts';
import { type HashedFile, writeHashed } from '../support/hashed-files.ts';
import { temporaryFolder } from '../support/pictures.ts';

type EncoderName = 'clipL' | 'openClipH' | 'openClipBigG';
interface Case {
  readonly tokens: number;
  readonly last: Digest;
  readonly penultimate: Digest;
  readonly pooled?: Digest;
}
type Golden = { readonly texts: string[] } & Readonly<
  Record<EncoderName, { config: Record<string, unknown>; cases: Case[] }>
>;
const golden: Golden = JSON.parse(
  readFileSync(new URL('../golden/data/real_text.json', import.meta.url), 'utf8'),
);

/** Float32 in another order of summation through 32 layers; measured 1e-6 … 3e-6. */
const tolerance = 2e-5;

/** The embedded model's vocabulary with the length, and for OpenCLIP the padding, of the real tokenizers. */
function tokenizerFolder(pad: string): string {
  const folder = join(temporaryFolder(), 'tokenizer');
  cpSync('pretrained/pocket/tokenizer', folder, { recursive: true });
  writeFileSync(join(folder, 'tokenizer_config.json'), '{"model_max_length": 77}');
  writeFileSync(join(folder, 'special_tokens_map.json'), JSON.stringify({ pad_token: pad }));
  return folder;
}

const open: HashedFile[] = [];
afterAll(() => {
  for (const file of open) file.remove();
});

async function textPart(name: EncoderName): Promise<Checkpoint['textEncoder']> {
  const config = readClipConfig(writeConfig(golden[name].config));
  const projects = name === 'openClipBigG';
  const shapes = clipShapes(config, { projects });
  // transformers 5, whose names the weights are made from, leaves the prefix out where nothing is projected.
  const names = [...shapes].map(
    ([key, shape]) => [projects ? key : key.replace('text_model.', ''), shape] as const,
  );
  const file = await writeHashed(new Map(names));
  open.push(file);
  const tokenizer = openTokenizer(tokenizerFolder(name === 'clipL' ? '<|endoftext|>' : '!'));
  return { config, weights: file.weights, files: file.weights.files, tokenizer };
}

async function encodeAll(checkpoint: Pick<Checkpoint, 'family' | 'textEncoder' | 'textEncoder2'>) {
  const conditioner = await openTextConditioner(checkpoint as Checkpoint);
  const states = [];
  for (const text of golden.texts) states.push(await conditioner.encode(text, { mostChunks: 16 }));
  await conditioner.release();
  return states;
}

test('the longest text has several chunks', () => {
  expect(golden.clipL.cases.map(({ tokens }) => tokens / 77)).toEqual([
    1,
    1,
    expect.any(Number),
    expect.any(Number),
  ]);
  expect(golden.clipL.cases[3].tokens).toBeGreaterThan(3 * 77);
});

describe.each([
  ['SD 1.x, CLIP-L', 'sd15', 'clipL'],
  ['SD 2.x, OpenCLIP-H', 'sd2', 'openClipH'],
] as const)('%s', (_, family, name) => {
  test('states of the last layer', async () => {
    const states = await encodeAll({ family, textEncoder: await textPart(name), textEncoder2: undefined });
    const errors = states.map(({ context }, i) => {
      expect(context.shape).toEqual([1, golden[name].cases[i].tokens, golden[name].config.hidden_size]);
      return relativeError(context, golden[name].cases[i].last);
    });
    console.log(`${name}: worst of ${errors.length} texts ${Math.max(...errors).toExponential(1)}`);
    expect(Math.max(...errors)).toBeLessThan(tolerance);
  });
});

test('SDXL: states before the last layer of CLIP-L and OpenCLIP-bigG side by side, and the pooled text', async () => {
  const [textEncoder, textEncoder2] = [await textPart('clipL'), await textPart('openClipBigG')];
  const states = await encodeAll({ family: 'sdxl', textEncoder, textEncoder2 });
  const errors = states.flatMap(({ context, pooled }, i) => {
    const [small, big] = [golden.clipL.cases[i], golden.openClipBigG.cases[i]];
    expect(context.shape).toEqual([1, small.tokens, 768 + 1280]);
    const columns = (from: number, to: number) => ({
      data: Float32Array.from({ length: small.tokens * (to - from) }, (_, at) => {
        const row = Math.floor(at / (to - from));
        return context.data[row * 2048 + from + (at % (to - from))];
      }),
    });
    return [
      relativeError(columns(0, 768), small.penultimate),
      relativeError(columns(768, 2048), big.penultimate),
      relativeError(pooled as { data: Float32Array }, big.pooled as Digest),
    ];
  });
  console.log(`SDXL: worst of ${errors.length} ${Math.max(...errors).toExponential(1)}`);
  expect(Math.max(...errors)).toBeLessThan(tolerance);
});
