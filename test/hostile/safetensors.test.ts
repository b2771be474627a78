/** Broken .safetensors files: refused with a stable code, the file's name and the tensor's; and writes that cannot be finished. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { metadataCommand } from '../../src/cli/commands/metadata.ts';
import { openSafetensors, serializeSafetensors, writeFileAtomic } from '../../src/files/index.ts';
import { node, runHere, start } from '../support/command-line.ts';
import { temporaryFolder } from '../support/pictures.ts';

type Json = Record<string, unknown>;

const path = (): string => join(temporaryFolder(), 'lora.safetensors');

/** A header with its length in front, and data behind. */
function fileOf(header: string | Uint8Array | Json, dataBytes: number, claimed?: bigint): Buffer {
  const isText = typeof header === 'string' || header instanceof Uint8Array;
  const body = Buffer.from(isText ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(body.length));
  return Buffer.concat([length, body, Buffer.alloc(dataBytes)]);
}

const up = 'lora_unet_mid.lora_up.weight';
const down = 'lora_unet_mid.lora_down.weight';
const tensor = (start: unknown, end: unknown, shape: unknown = [4], dtype: unknown = 'U8'): Json => ({
  ...{ dtype, shape, data_offsets: [start, end] },
});
const text = (start: string, end: string, shape = '4'): string =>
  `{"${up}":{"dtype":"U8","shape":[${shape}],"data_offsets":[${start},${end}]}}`;
const good = { [down]: tensor(0, 4), [up]: tensor(4, 8) };
const whole = fileOf(good, 8);

/** What a torch.save of today and of long ago begins with. */
const zip = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(100)]);
const pickle = Buffer.concat([
  Buffer.from([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9]),
  Buffer.alloc(50),
]);

