import { describe, expect, test } from 'vitest';
import { elementCount, type Shape, type Tensor } from '../../engine/index.ts';
import { deltaOf } from './delta.ts';
import { misfit } from './fit.ts';
import type { ModuleKind, ModuleTensors } from './module.ts';
import { alphaOf, kindOf, missingRoles, strangeRoles } from './table.ts';

const zeros = (shape: Shape): Tensor => ({ shape, data: new Float32Array(elementCount(shape)) });

const tensorsOf = (shapes: Readonly<Record<string, Shape>>): ModuleTensors =>
  Object.fromEntries(Object.entries(shapes).map(([role, shape]) => [role, zeros(shape)])) as ModuleTensors;

type Row = [ModuleKind, Shape, Record<string, Shape>, RegExp];

const misfits: readonly Row[] = [
  ['lora', [24, 16], { down: [16, 4], up: [24, 4] }, /down is \[16,4\].*\[24,16\] takes \[16,16\]/],
  ['lora', [24, 16], { down: [4, 16], up: [4, 24] }, /up is \[4,24\].*takes \[24,4\]/],
  ['lora', [24, 32], { down: [4, 16], up: [24, 4] }, /down is \[4,16\].*\[24,32\] takes \[4,32\]/],
  ['lora', [24, 16], { down: [4, 16, 3, 3], up: [24, 4, 1, 1] }, /down is \[4,16,3,3\]/],
  ['lora', [24, 16], { down: [0, 16], up: [24, 0] }, /rank is 0/],
  ['lora', [24, 16], { down: [4, 16], up: [24, 4], magnitude: [20, 1] }, /magnitude is \[20,1\].*\[24\]/],
  ['lora', [24], { down: [4, 16], up: [24, 4] }, /not for a norm of the shape \[24\]/],
  ['lora', [24, 16, 3, 3], { down: [4, 16, 1, 1], up: [24, 4, 1, 1], mid: [4, 4, 1, 1] }, /mid is/],
  [
    'loha',
    [24, 16],
    { hada_w1_a: [24, 4], hada_w1_b: [4, 16], hada_w2_a: [24, 3], hada_w2_b: [3, 16] },
    /w2_a/,
  ],
  ['lokr', [24, 16], { lokr_w1: [5, 4], lokr_w2: [6, 4] }, /lokr_w2 is \[6,4\].*takes others/],
  ['lokr', [24, 16], { lokr_w1: [4, 4], lokr_w2: [6, 5] }, /lokr_w2 is \[6,5\].*takes \[6,4\]/],
  ['full', [24, 16], { diff: [16, 24] }, /diff is \[16,24\]/],
  ['full', [24, 16], { diff_b: [16] }, /diff_b is \[16\].*takes \[24\]/],
  ['norm', [24, 16], { w_norm: [24] }, /not for a layer/],
  ['ia3', [24, 16], { ia3: [16] }, /ia3 is \[16\].*takes \[24\]/],
  ['glora', [24, 16], { a1: [16, 4], a2: [4, 16], b1: [24, 4], b2: [4, 24] }, /b2 is \[4,24\]/],
  ['oft', [24, 16], { oft_blocks: [5, 5, 5] }, /oft_blocks is \[5,5,5\]/],
  ['oft', [24, 16], { oft_blocks: [6, 4, 3] }, /takes others/],
  ['boft', [24, 16], { oft_blocks: [4, 4, 6, 6] }, /takes others/],
];

describe('modules that are not for a layer', () => {
  test.each(misfits)('%s on [%s]: %j', (kind, shape, shapes, sentence) => {
    expect(misfit({ kind, tensors: tensorsOf(shapes) }, shape)).toMatch(sentence);
  });

  test('a linear layer and a 1×1 convolution are alike', () => {
    const linear = tensorsOf({ down: [4, 16], up: [24, 4] });
    const convolution = tensorsOf({ down: [4, 16, 1, 1], up: [24, 4, 1, 1] });
    expect(misfit({ kind: 'lora', tensors: linear }, [24, 16, 1, 1])).toBeUndefined();
    expect(misfit({ kind: 'lora', tensors: convolution }, [24, 16])).toBeUndefined();
  });
});

describe('what tensors make', () => {
  test('half a pair is no kind, and what it lacks is named', () => {
    expect(kindOf(tensorsOf({ down: [4, 16] }))).toBeUndefined();
    expect(missingRoles('lora', tensorsOf({ down: [4, 16] }))).toEqual(['up']);
    expect(missingRoles('lokr', tensorsOf({ lokr_w1_a: [4, 2], lokr_w2: [6, 4] }))).toEqual(['lokr_w1']);
    expect(strangeRoles('lora', tensorsOf({ down: [4, 16], up: [24, 4], hada_t1: [4, 4] }))).toEqual([
      'hada_t1',
    ]);
  });

  test('alpha that is missing or 0 is the rank; a rotation without one is not limited', () => {
    expect(alphaOf('lora', undefined, 8)).toBe(8);
    expect(alphaOf('loha', 0, 8)).toBe(8);
    expect(alphaOf('lora', 2, 8)).toBe(2);
    expect(alphaOf('oft', undefined, 0)).toBe(0);
    expect(alphaOf('full', 3, 0)).toBe(1);
  });

  test('strength 0 changes nothing and reads no base', async () => {
    const tensors = tensorsOf({ oft_blocks: [6, 4, 4], rescale: [24, 1] });
    const base = (): never => {
      throw new Error('read');
    };
    const module = { target: 'a', kind: 'oft', tensors, rank: 0, alpha: 0 } as const;
    expect(await deltaOf(module, { strength: 0, shape: [24, 16], base })).toEqual({});
  });
});
