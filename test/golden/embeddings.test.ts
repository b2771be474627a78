/** Textual inversions in every layout, written by torch and safetensors (tools/goldens/embeddings.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readEmbedding } from '../../src/generation/embeddings/read-embedding.ts';
import { temporaryFolder } from '../support/pictures.ts';

interface Case {
  readonly base64: string;
  readonly sha256: string;
  readonly token: string | null;
  /** By encoder, or `one`. */
  readonly tensors: Record<string, { shape: number[]; data: number[] }>;
}
interface Golden {
  readonly cases: Record<string, Case>;
  readonly refused: Record<string, string>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/embeddings.json', import.meta.url), 'utf8'));
const folder = temporaryFolder();

function written(name: string, base64: string): string {
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(base64, 'base64'));
  return path;
}

describe('every number is that of torch', () => {
  test.each(Object.entries(golden.cases))('%s', (name, { base64, sha256, token, tensors }) => {
    const read = readEmbedding(written(name, base64));
    expect(read.hash).toBe(sha256);
    expect(read.token).toBe(token ?? undefined);
    const expected = Object.entries(tensors).map(([part, { shape, data }]) => [
      part,
      { shape, data: Float32Array.from(data) },
    ]);
    const found = 'data' in read.tensors ? { one: read.tensors } : read.tensors;
    expect(found).toEqual(Object.fromEntries(expected));
  });
});

test.each([
  ['legacy.pt', 'TORCH_LEGACY', /before 1\.6|without an archive/],
  ['module.pt', 'PICKLE_REFUSED', /torch\.nn\.modules\.linear\.Linear/],
  ['dtype.pt', 'PICKLE_REFUSED', /torch\.float16/],
])('%s is %s', (name, code, message) => {
  expect(() => readEmbedding(written(name, golden.refused[name]))).toThrow(
    expect.objectContaining({ code, exit: 'badInput', message: expect.stringMatching(message) }),
  );
});