describe('refused, with the file and the tensor named', () => {
  test.each<[name: string, code: string, bytes: Uint8Array, says: string[]]>([
    ['nothing in it', 'FORMAT_TRUNCATED', Buffer.alloc(0), ['0 bytes']],
    ['five bytes', 'FORMAT_TRUNCATED', whole.subarray(0, 5), ['5 bytes']],
    ['cut off in its header', 'FORMAT_TRUNCATED', whole.subarray(0, 40), ['40']],
    [
      'cut off in its data',
      'FORMAT_TRUNCATED',
      whole.subarray(0, -1),
      [`${whole.length}`, `${whole.length - 1}`],
    ],
    ['more than its tensors', 'FORMAT_HOLE', Buffer.concat([whole, Buffer.alloc(3)]), ['3 bytes', up]],
    [
      'overlapping tensors',
      'FORMAT_OVERLAP',
      fileOf({ [down]: tensor(0, 4), [up]: tensor(2, 6) }, 6),
      [up, '2', '4'],
    ],
    ['a hole', 'FORMAT_HOLE', fileOf({ [down]: tensor(0, 4), [up]: tensor(6, 10) }, 10), [up, '4 to 6']],
    ['a hole at the start', 'FORMAT_HOLE', fileOf({ [up]: tensor(1, 5) }, 5), [up, '0 to 1']],
    ['a wrong length', 'FORMAT_SHAPE', fileOf({ [up]: tensor(0, 8, [3], 'F32') }, 8), [up, '12', '8']],
    ['offsets the wrong way round', 'FORMAT_SHAPE', fileOf({ [up]: tensor(4, 0) }, 4), [up, '-4']],
    [
      'one tensor twice',
      'FORMAT_DUPLICATE',
      fileOf(`{"${up}":${JSON.stringify(tensor(0, 4))},"${up}":${JSON.stringify(tensor(0, 4))}}`, 4),
      [up],
    ],
    [
      'one tensor twice, written otherwise',
      'FORMAT_DUPLICATE',
      fileOf(`{"a":${JSON.stringify(tensor(0, 4))},"\\u0061":${JSON.stringify(tensor(0, 4))}}`, 4),
      ['tensor a'],
    ],
    [
      '`__proto__` twice',
      'FORMAT_DUPLICATE',
      fileOf(`{"__proto__":${JSON.stringify(tensor(0, 4))},"__proto__":${JSON.stringify(tensor(0, 4))}}`, 4),
      ['__proto__'],
    ],
    [
      '`__proto__` that is no tensor',
      'FORMAT_HEADER',
      fileOf('{"__proto__":{"polluted":true}}', 0),
      ['__proto__'],
    ],
    ['a negative offset', 'FORMAT_OFFSETS', fileOf(text('-4', '0'), 4), [up, '-4,0']],
    [
      'an offset of 2^53',
      'FORMAT_OFFSETS',
      fileOf(text('0', '9007199254740992'), 4),
      [up, '9007199254740992'],
    ],
    ['an offset of 2^64', 'FORMAT_OFFSETS', fileOf(text('0', '18446744073709551616'), 4), [up]],
    ['an offset with a fraction', 'FORMAT_OFFSETS', fileOf(text('0.0', '4'), 4), [up]],
    ['an offset in scientific writing', 'FORMAT_OFFSETS', fileOf(text('0', '4e0'), 4), [up]],
    ['an offset of -0', 'FORMAT_OFFSETS', fileOf(text('-0', '4'), 4), [up]],
    ['a negative size', 'FORMAT_SHAPE', fileOf(text('0', '4', '-4'), 4), [up, 'axis 0', '-4']],
    [
      'a size of 2^53',
      'FORMAT_SHAPE',
      fileOf(text('0', '4', '9007199254740992'), 4),
      [up, '9007199254740992'],
    ],
    ['a product beyond 64 bits', 'FORMAT_SHAPE', fileOf(text('0', '4', '4294967296,4294967296'), 4), [up]],
    [
      'the same with nothing in it',
      'FORMAT_SHAPE',
      fileOf(text('0', '0', '4294967296,4294967296,0'), 0),
      [up],
    ],
    ['an unknown type', 'FORMAT_DTYPE', fileOf({ [up]: tensor(0, 4, [4], 'Q4_0') }, 4), [up, 'Q4_0']],
    [
      'a type that JavaScript knows',
      'FORMAT_DTYPE',
      fileOf({ [up]: tensor(0, 4, [4], 'constructor') }, 4),
      [up],
    ],
    ['half a byte', 'FORMAT_SHAPE', fileOf({ [up]: tensor(0, 1, [1], 'F4') }, 1), [up]],
    ['no shape', 'FORMAT_SHAPE', fileOf({ [up]: { dtype: 'U8', data_offsets: [0, 4], shape: 4 } }, 4), [up]],
    ['no offsets', 'FORMAT_HEADER', fileOf({ [up]: { dtype: 'U8', shape: [4] } }, 4), [up, 'data_offsets']],
    [
      'metadata that are no text',
      'FORMAT_METADATA',
      fileOf({ __metadata__: { ss_network_dim: 16 } }, 0),
      ['ss_network_dim'],
    ],
    ['metadata twice', 'FORMAT_METADATA', fileOf('{"__metadata__":{},"__metadata__":{}}', 0), ['twice']],
    [
      'bytes that are no UTF-8',
      'FORMAT_HEADER',
      fileOf(Buffer.from([...Buffer.from('{"'), 0xff, ...Buffer.from('":1}')]), 0),
      ['UTF-8'],
    ],
    ['half of a surrogate pair', 'FORMAT_HEADER', fileOf('{"\\ud800":1}', 0), ['surrogate']],
    ['a byte order mark', 'FORMAT_HEADER', fileOf(`\ufeff${JSON.stringify(good)}`, 8), ['character 0']],
    ['a comment', 'FORMAT_HEADER', fileOf(`/**/${JSON.stringify(good)}`, 8), ['character 0']],
    ['a list', 'FORMAT_HEADER', fileOf('[]', 0), ['no JSON object']],
    [
      '1,000 values inside values',
      'FORMAT_HEADER',
      fileOf(`{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`, 0),
      ['deep'],
    ],
    ['a header that claims 2^63 bytes', 'FORMAT_HEADER', fileOf('{}', 0, 2n ** 63n), ['9223372036854775808']],
    ['a pickle', 'FORMAT_PICKLE', pickle, ['pickle']],
    ['a zip, as torch.save makes', 'FORMAT_PICKLE', zip, ['pickle']],
    ['a picture', 'FORMAT_HEADER', Buffer.from('\x89PNG\r\n\x1a\n0000000000', 'latin1'), ['claims']],
    ['text', 'FORMAT_HEADER', Buffer.from('# My LoRA\n\nIt draws cats.\n'), ['claims']],
  ])('%s: %s', async (_, code, bytes, says) => {
    const file = path();
    writeFileSync(file, bytes);
    const { status, stderr } = await runHere(metadataCommand(), 'show', file);
    expect(stderr).toContain(`error ${code}: `);
    for (const words of [file, ...says]) expect(stderr).toContain(words);
    expect(status).toBe(3);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test('a header of 100 MB and a byte is not read, one of 100 MB is', () => {
    const file = path();
    const size = (bytes: number): void => {
      const handle = openSync(file, 'w');
      writeSync(handle, fileOf('', 0, BigInt(bytes)));
      ftruncateSync(handle, 8 + bytes);
      closeSync(handle);
    };
    size(100_000_001);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => openSafetensors(file)).toThrow(expect.objectContaining({ code: 'FORMAT_HEADER' }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e6);
    writeFileSync(file, fileOf('{}'.padEnd(100_000_000), 0));
    expect(openSafetensors(file).tensors.size).toBe(0);
  });

  test('names cannot speak to the terminal', async () => {
    const file = path();
    writeFileSync(file, fileOf({ ['\u001b[2Jx'.repeat(100)]: tensor(0, 5) }, 5));
    const { stderr } = await runHere(metadataCommand(), 'show', file);
    expect(stderr).toContain('FORMAT_SHAPE');
    expect(stderr).not.toContain('\u001b[2J');
    expect(stderr.length).toBeLessThan(2000);
  });
});

test('`__proto__` and `constructor` are tensors as any others', async () => {
  const file = path();
  const names = ['__proto__', 'constructor', 'toString'];
  const entries = names.map((name, i) => `"${name}":${JSON.stringify(tensor(4 * i, 4 * i + 4))}`);
  writeFileSync(file, fileOf(`{"__metadata__":{"__proto__":"x"},${entries}}`, 12));
  const opened = openSafetensors(file);
  expect([...opened.tensors.keys()]).toEqual(names);
  expect(Object.entries(opened.metadata)).toEqual([['__proto__', 'x']]);
  const { status } = await runHere(metadataCommand(), 'set', file, 'constructor=y');
  expect(status).toBe(0);
  expect([...openSafetensors(file).tensors.keys()]).toEqual(names);
  expect(Object.entries(openSafetensors(file).metadata)).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);
});

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A LoRA of 4 MB. */
function largeLora(file: string): string {
  const bytes = Uint8Array.from({ length: 2_000_000 }, (_, i) => 31 * i + (i >> 8));
  const tensors = [down, up].map(name => ({ name, dtype: 'float16' as const, shape: [1000, 1000], bytes }));
  writeFileSync(file, serializeSafetensors(tensors, { note: 'old' }));
  return sha256(file);
}

const isPosix = process.platform !== 'win32';

describe.skipIf(!isPosix)('writes that cannot be finished', () => {
  test('no space left: the old file stays, nothing is left beside it', async () => {
    const file = path();
    const before = largeLora(file);
    // A limit on the size of files, as a full disk: the write in the middle of the tensors fails.
    const limited = ['bash', '-c', 'ulimit -f 2000; exec "$0" "$@"', node, 'src/cli/main.ts'];
    const { status, stderr } = await start(['metadata', 'set', file, 'note=new'], limited).outcome;
    expect(stderr).toContain('error WRITE_NO_SPACE: ');
    expect(stderr).toContain(file);
    expect(status).toBe(1);
    expect(sha256(file)).toBe(before);
    expect(readdirSync(dirname(file))).toEqual(['lora.safetensors']);
  });

  test('a full disk', async ({ skip }) => {
    const disk = join(temporaryFolder(), 'disk');
    mkdirSync(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      return skip('only the superuser of a real machine may mount');
    }
    try {
      const file = join(disk, 'lora.safetensors');
      const before = largeLora(file);
      const { status, stderr } = await runHere(metadataCommand(), 'set', file, 'note=new');
      expect(stderr).toContain('error WRITE_NO_SPACE: ');
      expect(stderr).toContain('no space left');
      expect(status).toBe(1);
      expect(sha256(file)).toBe(before);
      expect(readdirSync(disk)).toEqual(['lora.safetensors']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('killed in the middle: the old file stays, the next write clears what was left', async () => {
    const file = path();
    const before = largeLora(file);
    const script = `
      import { openSafetensors, readTensorBytes, streamSafetensors } from './src/files/index.ts';
      const file = openSafetensors(process.argv[1]);
      await streamSafetensors(file.path, [...file.tensors.values()], ({ name }) => {
        if (name === '${down}') return readTensorBytes(file, name);
        process.stderr.write('half');
        setInterval(() => undefined, 1000);
        return new Promise(() => undefined);
      });`;
    const writer = start([file], [node, '--input-type=module', '--eval', script]);
    await writer.seen('half');
    const leftovers = () => readdirSync(dirname(file)).filter(name => name.endsWith('.tmp'));
    // A tensor is written while the next one is made.
    await vi.waitFor(() => {
      const [left] = leftovers();
      expect(readFileSync(join(dirname(file), left)).length).toBeGreaterThan(2_000_000);
    }, 10_000);
    writer.process.kill('SIGKILL');
    await writer.outcome;
    expect(sha256(file)).toBe(before);
    expect(leftovers()).toHaveLength(1);
    await writeFileAtomic(file, readFileSync(file));
    expect(readdirSync(dirname(file))).toEqual(['lora.safetensors']);
  });

  test('a folder that may not be written to', async ({ skip }) => {
    if (process.getuid?.() === 0) return skip('the superuser may write everywhere');
    const file = path();
    const before = largeLora(file);
    execFileSync('chmod', ['555', dirname(file)]);
    const { stderr } = await runHere(metadataCommand(), 'set', file, 'note=new');
    execFileSync('chmod', ['755', dirname(file)]);
    expect(stderr).toContain('error WRITE_DENIED: ');
    expect(sha256(file)).toBe(before);
  });
});
