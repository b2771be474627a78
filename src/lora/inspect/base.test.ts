/** ‖ΔW‖ with the base model: kinds that need it, by hand; those that do not, the same as without it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { floatTensorBytes, serializeSafetensors } from '../../files/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { inspectLora } from './inspect.ts';

const base = openCheckpoint('pretrained/pocket');
const layer = 'mid_block.attentions.0.transformer_blocks.0.attn1.to_q';
const name = `lora_unet_${layer.replaceAll('.', '_')}`;
const weight = base.unet.weights.read(`${layer}.weight`);
const [out, inside] = base.unet.weights.shape(`${layer}.weight`);
const norm = (values: Iterable<number>): number => Math.sqrt([...values].reduce((sum, x) => sum + x * x, 0));

function write(tensors: Record<string, readonly [readonly number[], Float32Array]>): string {
  const path = join(temporaryFolder(), 'x.safetensors');
  const entries = Object.entries(tensors).map(([role, [shape, data]]) => ({
    ...{ name: `${name}.${role}`, dtype: 'float32' as const, shape },
    bytes: floatTensorBytes({ shape, data }, 'float32'),
  }));
  writeFileSync(path, serializeSafetensors(entries));
  return path;
}

test('IA³: every output of the base weight times its number', async () => {
  const vector = Float32Array.from({ length: out }, (_, i) => 0.01 * (i % 5));
  const path = write({ weight: [[out], vector], on_input: [[], Float32Array.of(0)] });
  const expected = norm(weight.map((w, at) => w * vector[Math.floor(at / inside)]));
  const [module] = (await inspectLora(path, { base })).facts.modules;
  expect(module.norm).toBeCloseTo(expected, 6);
  expect(module.ratio).toBeCloseTo(expected / norm(weight), 6);
  expect((await inspectLora(path)).facts.modules[0].norm).toBeUndefined();
});

test('DoRA: magnitudes that are the norms of the changed weight leave ΔW, others do not', async () => {
  const down = Float32Array.from({ length: 2 * inside }, (_, i) => Math.sin(i));
  const up = Float32Array.from({ length: out * 2 }, (_, i) => 0.01 * Math.cos(i));
  const delta = Float64Array.from({ length: out * inside }, (_, at) => {
    const [o, i] = [Math.floor(at / inside), at % inside];
    return up[2 * o] * down[i] + up[2 * o + 1] * down[inside + i];
  });
  const magnitude = Float32Array.from({ length: out }, (_, o) =>
    norm(Array.from({ length: inside }, (_, i) => weight[o * inside + i] + delta[o * inside + i])),
  );
  const file = (factor: number): string =>
    write({
      'lora_down.weight': [[2, inside], down],
      'lora_up.weight': [[out, 2], up],
      dora_scale: [[out, 1], magnitude.map(x => factor * x)],
    });
  const same = (await inspectLora(file(1), { base })).facts;
  expect(same.modules[0]).toMatchObject({ normOf: 'change', isDecomposed: true });
  expect(same.modules[0].norm).toBeCloseTo(norm(delta), 4); // LyCORIS adds 2⁻²³ to every norm
  const without = (await inspectLora(file(2))).facts.modules[0];
  expect(without.normOf).toBe('factors');
  expect(without.norm).toBeCloseTo(norm(delta), 6);
  const doubled = norm(delta.map((d, at) => 2 * (weight[at] + d) - weight[at]));
  expect((await inspectLora(file(2), { base })).facts.modules[0].norm).toBeCloseTo(doubled, 4);
});
