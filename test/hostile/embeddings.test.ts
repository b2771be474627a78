/** Textual inversions that are damaged or mean harm: an error with a stable code, nothing executed, no memory taken. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoraError } from '../../src/errors.ts';
import { serializeSafetensors, type WritableTensor } from '../../src/files/index.ts';
import { mentionedEmbeddings } from '../../src/generation/embeddings/mentioned-embeddings.ts';
import { openEmbeddings } from '../../src/generation/embeddings/open-embeddings.ts';
import { readEmbedding } from '../../src/generation/embeddings/read-embedding.ts';
import { temporaryFolder } from '../support/pictures.ts';

const folder = temporaryFolder();
let files = 0;
function written(bytes: Uint8Array, ending = '.pt'): string {
  const path = join(folder, `${files++}${ending}`);
  writeFileSync(path, bytes);
  return path;
}

interface Member {
  readonly name: string;
  readonly body: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  /** Where the directory says that it begins. */
  readonly header?: number;
}

/** A zip as it is meant, with whatever a member says otherwise. */
function zipOf(members: readonly Member[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, body, method = 0, flags = 0, crc = crc32(body), header = at } of members) {
    const fields = Buffer.alloc(26);
    for (const [place, value] of [
      [2, flags],
      [4, method],
    ] as const)
      fields.writeUInt16LE(value, place);
    for (const [place, value] of [
      [10, crc],
      [14, body.length],
      [18, body.length],
    ] as const)
      fields.writeUInt32LE(value, place);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), body]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(header, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), fields, tail, Buffer.from(name)]));
    locals.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

const torchFile = (pickle: string | Uint8Array, numbers = new Float32Array(16)): Buffer =>
  zipOf([
    { name: 'x/data.pkl', body: Buffer.from(pickle as string, 'latin1') },
    { name: 'x/data/0', body: new Uint8Array(numbers.buffer) },
  ]);

const text = (value: string): string => `X${String.fromCharCode(value.length, 0, 0, 0)}${value}`;
const int = (value: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return `J${bytes.toString('latin1')}`;
};
const storage = (count: number, key = '0'): string =>
  `(${text('storage')}ctorch\nFloatStorage\n${text(key)}${text('cpu')}${int(count)}tQ`;
interface View {
  readonly shape?: string;
  readonly stride?: string;
  readonly offset?: string;
  readonly storage?: string;
}
/** `{"*": tensor}` with a tensor of shape [2, 8] over 16 numbers, unless said. */
function tensorPickle({
  shape = `${int(2)}${int(8)}`,
  stride = `${int(8)}${int(1)}`,
  ...view
}: View = {}): string {
  const parts = `${view.storage ?? storage(16)}${view.offset ?? int(0)}(${shape}t(${stride}t\x89}`;
  return `\x80\x02}${text('*')}ctorch._utils\n_rebuild_tensor_v2\n(${parts}tRs.`;
}

