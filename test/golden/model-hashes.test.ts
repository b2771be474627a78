/** Hashes of model files against sd-scripts' own functions and OneTrainer's rule (tools/goldens/model_hashes.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/engine/index.ts';
import {
  bodyHash,
  hashByName,
  hashTensorData,
  legacyHash,
  modelHashes,
  openSafetensors,
  rewriteMetadata,
  serializeSafetensors,
  streamSafetensors,
  type WritableTensor,
  writeFileAtomic,
} from '../../src/files/index.ts';
import { dtypeByName } from '../../src/files/safetensors-dtypes.ts';
import { canonicalOrder, tensorBytes } from '../../src/files/safetensors-write.ts';
import { temporaryFolder } from '../support/pictures.ts';

interface Case {
  readonly case: string;
  readonly tensors: readonly [name: string, dtype: string, shape: number[]][];
  readonly metadata: Readonly<Record<string, string>>;
  readonly sshs_model_hash: string;
  readonly sshs_legacy_hash: string;
  readonly 'modelspec.hash_sha256': string;
  readonly byName: string;
}

const cases = JSON.parse(readFileSync('test/golden/data/model-hashes.json', 'utf8')) as Case[];

function tensorsOf({ tensors }: Case): WritableTensor[] {
  return tensors.map(([name, type, shape]) => {
    const one = { name, dtype: dtypeByName.get(type) as DType, shape };
    const byte = (_: unknown, i: number): number => 31 * i + (i >> 8) * 17 + name.length;
    return { ...one, bytes: Uint8Array.from({ length: tensorBytes(one) }, byte) };
  });
}

const hashes = ['sshs_model_hash', 'sshs_legacy_hash', 'modelspec.hash_sha256'] as const;
const statedIn = (metadata: Readonly<Record<string, string>>): unknown[] => hashes.map(key => metadata[key]);
const path = (): string => join(temporaryFolder(), 'a.safetensors');

describe.each(cases.map(one => [one.case, one] as const))('%s', (_, one) => {
  const tensors = tensorsOf(one);
  const expected = statedIn(one as unknown as Record<string, string>);

  test('of a whole file in memory', () => {
    const training = Object.entries(one.metadata).filter(([key]) => key.startsWith('ss_'));
    const bytes = serializeSafetensors(tensors, Object.fromEntries(training));
    expect([bodyHash(bytes), legacyHash(bytes)]).toEqual([one.sshs_model_hash, one.sshs_legacy_hash]);
  });

  test('of a file on disk, whatever else its metadata say', async () => {
    const file = path();
    await writeFileAtomic(file, serializeSafetensors(tensors, { ...one.metadata, other: 'é'.repeat(999) }));
    const found = await modelHashes(openSafetensors(file));
    expect(found).toEqual({ tensors: one.sshs_model_hash, legacy: one.sshs_legacy_hash });
    expect(await hashTensorData(file)).toBe(one.sshs_model_hash);
    expect(await hashByName(openSafetensors(file))).toBe(one.byName);
  });

  test('put into a file while it is streamed, and while its metadata are written anew', async () => {
    const [file, copy] = [path(), path()];
    const sorted = canonicalOrder(tensors);
    const bytesOf = ({ name }: { name: string }): Uint8Array =>
      (sorted.find(tensor => tensor.name === name) as WritableTensor).bytes;
    await streamSafetensors(file, sorted, bytesOf, one.metadata, { hashes });
    expect(statedIn(openSafetensors(file).metadata)).toEqual(expected);
    await writeFileAtomic(copy, serializeSafetensors(tensors, { stale: 'x' }));
    const rewritten = await rewriteMetadata(openSafetensors(copy), copy, one.metadata, { hashes });
    expect(rewritten).toEqual({ tensors: one.sshs_model_hash, legacy: one.sshs_legacy_hash });
    expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
    expect(openSafetensors(copy).metadata).toEqual(openSafetensors(file).metadata);
  });
});
