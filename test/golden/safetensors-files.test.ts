/** Files that we write, byte for byte those of the safetensors library (tools/goldens/safetensors_headers.py); and back. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DType, elementCount } from '../../src/engine/index.ts';
import {
  openSafetensors,
  parseSafetensors,
  readTensorBytes,
  serializeSafetensors,
  streamSafetensors,
  type WritableTensor,
} from '../../src/files/index.ts';
import { dtypeByName, dtypeNames } from '../../src/files/safetensors-dtypes.ts';
import { canonicalOrder, tensorBytes } from '../../src/files/safetensors-write.ts';

interface Written {
  readonly tensors: readonly [name: string, dtype: string, shape: number[]][];
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly sha256: string;
}

const { written } = JSON.parse(readFileSync('test/golden/data/safetensors-headers.json', 'utf8')) as {
  written: Written[];
};

function tensorOf(name: string, dtype: DType, shape: readonly number[]): WritableTensor {
  const first = Buffer.byteLength(name);
  const bytes = Uint8Array.from({ length: tensorBytes({ name, dtype, shape }) }, (_, i) => 31 * i + first);
  return { name, dtype, shape, bytes };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const folder = mkdtempSync(join(tmpdir(), 'lora-safetensors-'));

test.each(written.map((one, i) => [i, one] as const))('file %i of the library', async (_, one) => {
  const tensors = one.tensors.map(([name, type, shape]) =>
    tensorOf(name, dtypeByName.get(type) as DType, shape),
  );
  const metadata = one.metadata ?? undefined;
  const bytes = serializeSafetensors(tensors, metadata);
  expect(sha256(bytes)).toBe(one.sha256);
  const path = join(folder, 'a.safetensors');
  const sorted = canonicalOrder(tensors);
  await streamSafetensors(
    path,
    sorted,
    ({ name }) => (sorted.find(t => t.name === name) as WritableTensor).bytes,
    metadata,
  );
  if (metadata) expect(readFileSync(path)).toEqual(Buffer.from(bytes));
});

/** Any text that has UTF-8, also the words that JavaScript's objects know. */
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '10', 'dtype', '\ufeff', '\0'),
);
const name = text.filter(one => one !== '__metadata__');
const shape = fc.array(fc.nat(4), { maxLength: 4 });
const wholeBytes = (dtype: DType, sizes: number[]): boolean =>
  Number.isInteger(tensorBytes({ name: '', dtype, shape: sizes }));

const tensor = fc
  .record({ name, dtype: fc.constantFrom(...(Object.keys(dtypeNames) as DType[])), shape })
  .filter(({ dtype, shape }) => wholeBytes(dtype, shape))
  .map(({ name, dtype, shape }) => tensorOf(name, dtype, shape));
const tensors = fc.uniqueArray(tensor, { selector: one => one.name, maxLength: 8 });
const metadata = fc.array(fc.tuple(text, text), { maxLength: 6 }).map(entries => Object.fromEntries(entries));

test('what is written is read back, and written again it is the same file', () => {
  fc.assert(
    fc.property(tensors, metadata, (given, texts) => {
      const bytes = serializeSafetensors(given, texts);
      const file = parseSafetensors(bytes, 'a');
      expect(Object.entries(file.metadata)).toEqual(Object.entries(texts));
      expect(file.tensors.size).toBe(given.length);
      const back = given.map(({ name }): WritableTensor => {
        const entry = file.tensors.get(name);
        if (!entry) throw new Error(`${name} is lost`);
        expect(entry.length).toBe(tensorBytes(entry));
        return { ...entry, bytes: bytes.subarray(entry.offset, entry.offset + entry.length) };
      });
      expect(back.map(({ dtype, shape, bytes }) => ({ dtype, shape, bytes }))).toEqual(
        given.map(({ dtype, shape, bytes }) => ({ dtype, shape, bytes })),
      );
      expect(serializeSafetensors(back.reverse(), file.metadata)).toEqual(bytes);
      expect(file.dataOffset % 8).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('one wrong bit anywhere in the header never throws anything but a format error', () => {
  const bytes = serializeSafetensors(
    ['a', '__proto__', 'ключ'].map(name => tensorOf(name, 'float16', [3, 2])),
    { format: 'pt' },
  );
  const end = parseSafetensors(bytes, 'a').dataOffset;
  for (let bit = 0; bit < 8 * end; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] ^= 1 << (bit & 7);
    try {
      const { tensors } = parseSafetensors(flipped, 'a');
      for (const { offset, length, shape } of tensors.values()) {
        expect(offset + length).toBeLessThanOrEqual(bytes.length);
        expect(elementCount(shape)).toBeGreaterThanOrEqual(0);
      }
    } catch (error) {
      expect(error, `bit ${bit}`).toMatchObject({ name: 'LoraError', exit: 'badInput', code: /^FORMAT_/ });
    }
  }
});

test('what no reader could read is not written', () => {
  const write = (name: string, texts = {}): unknown =>
    serializeSafetensors([tensorOf(name, 'uint8', [1])], texts);
  const bad = expect.objectContaining({ code: 'WRITE_BAD_TEXT' });
  expect(() => write('\ud800')).toThrow(bad);
  expect(() => write('a', { note: 'x\udc00' })).toThrow(bad);
  expect(() => write('__metadata__')).toThrow(bad);
  const twice = [tensorOf('a', 'uint8', [1]), tensorOf('a', 'float32', [1])];
  expect(() => serializeSafetensors(twice)).toThrow(bad);
});

test('tensors come in the order of their data', () => {
  const entry = (start: number): object => ({ dtype: 'U8', shape: [1], data_offsets: [start, start + 1] });
  const json = Buffer.from(JSON.stringify({ z: entry(1), a: entry(2), m: entry(0) }));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(json.length));
  const file = parseSafetensors(Buffer.concat([head, json, Buffer.from([1, 2, 3])]), 'a');
  expect([...file.tensors.keys()]).toEqual(['m', 'z', 'a']);
});

test('bytes of one tensor are read from disk', async () => {
  const path = join(folder, 'b.safetensors');
  const wide = tensorOf('w', 'float4', [2, 3]);
  await streamSafetensors(path, [wide], () => wide.bytes);
  expect(readTensorBytes(openSafetensors(path), 'w')).toEqual(wide.bytes);
});
