/** What a reader must refuse: the attacks that the safetensors format's own tests list, and cut-off files. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openSafetensors, readTensor } from './safetensors.ts';
import { serializeSafetensors } from './safetensors-write.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-safetensors-'));

function save(bytes: Uint8Array): string {
  const path = join(folder, 'a.safetensors');
  writeFileSync(path, bytes);
  return path;
}

function fileOf(header: string, dataBytes: number, claimed = Buffer.byteLength(header)): Uint8Array {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(claimed));
  return Buffer.concat([size, Buffer.from(header), Buffer.alloc(dataBytes)]);
}

const entry = (shape: number[], offsets: number[], dtype = 'F32'): string =>
  JSON.stringify({ dtype, shape, data_offsets: offsets });
const header = (...tensors: string[]): string => `{${tensors.map((t, i) => `"${'abc'[i]}":${t}`).join()}}`;

describe('refuses', () => {
  test.each<[string, string, Uint8Array]>([
    ['nothing', 'FORMAT_TRUNCATED', new Uint8Array()],
    ['a header longer than the file', 'FORMAT_TRUNCATED', fileOf('{}', 0, 1000)],
    ['a header of 2^60 bytes', 'FORMAT_HEADER', fileOf('{}', 0, 2 ** 60)],
    ['a pickle', 'FORMAT_PICKLE', Uint8Array.of(0x80, 2, 0x7d, 0x71, 0, 0x2e, 0, 0)],
    ['a zip, as torch.save makes', 'FORMAT_PICKLE', Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0)],
    ['no JSON', 'FORMAT_HEADER', fileOf('{"a":', 0)],
    ['an array', 'FORMAT_HEADER', fileOf('[]', 0)],
    [
      'broken UTF-8',
      'FORMAT_HEADER',
      Buffer.concat([fileOf('', 0, 4), Buffer.from([0x7b, 0xff, 0xff, 0x7d])]),
    ],
    ['a name twice', 'FORMAT_DUPLICATE', fileOf(`{"a":${entry([1], [0, 4])},"a":${entry([1], [0, 4])}}`, 4)],
    ['metadata that is no text', 'FORMAT_METADATA', fileOf('{"__metadata__":{"a":1}}', 0)],
    ['an unknown dtype', 'FORMAT_DTYPE', fileOf(header(entry([1], [0, 4], 'F31')), 4)],
    ['a negative size', 'FORMAT_SHAPE', fileOf(header(entry([-1], [0, 4])), 4)],
    ['a size that overflows', 'FORMAT_SHAPE', fileOf(header(entry([2 ** 40, 2 ** 40], [0, 4])), 4)],
    ['too few bytes for the shape', 'FORMAT_SHAPE', fileOf(header(entry([2], [0, 4])), 4)],
    ['offsets the wrong way round', 'FORMAT_SHAPE', fileOf(header(entry([1], [4, 0])), 4)],
    ['overlapping tensors', 'FORMAT_OVERLAP', fileOf(header(entry([2], [0, 8]), entry([1], [4, 8])), 8)],
    ['a hole between tensors', 'FORMAT_HOLE', fileOf(header(entry([1], [0, 4]), entry([1], [8, 12])), 12)],
    ['bytes after the last tensor', 'FORMAT_HOLE', fileOf(header(entry([1], [0, 4])), 5)],
    ['data cut off', 'FORMAT_TRUNCATED', fileOf(header(entry([2], [0, 8])), 7)],
  ])('%s: %s', (_, code, bytes) => {
    const path = save(bytes);
    expect(() => openSafetensors(path)).toThrow(expect.objectContaining({ code, exit: 'badInput' }));
  });

  test('a folder', () => {
    expect(() => openSafetensors(folder)).toThrow(expect.objectContaining({ code: 'FILE_UNREADABLE' }));
  });

  test('every cut of a good file', () => {
    const bytes = serializeSafetensors(
      [{ name: 'a', dtype: 'float32', shape: [3], bytes: new Uint8Array(12) }],
      { note: 'x' },
    );
    for (let length = 0; length < bytes.length; length++) {
      const path = save(bytes.subarray(0, length));
      expect(() => openSafetensors(path), `${length} bytes`).toThrow(/a\.safetensors/);
    }
    expect(openSafetensors(save(bytes)).tensors.size).toBe(1);
  });
});

test('a header whose length looks like a pickle', () => {
  const text = JSON.stringify({ __metadata__: { a: '' } });
  const padded = JSON.stringify({ __metadata__: { a: 'x'.repeat(0x0280 - text.length) } });
  const bytes = fileOf(padded, 0); // 80 02 00 …
  expect([...bytes.subarray(0, 3)]).toEqual([0x80, 2, 0]);
  expect(openSafetensors(save(bytes)).metadata.a).toMatch(/^x+$/);
});

test('what is written is read back, whatever its names and sizes', () => {
  const tensors = fc.uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1 }).filter(name => name !== '__metadata__'),
      values: fc.array(fc.float({ noNaN: true }), { maxLength: 9 }),
    }),
    { selector: ({ name }) => name, maxLength: 6 },
  );
  fc.assert(
    fc.property(tensors, fc.dictionary(fc.string(), fc.string()), (given, metadata) => {
      const entries = given.map(({ name, values }) => ({
        name,
        dtype: 'float32' as const,
        shape: [values.length],
        bytes: new Uint8Array(Float32Array.from(values).buffer),
      }));
      const file = openSafetensors(save(serializeSafetensors(entries, metadata)));
      expect({ ...file.metadata }).toEqual({ ...metadata });
      expect(file.dataOffset % 8).toBe(0);
      for (const { name, values } of given) expect([...readTensor(file, name).data]).toEqual(values);
    }),
    { numRuns: 50 },
  );
});