const codeOf = (path: string): string => {
  try {
    readEmbedding(path);
  } catch (error) {
    if (error instanceof LoraError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'read';
};

test('what the others are changed from is read', () => {
  const numbers = Float32Array.from({ length: 16 }, (_, i) => i / 2);
  expect(readEmbedding(written(torchFile(tensorPickle(), numbers))).tensors).toEqual({
    shape: [2, 8],
    data: numbers,
  });
});

describe('pickles', () => {
  const big = Array.from(
    { length: 60 },
    (_, i) => `]q${String.fromCharCode(i + 1)}(h${String.fromCharCode(i)}h${String.fromCharCode(i)}e`,
  );
  test.each([
    ['os.system', `cos\nsystem\n(${text('true')}tR.`, /REFUSED .*os\.system/],
    ['eval, by name from the stack', `\x80\x04\x8c\x08builtins\x8c\x04eval\x93.`, /REFUSED .*builtins\.eval/],
    [
      'a subclass of an allowed name',
      'ctorch._utils\n_rebuild_tensor_v2.__globals__\n.',
      /REFUSED .*__globals__/,
    ],
    ['INST', '(ios\nsystem\n.', /REFUSED .*0x69/],
    ['OBJ', '(o.', /REFUSED .*0x6f/],
    ['EXT1', '\x82\x01.', /REFUSED .*0x82/],
    ['NEWOBJ_EX', ')}\x92.', /REFUSED .*0x92/],
    ['a text as persistent id', 'Pfile\n.', /REFUSED .*0x50/],
    ['attributes of a list', ']}b.', /REFUSED .*attributes/],
    ['a call of a text', `${text('os')})R.`, /REFUSED .*no global/],
    [
      'an allowed class in place of a value',
      `}${text('*')}ctorch\nFloatStorage\n)Rs.`,
      /TORCH_TENSOR .*FloatStorage/,
    ],
    ['a key that is a tuple', '})Ns.', /REFUSED .*key/],
    ['a key twice', `}${text('a')}Ns${text('a')}Ns.`, /DAMAGED .*a twice/],
    ['lists that double 60 times', `]q\0${big.join('')}0}${text('a')}h\x3cs.`, /TORCH_TENSOR .*without end/],
    ['a list in itself', `}${text('a')}]q\0h\0as.`, /TORCH_TENSOR .*without end/],
    ['100,000 lists within lists', `${']'.repeat(1e5)}${'a'.repeat(99_999)}.`, /TORCH_TENSOR .*without end/],
    ['a whole number of 2 GB', '\x8b\xff\xff\xff\x7f.', /REFUSED .*2147483647/],
    ['a text of 4 GB', 'X\xff\xff\xff\xffabc.', /DAMAGED .*too early/],
    ['a text of 2^63 bytes', '\x8d\0\0\0\0\0\0\0\x80.', /DAMAGED .*too early/],
    ['more taken than there is', '0.', /DAMAGED/],
    ['items without a mark', ']e.', /DAMAGED .*mark/],
    ['nothing remembered', 'h\x05.', /DAMAGED .*5/],
    ['no end', 'N', /DAMAGED/],
    ['nothing', '', /DAMAGED/],
    ['a name that is a prototype', `}${text('__proto__')}}s.`, /LAYOUT/],
    ['a name with control characters', 'c\u001b[2J\nx\n.', /REFUSED .*\\u001b/],
  ])('%s', (_, pickle, code) => {
    expect(codeOf(written(torchFile(pickle)))).toMatch(code);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('tensors', () => {
  const huge = int(2 ** 31 - 1);
  test.each([
    ['more numbers than the storage', { shape: `${int(3)}${int(8)}` }],
    ['2^62 numbers', { shape: huge + huge, stride: int(0) + int(0) }],
    ['2^31 times the same number', { shape: huge + int(1), stride: int(0) + int(0) }],
    ['a negative size', { shape: int(-2) + int(-8) }],
    ['a negative stride', { stride: int(-8) + int(1) }],
    ['a stride that leads out', { stride: int(16) + int(1) }],
    ['an offset that leads out', { offset: int(1) }],
    ['a negative offset', { offset: int(-1) }],
    ['half an offset', { offset: 'G?\xe0\0\0\0\0\0\0' }],
    ['fewer strides than sizes', { stride: int(1) }],
    ['more sizes than any tensor', { shape: int(1).repeat(20), stride: int(1).repeat(20) }],
    ['a storage that is not there', { storage: storage(16, '7') }],
    ['a storage by a path', { storage: storage(16, '../data.pkl') }],
    ['a storage of fewer bytes', { storage: storage(17) }],
    ['no storage', { storage: 'N' }],
  ])('%s', (_, view) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(codeOf(written(torchFile(tensorPickle(view))))).toMatch(/^TORCH_TENSOR /);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
  });

  test('2,000 one-number tensors over other lengths of one storage of 4 MB take no memory each', () => {
    const numbers = new Float32Array(1e6);
    const one = (i: number): string =>
      `${text(`t${i}`)}ctorch._utils\n_rebuild_tensor_v2\n(${storage(1e6 - i)}${int(0)}(${int(1)}t(${int(1)}t\x89}tR`;
    const pickle = `\x80\x02}(${Array.from({ length: 2000 }, (_, i) => one(i)).join('')}u.`;
    const before = process.memoryUsage().arrayBuffers;
    expect(codeOf(written(torchFile(pickle, numbers)))).toMatch(/^TORCH_TENSOR .*more than 67108864 numbers/);
    // 2²⁶ numbers of 4 bytes and what is read of the file; without a limit it is 8 GB.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e8);
  });

  const withNumbers = (numbers: Float32Array<ArrayBuffer>): string =>
    written(torchFile(tensorPickle(), numbers));
  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%s is named with its place', value => {
    expect(codeOf(withNumbers(new Float32Array(16).fill(value, 5, 6)))).toMatch(
      /^EMBEDDING_NOT_FINITE .*number 5 .*(NaN|Infinity)/,
    );
  });

  const safe = (...tensors: [name: string, shape: number[]][]): string => {
    const writable = tensors.map(([name, shape]): WritableTensor => {
      const count = shape.reduce((a, b) => a * b, 1);
      return { name, dtype: 'float32', shape, bytes: new Uint8Array(4 * count) };
    });
    return written(serializeSafetensors(writable, {}), '.safetensors');
  };
  test.each([
    ['76 vectors', safe(['emb_params', [76, 8]]), /^EMBEDDING_SHAPE .*\[76,8\]/],
    ['no vectors', safe(['emb_params', [0, 8]]), /^EMBEDDING_SHAPE/],
    ['vectors of no numbers', safe(['emb_params', [2, 0]]), /^EMBEDDING_SHAPE/],
    ['three axes', safe(['emb_params', [1, 2, 8]]), /^EMBEDDING_SHAPE/],
    ['a single number', safe(['emb_params', []]), /^EMBEDDING_SHAPE/],
    [
      'other numbers of vectors for each encoder',
      safe(['clip_l', [1, 8]], ['clip_g', [2, 8]]),
      /^EMBEDDING_SHAPE .* 1 .* 2 /,
    ],
    ['two tokens', safe(['<a>', [1, 8]], ['<b>', [1, 8]]), /^EMBEDDING_LAYOUT .*<a>, <b>/],
    ['an encoder twice', safe(['clip_l', [1, 8]], ['clip_h', [1, 8]]), /^EMBEDDING_LAYOUT/],
    ['encoders and more', safe(['clip_l', [1, 8]], ['x', [1, 8]]), /^EMBEDDING_LAYOUT/],
    ['no tensors', safe(), /^EMBEDDING_LAYOUT .*no tensors/],
    [
      'a LoRA',
      safe(...Array.from({ length: 200 }, (_, i): [string, number[]] => [`lora_unet_${i}`, [1]])),
      /^EMBEDDING_LAYOUT/,
    ],
  ])('%s', (_, path, code) => {
    expect(codeOf(path)).toMatch(code);
  });
});

describe('archives', () => {
  const pickle = (name = 'x/data.pkl'): Member => ({ name, body: Buffer.from(tensorPickle(), 'latin1') });
  const data: Member = { name: 'x/data/0', body: new Uint8Array(64) };

  test.each([
    ['a compressed member', [{ ...pickle(), method: 8 }, data], /compressed member x\/data\.pkl/],
    ['an encrypted member', [{ ...pickle(), flags: 1 }, data], /encrypted/],
    ['a wrong checksum', [pickle(), { ...data, crc: 1 }], /checksum .*x\/data\/0/],
    ['a member twice', [pickle(), data, data], /x\/data\/0 twice/],
    ['members at one place', [pickle(), { ...pickle('y/data.pkl'), header: 0 }], /overlap/],
    ['a member beyond the end', [pickle(), { ...data, header: 2 ** 31 }], /no member/],
    ['two pickles', [pickle(), pickle('y/data.pkl')], /2 members data\.pkl/],
    ['no pickle', [data], /0 members data\.pkl/],
    ['big-endian numbers', [pickle(), data, { name: 'x/byteorder', body: Buffer.from('big') }], /big-endian/],
  ] as [string, Member[], RegExp][])('%s', (_, members, message) => {
    expect(codeOf(written(zipOf(members)))).toMatch(/^TORCH_ARCHIVE /);
    expect(codeOf(written(zipOf(members)))).toMatch(message);
  });

  test('a member with another name inside', () => {
    const zip = zipOf([pickle(), data]);
    zip.write('x/data/1', zip.indexOf('x/data/0'));
    expect(codeOf(written(zip))).toMatch(/^TORCH_ARCHIVE .*another name for x\/data\/0/);
  });

  test('members that overlap are refused before a checksum is made, of which thousands would take minutes', () => {
    const zip = zipOf([pickle(), { ...data, crc: 1 }, { ...data, name: 'x/data/1' }]);
    const entry = zip.lastIndexOf('x/data/0') - 46;
    for (const place of [20, 24]) zip.writeUInt32LE(100, entry + place); // as far as into the next member
    expect(codeOf(written(zip))).toMatch(/^TORCH_ARCHIVE .*overlap/);
  });

  test('names that lead out of the archive lead nowhere', () => {
    const odd = zipOf([pickle(), data, { name: '../../../etc/passwd', body: Buffer.from('x') }]);
    expect(codeOf(written(odd))).toBe('read');
  });

  test('a file of 257 MB is not read', () => {
    const path = written(torchFile(tensorPickle()));
    truncateSync(path, 257 * 2 ** 20);
    expect(codeOf(path)).toMatch(/^TORCH_ARCHIVE .*269484032/);
  });

  const golden = JSON.parse(readFileSync(new URL('../golden/data/embeddings.json', import.meta.url), 'utf8'));
  const good = Buffer.from(golden.cases['a1111.pt'].base64, 'base64');

  test('cut off anywhere', () => {
    for (let length = 0; length < good.length; length += 7)
      expect(codeOf(written(good.subarray(0, length))), `${length}`).toMatch(/^TORCH_/);
  });

  test('any bytes changed: read, or an error with a code', () => {
    const change = fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(change, changes => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] ^= value;
        expect(codeOf(written(bytes))).toMatch(/^(read$|TORCH_|PICKLE_|EMBEDDING_)/);
      }),
      { numRuns: 400 },
    );
  });

  test('any pickle: an error with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        expect(codeOf(written(torchFile(Buffer.from(bytes).toString('latin1'))))).toMatch(
          /^(TORCH_|PICKLE_|EMBEDDING_)/,
        );
      }),
      { numRuns: 600 },
    );
  });
});

describe('names', () => {
  const embeddings = openEmbeddings([join(folder, 'none')]);
  const options = { syntax: 'a1111', widths: { text_encoder: 8 } } as const;

  test.each(['../secret', '/etc/passwd', 'a/../../b', '..\\secret', 'x\\0'])(
    'embedding:%s leads nowhere',
    name => {
      expect(() => mentionedEmbeddings([`embedding:${name}`], embeddings, options)).toThrow(
        expect.objectContaining({ code: 'EMBEDDING_NOT_FOUND' }),
      );
    },
  );

  test.each(['embedding:', '<', '<a', 'embedding:... ', '> <'])(
    'a megabyte of "%s" takes linear time',
    unit => {
      const start = performance.now();
      try {
        mentionedEmbeddings([unit.repeat(2 ** 20 / unit.length)], embeddings, options);
      } catch (error) {
        expect(error).toMatchObject({ code: 'EMBEDDING_NOT_FOUND' });
        expect((error as LoraError).message.length).toBeLessThan(1000);
      }
      expect(performance.now() - start).toBeLessThan(2500);
    },
  );
});
