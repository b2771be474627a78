/** Copies of one LoRA that differ in a known way: what `diffLoras` and `findDuplicates` must say of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { randomStream } from '../../engine/index.ts';
import { floatTensorBytes, serializeSafetensors, type WeightDType } from '../../files/index.ts';
import { inspectLora } from '../inspect/inspect.ts';
import { diffLoras } from './diff.ts';
import { findDuplicates } from './duplicates.ts';

const folder = temporaryFolder();
const [out, inside, rank] = [48, 40, 4];
const blocks = ['down_blocks.0', 'down_blocks.1', 'up_blocks.1'];
const layers = blocks.map(block => `${block}.attentions.0.transformer_blocks.0.attn1.to_q`);

type Values = Readonly<Record<string, readonly [shape: readonly number[], data: Float32Array]>>;

function write(name: string, values: Values, metadata = {}, dtype: WeightDType = 'float32'): string {
  const entries = Object.entries(values).map(([key, [shape, data]]) => ({
    ...{ name: key, dtype, shape, bytes: floatTensorBytes({ shape, data }, dtype) },
  }));
  const path = join(folder, `${name}.safetensors`);
  writeFileSync(path, serializeSafetensors(entries, metadata));
  return path;
}

function factors(seed: number, layer: number): { down: Float32Array; up: Float32Array } {
  const { normal } = randomStream(seed, 'diff test', layer);
  return {
    down: Float32Array.from({ length: rank * inside }, normal),
    up: Float32Array.from({ length: out * rank }, () => 0.1 * normal()),
  };
}

/** In kohya's names, with the alpha given. */
function kohya(seed: number, alpha: number): Values {
  const rows = layers.flatMap((layer, i) => {
    const { down, up } = factors(seed, i);
    const name = `lora_unet_${layer.replaceAll('.', '_')}`;
    return [
      [`${name}.lora_down.weight`, [[rank, inside], down]],
      [`${name}.lora_up.weight`, [[out, rank], up]],
      [`${name}.alpha`, [[], Float32Array.of(alpha)]],
    ];
  });
  return Object.fromEntries(rows);
}

/** In Diffusers' names, where alpha is the rank: the scale is in `up`. */
function diffusers(seed: number, scale: number): Values {
  const rows = layers.flatMap((layer, i) => {
    const { down, up } = factors(seed, i);
    return [
      [`unet.${layer}.lora.down.weight`, [[rank, inside], down]],
      [`unet.${layer}.lora.up.weight`, [[out, rank], up.map(x => scale * x)]],
    ];
  });
  return Object.fromEntries(rows);
}

/** The matrices themselves. */
function full(seed: number, scale: number): Values {
  const rows = layers.map((layer, i) => {
    const { down, up } = factors(seed, i);
    const delta = new Float32Array(out * inside);
    for (let o = 0; o < out; o++)
      for (let r = 0; r < rank; r++)
        for (let k = 0; k < inside; k++)
          delta[o * inside + k] += scale * up[o * rank + r] * down[r * inside + k];
    return [`lora_unet_${layer.replaceAll('.', '_')}.diff`, [[out, inside], delta]];
  });
  return Object.fromEntries(rows);
}

const original = write('original', kohya(1, 2), { ss_output_name: 'a' });
const copies = {
  renamed: write('renamed', kohya(1, 2), { ss_output_name: 'b', note: 'x' }),
  diffusers: write('diffusers', diffusers(1, 0.5)),
  full: write('full', full(1, 0.5)),
  rounded: write('rounded', kohya(1, 2), {}, 'bfloat16'),
  stronger: write('stronger', kohya(1, 6)),
};
const another = write('another', kohya(2, 2));

describe('diffLoras', () => {
  test.each([
    ['itself', original, 'file', true],
    ['other metadata', copies.renamed, 'tensors', true],
    ['another dialect, with the scale in the factors', copies.diffusers, 'weights', true],
    ['full matrices', copies.full, 'weights', true],
    ['rounded to bfloat16', copies.rounded, 'close', false],
    ['three times as strong', copies.stronger, 'scaled', false],
    ['another LoRA', another, 'different', false],
  ] as const)('%s', async (_, path, verdict, isSame) => {
    const difference = await diffLoras(original, path);
    expect(difference).toMatchObject({ verdict, isSame });
    expect(difference.modules.length).toBe(layers.length);
  });

  test('the tolerance decides what is the same, and metadata are told by key', async () => {
    expect((await diffLoras(original, copies.rounded, { tolerance: 0.01 })).isSame).toBe(true);
    expect((await diffLoras(original, copies.renamed)).metadata).toEqual([
      { key: 'note', b: 'x' },
      { key: 'ss_output_name', a: 'a', b: 'b' },
    ]);
  });

  test('a strength is the ratio of the norms', async () => {
    const { norms, cosine, distance } = await diffLoras(original, copies.stronger);
    expect(norms[1] / norms[0]).toBeCloseTo(3, 9);
    expect(cosine).toBeCloseTo(1, 9);
    expect(distance).toBeCloseTo(2 / 3, 9);
  });

  test('LoRAs of other layers share nothing', async () => {
    const name = 'lora_te_text_model_encoder_layers_0_mlp_fc1';
    const elsewhere = write('elsewhere', {
      [`${name}.lora_down.weight`]: [[1, 8], new Float32Array(8).fill(1)],
      [`${name}.lora_up.weight`]: [[8, 1], new Float32Array(8).fill(1)],
    });
    const difference = await diffLoras(original, elsewhere);
    expect(difference).toMatchObject({ verdict: 'different', modules: [], cosine: 0 });
    expect([difference.onlyInA.length, difference.onlyInB.length]).toEqual([3, 1]);
  });

  test('kinds that need their base are compared by their tensors', async () => {
    const vector = (fill: number): Values => ({
      'lora_unet_mid_block_attentions_0_proj_in.weight': [[4], new Float32Array(4).fill(fill)],
      'lora_unet_mid_block_attentions_0_proj_in.on_input': [[], Float32Array.of(0)],
    });
    const [one, two] = [write('ia3-1', vector(0.5)), write('ia3-2', vector(0.25))];
    const { modules } = await diffLoras(one, two);
    expect(modules[0]).toMatchObject({ by: 'tensors', distance: 0.5, cosine: 1 });
    expect(await diffLoras(one, original)).toMatchObject({ verdict: 'different' });
  });
});

test('findDuplicates: all copies are of one group, and another LoRA is of none', async () => {
  const paths = [another, original, ...Object.values(copies)];
  const loras = await Promise.all(paths.map(path => inspectLora(path)));
  const [group, ...more] = await findDuplicates(loras);
  expect(more).toEqual([]);
  expect(group.path).toBe(copies.full); // the largest file
  expect(group.others.map(({ path }) => path).sort()).toEqual(
    [original, copies.renamed, copies.diffusers, copies.rounded, copies.stronger].sort(),
  );
  const verdicts = new Map(group.others.map(({ path, verdict }) => [path, verdict]));
  expect([verdicts.get(copies.rounded), verdicts.get(copies.diffusers)]).toEqual(['close', 'weights']);
  const stronger = group.others.find(({ path }) => path === copies.stronger);
  expect(stronger).toMatchObject({ verdict: 'scaled' });
  expect(stronger?.strength).toBeCloseTo(3, 5);
});
