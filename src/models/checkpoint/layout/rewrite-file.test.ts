import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { elementCount, type Shape } from '../../../engine/index.ts';
import {
  floatTensorBytes,
  hashTensorData,
  openSafetensors,
  readTensor,
  readTensorBytes,
  serializeSafetensors,
  type WritableTensor,
} from '../../../files/index.ts';
import { transposed } from '../single/stored-weights.ts';
import type { FilePiece } from './file-pieces.ts';
import { planFile, type RewriteOptions, rewriteFile } from './rewrite-file.ts';

const ramp = (shape: Shape, step: number): Float32Array =>
  Float32Array.from({ length: elementCount(shape) }, (_, i) => ((i % 97) - 40) * step);

function tensor(name: string, shape: Shape, dtype: 'float16' | 'float32' = 'float16'): WritableTensor {
  return { name, shape, dtype, bytes: floatTensorBytes({ shape, data: ramp(shape, 0.01) }, dtype) };
}

/** As OpenCLIP stores them: q, k and v in one matrix, the projection transposed. */
const tensors: readonly WritableTensor[] = [
  tensor('attn.in_proj_weight', [24, 8]),
  tensor('attn.in_proj_bias', [24]),
  tensor('text_projection', [8, 6]),
  tensor('alone', [5, 4], 'float32'),
  { name: 'position_ids', shape: [3], dtype: 'int64', bytes: new Uint8Array(24).fill(7) },
];

const pieces = new Map<string, FilePiece[]>([
  [
    'attn.in_proj_weight',
    // Not in the order of the file.
    ([2, 0, 1] as const).map(third => ({
      name: 'attn.in_proj_weight',
      weight: `te.${'qkv'[third]}.weight`,
      third,
      shape: [8, 8],
    })),
  ],
  [
    'attn.in_proj_bias',
    ([0, 1, 2] as const).map(third => ({
      name: 'attn.in_proj_bias',
      weight: `te.${'qkv'[third]}.bias`,
      third,
      shape: [8],
    })),
  ],
  [
    'text_projection',
    [{ name: 'text_projection', weight: 'te.projection.weight', turned: true, shape: [6, 8] }],
  ],
  ['alone', [{ name: 'alone', weight: 'te.alone.weight', shape: [5, 4] }]],
]);

const changed = ['te.q.weight', 'te.v.weight', 'te.k.bias', 'te.projection.weight', 'te.alone.weight'];

/** Adds a tenth of the base and a half, in two runs, so that a wrong place or a changed base shows. */
const change: RewriteOptions['change'] = async function* (_, shape, base) {
  const numbers = base().map(x => 0.1 * x + 0.5);
  const middle = Math.floor(shape[0] / 2) * elementCount(shape.slice(1));
  yield { start: 0, numbers: numbers.subarray(0, middle) };
  yield { start: middle, numbers: numbers.subarray(middle) };
};

function written(metadata: Record<string, string> = {}): { folder: string; path: string; out: string } {
  const folder = mkdtempSync(join(tmpdir(), 'rewrite-'));
  const path = join(folder, 'in.safetensors');
  writeFileSync(path, serializeSafetensors(tensors, metadata));
  return { folder, path, out: join(folder, 'out.safetensors') };
}

const options: RewriteOptions = {
  changed: new Set(changed),
  change,
  metadata: ({ metadata }) => ({ entries: { ...metadata, new: 'yes' } }),
};

async function rewrite(path: string, out: string, more: Partial<RewriteOptions> = {}) {
  const all = { ...options, ...more };
  await rewriteFile(planFile(path, pieces, all), out, all, { wrote: () => undefined });
  return openSafetensors(out);
}

/** The numbers that a tensor must have: every third of rows by itself. */
function expected(name: string): Float32Array {
  const { data } = readTensor(openSafetensors(written().path), name);
  const isChanged = (at: number): boolean => {
    if (name === 'attn.in_proj_weight') return Math.floor(at / 64) !== 1;
    return name !== 'attn.in_proj_bias' || Math.floor(at / 8) === 1;
  };
  return data.map((x, at) => (isChanged(at) ? x + Math.fround(0.1 * x + 0.5) : x));
}

test.each([undefined, 'float32', 'bfloat16'] as const)(
  'pieces change where the file has them (%s)',
  async dtype => {
    const { path, out } = written();
    const file = await rewrite(path, out, dtype ? { dtype } : {});
    // Half a step of the type at numbers up to 1.2.
    const tolerance = { float32: 1e-6, bfloat16: 2 ** -8, float16: 2 ** -11 }[dtype ?? 'float16'];
    for (const name of pieces.keys()) {
      const { data } = readTensor(file, name);
      for (const [i, x] of expected(name).entries())
        expect(Math.abs(data[i] - x), `${name} ${i}`).toBeLessThanOrEqual(tolerance);
    }
    expect(Buffer.from(readTensorBytes(file, 'position_ids'))).toEqual(Buffer.alloc(24, 7));
    expect(file.metadata.new).toBe('yes');
  },
);

test('what does not change is the same bytes', async () => {
  const { path, out } = written();
  const file = await rewrite(path, out, { changed: new Set(['te.k.weight']) });
  const [before, after] = [openSafetensors(path), file].map(one =>
    readTensorBytes(one, 'attn.in_proj_weight'),
  );
  const third = before.length / 3;
  for (const [i, isSame] of [true, false, true].entries())
    expect(
      Buffer.compare(
        before.subarray(i * third, (i + 1) * third),
        after.subarray(i * third, (i + 1) * third),
      ) === 0,
    ).toBe(isSame);
});

test('hashes that the file had are computed again, and late entries are put in', async () => {
  const stale = { 'modelspec.hash_sha256': `0x${'1'.repeat(64)}`, sshs_model_hash: '1'.repeat(64) };
  const { path, out } = written(stale);
  const late = async (): Promise<Record<string, string>> => ({ when: 'then' });
  const metadata: RewriteOptions['metadata'] = file => ({
    entries: { ...file.metadata, when: 'soon' },
    late,
  });
  const file = await rewrite(path, out, { metadata });
  const hash = await hashTensorData(out);
  expect(file.metadata).toMatchObject({
    when: 'then',
    sshs_model_hash: hash,
    'modelspec.hash_sha256': `0x${hash}`,
  });
});

test('a number that the type cannot hold is refused with its tensor, and nothing is left', async () => {
  const { folder, path, out } = written();
  const huge: RewriteOptions['change'] = async function* (_, shape) {
    yield { start: 0, numbers: new Float32Array(elementCount(shape)).fill(70_000) };
  };
  const error = await rewrite(path, out, { change: huge }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'WEIGHT_TOO_LARGE', exit: 'badInput' });
  expect(String(error)).toMatch(/attn\.in_proj|text_projection/);
  expect(readdirSync(folder)).toEqual(['in.safetensors']);
  await rewrite(path, out, { change: huge, dtype: 'bfloat16' });
});

test('transposing is undone', () => {
  expect(transposed(transposed(ramp([8, 6], 1), [8, 6]), [6, 8])).toEqual(ramp([8, 6], 1));
});
