/** Our reader against the safetensors library on 24,000 files, most of them damaged (tools/goldens/safetensors_headers.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LoraError } from '../../src/errors.ts';
import { parseSafetensors, type SafetensorsFile } from '../../src/files/index.ts';
import { dtypeNames } from '../../src/files/safetensors-dtypes.ts';
import { corpusFile, corpusSize } from '../support/safetensors-corpus.ts';

interface Golden {
  readonly files: number;
  readonly accepted: string;
  readonly stricter: Readonly<Record<string, string>>;
  readonly digests: readonly string[];
}

const golden = JSON.parse(readFileSync('test/golden/data/safetensors-headers.json', 'utf8')) as Golden;
const bits = Buffer.from(golden.accepted, 'base64');
const isAccepted = (n: number): boolean => ((bits[n >> 3] >> (n & 7)) & 1) === 1;

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** What was read, in the words of the script that made the golden. */
function readText(bytes: Uint8Array, { tensors, metadata }: SafetensorsFile): string {
  const rows = [...tensors.values()].map(({ name, dtype, shape, offset, length }) => [
    name,
    dtypeNames[dtype],
    shape,
    Buffer.from(bytes.subarray(offset, offset + length)).toString('hex'),
  ]);
  rows.sort(([a], [b]) => byBytes(a as string, b as string));
  return JSON.stringify([rows, Object.entries(metadata).sort(([a], [b]) => byBytes(a, b))]);
}

/** An error's code, or what was read. */
function decide(n: number): { code: string } | { text: string } {
  const bytes = corpusFile(n);
  try {
    return { text: readText(bytes, parseSafetensors(bytes, 'a.safetensors')) };
  } catch (error) {
    if (!(error instanceof LoraError)) throw new Error(`file ${n} of the corpus`, { cause: error });
    expect(error, `file ${n}`).toMatchObject({
      exit: 'badInput',
      message: expect.stringContaining('a.safetensors'),
    });
    return { code: error.code };
  }
}

describe('the same decisions', () => {
  test('the corpus is the one that was asked about', () => {
    expect(golden.files).toBe(corpusSize);
    expect(golden.digests).toHaveLength(corpusSize / 1000);
  });

  test.each(golden.digests.map((digest, i) => [1000 * i, digest] as const))(
    'files from %i on',
    (first, digest) => {
      const hash = createHash('sha256');
      const wrong: string[] = [];
      for (let n = first; n < first + 1000; n++) {
        const ours = decide(n);
        const code = 'code' in ours ? ours.code : 'accepted';
        const exception = golden.stricter[n];
        if (exception ? code !== exception : isAccepted(n) !== (code === 'accepted'))
          wrong.push(`${n}: ${code}`);
        else if ('text' in ours) hash.update(ours.text);
      }
      expect(wrong).toEqual([]);
      expect(hash.digest('hex').slice(0, 16)).toBe(digest);
    },
  );
});

test('every code of a bad header is met', () => {
  const codes = new Set<string>();
  for (let n = 0; n < 4000; n++) {
    const ours = decide(n);
    if ('code' in ours) codes.add(ours.code);
  }
  expect([...codes].sort()).toEqual([
    ...[
      'FORMAT_DTYPE',
      'FORMAT_DUPLICATE',
      'FORMAT_HEADER',
      'FORMAT_HOLE',
      'FORMAT_METADATA',
      'FORMAT_OFFSETS',
    ],
    ...['FORMAT_OVERLAP', 'FORMAT_PICKLE', 'FORMAT_SHAPE', 'FORMAT_TRUNCATED'],
  ]);
});
