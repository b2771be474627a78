/** Weights held in another form give what the same numbers, widened beforehand, give. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as f from '../../engine/index.ts';
import { floatTensorBytes, serializeSafetensors } from '../../files/index.ts';
import { openWeights } from '../checkpoint/weights.ts';
import { openScope, type WeightSource } from '../layers.ts';
import { holdWeights, isExactForm, quantizeRows } from './held-weights.ts';

const noise = (name: string, shape: readonly number[]): f.Tensor => {
  const stream = f.randomStream(1, name, 0, 0);
  return f.tensor(
    shape,
    stream.normals(f.elementCount(shape)).map(x => x / 8),
  );
};
const shapes = {
  'fc.weight': [192, 128],
  'fc.bias': [192],
  'conv.weight': [64, 192, 3, 3],
  'conv.bias': [64],
  'token_embedding.weight': [300, 64],
};
const weights = new Map(Object.entries(shapes).map(([name, shape]) => [name, noise(name, shape)]));

const tensorsAs = (dtype: 'float32' | 'float16') =>
  [...weights].map(([name, { shape, data }]) => ({
    ...{ name, dtype, shape },
    bytes: floatTensorBytes({ shape, data }, dtype),
  }));

let folder: string;
const sources = new Map<'float32' | 'float16', WeightSource>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lora-held-'));
  for (const dtype of ['float32', 'float16'] as const) {
    writeFileSync(join(folder, `${dtype}.safetensors`), serializeSafetensors(tensorsAs(dtype)));
    sources.set(dtype, openWeights(folder, dtype));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));
const source = (dtype: 'float32' | 'float16'): WeightSource => sources.get(dtype) as WeightSource;

/** The same weights as arrays: what `place` holds, widened here. */
function asArrays(from: WeightSource): WeightSource {
  const bytes = (name: string): Float32Array => {
    const place = from.bytes(name);
    if (!('form' in place)) return from.read(name);
    const { values, scales } = place.load();
    if (values instanceof Uint16Array) return f.widenHalf(values);
    const width = values.length / (scales?.length ?? 1);
    return Float32Array.from(values, (x, i) => x * (scales?.[Math.floor(i / width)] ?? 1));
  };
  return { ...from, bytes };
}

/** Output and input gradient of a linear layer and a convolution over the same values. */
async function run(from: WeightSource, foldBelowBytes: number): Promise<Record<string, f.Tensor>> {
  const graph = f.createGraph();
  const x = f.input(graph, 'x', [64, 128]);
  const scope = openScope(graph, from, 'part');
  const h = f.transpose(scope.linear(x, 'fc'), [1, 0]); // [192, 64]
  const y = scope.conv2d(f.reshape(h, [1, 192, 8, 8]), 'conv');
  const [gradient] = f.gradients(f.reshape(f.reduceSum(f.square(y), [0, 1, 2, 3]), []), [x]);
  f.output('y', y);
  f.output('gradient', gradient);
  const session = await f.openSession(graph, { foldBelowBytes });
  const result = await session.run({ x: noise('x', [64, 128]) });
  await session.release();
  return result;
}

function largestDifference(a: f.Tensor, b: f.Tensor): number {
  const scale = Math.hypot(...b.data) / Math.sqrt(b.data.length);
  return a.data.reduce((worst, x, i) => Math.max(worst, Math.abs(x - b.data[i])), 0) / scale;
}

describe.each(['float32', 'float16'] as const)('a %s file', dtype => {
  describe.each([0, 2 ** 30])('folded below %d bytes', fold => {
    test.each(['float16', 'int8'] as const)('held as %s', async form => {
      const held = holdWeights(source(dtype), form);
      const [actual, expected] = [await run(held, fold), await run(asArrays(held), fold)];
      // The same float32 numbers, read in another order by the kernels at most.
      for (const name of ['y', 'gradient'])
        expect(largestDifference(actual[name], expected[name])).toBeLessThan(1e-5);
    });
  });
});

describe.each(['float32', 'float16'] as const)('a table in a %s file', dtype => {
  const ids = { shape: [2, 2], data: BigInt64Array.of(299n, 0n, 7n, 7n) };
  test.each(['file', 'float16', 'int8'] as const)(
    'held as %s, it is read by the row and not rounded',
    async form => {
      const from = form === 'file' ? source(dtype) : holdWeights(source(dtype), form);
      const graph = f.createGraph();
      const table = openScope(graph, from, 'part').weight('token_embedding.weight');
      f.output('rows', f.gather(table, f.input(graph, 'ids', [2, 2], 'int64')));
      const session = await f.openSession(graph, { foldBelowBytes: 0 });
      const { nodes } = session.lowered.model;
      const { rows } = await session.run({ ids });
      await session.release();
      expect(nodes.map(({ op }) => op)).toEqual(dtype === 'float32' ? ['Gather'] : ['Gather', 'Cast']);
      const whole = source(dtype).read('token_embedding.weight');
      const expected = [...ids.data].flatMap(id => [
        ...whole.subarray(64 * Number(id), 64 * Number(id) + 64),
      ]);
      expect([...rows.data]).toEqual(expected);
    },
  );
});

test('which forms are exact', () => {
  const exact = (dtype: 'float32' | 'float16') =>
    (['float16', 'int8'] as const).map(form => isExactForm(source(dtype), form));
  expect(exact('float32')).toEqual([false, false]);
  expect(exact('float16')).toEqual([true, false]);
});

test('int8 rows are off by half a step at most, and zero rows stay zero', () => {
  const { data } = noise('rows', [4, 100]);
  data.fill(0, 100, 200);
  const { values, scales } = quantizeRows(data, 4);
  for (const [i, x] of data.entries())
    expect(Math.abs(values[i] * scales[Math.floor(i / 100)] - x)).toBeLessThanOrEqual(
      scales[Math.floor(i / 100)] / 2 + 1e-9,
    );
  expect(scales[1]).toBe(0);
});

test('what a held weight takes is told before it is made', () => {
  const place = holdWeights(source('float32'), 'int8').bytes('fc.weight');
  expect(place.length).toBe(192 * 128 + 4 * 192);
});
