/**
 * A corpus of safetensors files, good and bad, each a pure function of its number: valid headers, changed as text in one
 * to three places. tools/goldens/safetensors_headers.py asks the safetensors library about every one of them.
 *
 *     node test/support/safetensors-corpus.ts     writes all: four bytes of length, then the file, one after the other
 */
import { pathToFileURL } from 'node:url';
import { philox } from '../../src/engine/tensor/random.ts';

export const corpusSize = 24_000;
const seed = 20261126;

/** What a case draws from. */
class Draw {
  private count = 0;
  private readonly number: number;

  constructor(number: number) {
    this.number = number;
  }

  /** 0 … below − 1 */
  int(below: number): number {
    return philox([this.number, this.count++, 0, 0], [seed, 0])[0] % below;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)];
  }

  chance(oneIn: number): boolean {
    return this.int(oneIn) === 0;
  }
}

/** JSON texts of one tensor. */
interface Tensor {
  name: string;
  fields: [name: string, value: string][];
  shape: string[];
  offsets: string[];
  /** The whole description instead of the fields. */
  whole?: string;
}

interface Draft {
  /** JSON texts of metadata, in the order in which they come. */
  metadata: string[];
  tensors: Tensor[];
  before: string;
  after: string;
  dataBytes: number;
}

const bits = {
  ...{ BOOL: 8, U8: 8, I8: 8, F8_E5M2: 8, F8_E4M3: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ F4: 4, F6_E2M3: 6, F6_E3M2: 6, I16: 16, U16: 16, F16: 16, BF16: 16, I32: 32, U32: 32, F32: 32 },
  ...{ C64: 64, F64: 64, I64: 64, U64: 64 },
} as const;
const dtypes = Object.keys(bits) as (keyof typeof bits)[];

const names = [
  ...[
    'a',
    'b',
    'unet.mid.weight',
    'lora_unet_mid.alpha',
    '0',
    '10',
    '2',
    '',
    ' ',
    '.',
    'A',
    'é',
    '名前',
    '😀',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'length',
    '__metadata',
    'x'.repeat(300),
  ],
].map(name => JSON.stringify(name));
const escapedNames = [
  ...['"\\u0061"', '"\\u005f_proto__"', '"\\ud83d\\ude00"', '"a\\/b"', '"\\n\\t"', '"\\"\\\\"', '"\\u0000"'],
];
const goodMetadata = [
  ...[
    '{}',
    'null',
    '{"format":"pt"}',
    '{"a":"b","c":"d"}',
    '{"ss_tag_frequency":"{\\"1_a\\": {\\"b\\": 3}}"}',
  ],
  ...['{"__proto__":"x"}', '{"a":"1","a":"2"}', '{"":""}', ' { "a" : "\\u00e9" } '],
];
const badMetadata = [
  ...[
    '1',
    '"a"',
    '[]',
    '{"a":1}',
    '{"a":null}',
    '{"a":{}}',
    '{"a":["b"]}',
    '{"a":true}',
    '{"a":"\\ud800"}',
    '{1:"a"}',
  ],
  ...['{"a":"b",}', '{a:"b"}', '{"a" "b"}', 'true', '{"a":1.5}'],
];
const numbers = [
  ...[
    '0',
    '1',
    '4',
    '8',
    '-1',
    '-0',
    '-4',
    '1.0',
    '4.0',
    '0.0',
    '4e0',
    '4E+0',
    '1e3',
    '0e0',
    '40e-1',
    '9007199254740991',
  ],
  ...[
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '18446744073709551615',
  ],
  ...[
    '18446744073709551616',
    '1e400',
    '-1e400',
    '1e-400',
    '-9223372036854775809',
    '4294967296',
    '1'.repeat(400),
    '04',
  ],
  ...[
    '+4',
    '4.',
    '.4',
    '0x4',
    'NaN',
    'Infinity',
    '-',
    '"4"',
    'null',
    'true',
    '[]',
    '{}',
    '[4]',
    '1e',
    '1e+',
    '--1',
    '1_0',
  ],
];
const wildValues = [
  ...numbers,
  ...[
    '"a"',
    '""',
    'false',
    '{"a":[1,{"b":null}]}',
    '[1,2,[3,[4]]]',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
  ],
  ...[
    '"\\x41"',
    '"\\u12"',
    '"\\u00zz"',
    '"\u0001"',
    '"\u007f"',
    '"\\/"',
    "'a'",
    'nul',
    'True',
    '[1,]',
    '{"a":1,"a":2}',
    '/**/1',
  ],
];
const badDtypes = [
  ...[
    '"f32"',
    '"F33"',
    '"F8_E4M3FN"',
    '"F6"',
    '""',
    '"F32 "',
    'null',
    '3',
    '["F32"]',
    '{"F32":null}',
    '{"F32":{}}',
  ],
  ...[
    '{"F32":null,"F16":null}',
    '{"F32":[]}',
    '{"F32":0}',
    '{}',
    '"\\u004632"',
    'F32',
    '"float32"',
    '"Q4_0"',
  ],
];
const spaces = [
  '',
  '',
  '',
  ' ',
  '\n',
  '\t',
  '\r',
  '  \n',
  '\u000b',
  '\u000c',
  '\u00a0',
  '\u2028',
  '\ufeff',
  '\0',
  ',',
];
/** Bytes that are no UTF-8, or as much as there may be. */
const odd = [
  ...[
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
    [0xf8, 0x88, 0x80, 0x80, 0x80],
  ],
  ...[[0xc3, 0xa9], [0xf4, 0x8f, 0xbf, 0xbf], [0xef, 0xbf, 0xbf], [0xef, 0xbb, 0xbf], [0], [0x7f]],
];
const structure = [...'{}[]:,"\\0129-+.eE \nunt'].map(letter => letter.charCodeAt(0));

/** A shape that takes whole bytes, and these. */
function shapeFor(dtype: keyof typeof bits, draw: Draw): { shape: number[]; bytes: number } {
  for (;;) {
    const shape = Array.from({ length: draw.int(5) }, () => draw.pick([0, 1, 1, 2, 2, 3, 4, 5, 8]));
    const total = shape.reduce((a, b) => a * b, 1) * bits[dtype];
    if (total % 8 === 0 && total <= 8 * 4000) return { shape, bytes: total / 8 };
  }
}

function validDraft(draw: Draw): Draft {
  const free = [...names];
  let position = 0;
  const tensors = Array.from({ length: draw.int(6) }, (): Tensor => {
    const name = free.splice(draw.int(free.length), 1)[0];
    const dtype = draw.pick(dtypes);
    const { shape, bytes } = shapeFor(dtype, draw);
    const offsets = [String(position), String(position + bytes)];
    position += bytes;
    return { name, fields: [['"dtype"', `"${dtype}"`]], shape: shape.map(String), offsets };
  });
  if (draw.chance(4)) tensors.reverse();
  const metadata = draw.chance(2) ? [draw.pick(goodMetadata)] : [];
  return { metadata, tensors, before: '', after: ' '.repeat(draw.int(9)), dataBytes: position };
}

type Change = (draft: Draft, draw: Draw) => void;

/** A change to one tensor of those that are there. */
const ofTensor =
  (change: (tensor: Tensor, draw: Draw, draft: Draft) => void): Change =>
  (draft, draw) => {
    if (draft.tensors.length > 0) change(draw.pick(draft.tensors), draw, draft);
  };

const shifted = (text: string, by: number): string => String(Number(text) + by);

const textChanges: readonly Change[] = [
  ofTensor((tensor, draw) => {
    tensor.offsets[draw.int(2)] = draw.pick(numbers);
  }),
  ofTensor((tensor, draw) => {
    const i = draw.int(2);
    tensor.offsets[i] = shifted(tensor.offsets[i], draw.pick([1, -1, 4, -4, 8, 2 ** 53, 2 ** 32]));
  }),
  ofTensor((tensor, draw) => {
    const { offsets } = tensor;
    const form = draw.int(5);
    if (form === 0) offsets.reverse();
    else if (form === 1) offsets.pop();
    else if (form === 2) offsets.push('0');
    else tensor.offsets = offsets.map(offset => shifted(offset, draw.pick([4, 8, 1])));
  }),
  // A hole, or an overlap: everything from here on lies elsewhere.
  ofTensor((tensor, draw, draft) => {
    const by = draw.pick([1, 4, 8, -1, -4]);
    for (const one of draft.tensors.slice(draft.tensors.indexOf(tensor)))
      one.offsets = one.offsets.map(offset => shifted(offset, by));
    if (draw.chance(2)) draft.dataBytes = Math.max(0, draft.dataBytes + by);
  }),
  ofTensor((tensor, draw, draft) => {
    const other = draw.pick(draft.tensors);
    [tensor.offsets, other.offsets] = [other.offsets, tensor.offsets];
    if (draw.chance(2)) [tensor.shape, other.shape] = [other.shape, tensor.shape];
  }),
  ofTensor((tensor, draw) => {
    if (tensor.shape.length > 0) tensor.shape[draw.int(tensor.shape.length)] = draw.pick(numbers);
  }),
  ofTensor((tensor, draw) => {
    tensor.shape.splice(draw.int(tensor.shape.length + 1), draw.int(2), draw.pick(numbers.slice(0, 22)));
  }),
  // No element, but sizes as large as they may be: products are counted on the way.
  (draft, draw) => {
    const large = draw.pick([
      '4294967296',
      '9007199254740991',
      '9007199254740993',
      '18446744073709551615',
      '3037000500',
    ]);
    const shape = draw.pick([
      ['0', large],
      [large, '0'],
      [large, large, '0'],
      ['0', large, large],
      [large, '2', '0'],
    ]);
    const at = String(draft.dataBytes);
    const name = JSON.stringify(`empty ${draft.tensors.length}`);
    draft.tensors.push({ name, fields: [['"dtype"', '"U8"']], shape: [...shape], offsets: [at, at] });
  },
  ofTensor((tensor, draw) => {
    tensor.fields[0] = ['"dtype"', draw.chance(2) ? `"${draw.pick(dtypes)}"` : draw.pick(badDtypes)];
  }),
  ofTensor((tensor, draw) => {
    tensor.fields[0] = ['"dtype"', `{"${draw.pick(dtypes)}":null}`];
    if (draw.chance(3)) tensor.fields[0][1] = tensor.fields[0][1].replace('null', draw.pick(wildValues));
  }),
  ofTensor((tensor, draw) => {
    tensor.fields.push([
      draw.pick(['"x"', '"x"', '"Dtype"', '"dtype"', '"shape"', '"\\u0078"']),
      draw.pick(wildValues),
    ]);
  }),
  ofTensor((tensor, draw) => {
    const form = draw.int(3);
    if (form === 0) tensor.fields.shift();
    else tensor.fields[0] = [draw.pick(['"dtype "', '"\\u0064type"', '"DTYPE"', '""']), '"F32"'];
  }),
  // The description as a list, which the library reads too.
  ofTensor((tensor, draw) => {
    const { fields, shape, offsets } = tensor;
    const parts = [fields[0]?.[1] ?? '"F32"', `[${shape}]`, `[${offsets}]`];
    if (draw.chance(4)) parts.push(draw.pick(wildValues));
    if (draw.chance(4)) parts.shift();
    tensor.whole = `[${parts}]`;
  }),
  ofTensor((tensor, draw) => {
    tensor.whole = draw.pick(wildValues);
  }),
  ofTensor((tensor, draw) => {
    tensor.name = draw.pick([...escapedNames, ...names, '"__metadata__"']);
  }),
  ofTensor((tensor, draw, draft) => {
    tensor.name = draw.pick(draft.tensors).name;
  }),
  // The same tensor once more.
  ofTensor((tensor, draw, draft) => {
    draft.tensors.splice(draw.int(draft.tensors.length + 1), 0, { ...tensor });
  }),
  ofTensor((tensor, draw) => {
    const deep = draw.pick([3, 100, 123, 124, 125, 126, 127, 128, 200, 2000]);
    const [open, close] = draw.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ]);
    tensor.fields.push(['"deep"', `${open.repeat(deep)}${open === '[' ? '' : '1'}${close.repeat(deep)}`]);
  }),
  (draft, draw) => {
    draft.metadata = [draw.pick([...badMetadata, ...goodMetadata])];
  },
  (draft, draw) => {
    draft.metadata.push(draw.pick([...goodMetadata, ...badMetadata]));
  },
  (draft, draw) => {
    draft.before = draw.pick(spaces);
  },
  (draft, draw) => {
    draft.after = draw.pick([...spaces, 'x', '{}', ']', '}', '\n\n\n', '//']);
  },
  (draft, draw) => {
    draft.dataBytes = Math.max(0, draft.dataBytes + draw.pick([1, -1, 4, -4, 8, -8, 100]));
  },
];

/** Members with commas between, and spaces of all kinds where JSON lets them be. */
function textOf({ metadata, tensors, before, after }: Draft, draw: Draw): string {
  const space = (): string => (draw.chance(40) ? draw.pick([' ', '\n', '\t', '\r']) : '');
  const object = (members: [string, string][]): string =>
    `{${members.map(([name, value]) => `${space()}${name}${space()}:${space()}${value}${space()}`).join()}}`;
  const members = tensors.map(({ name, fields, shape, offsets, whole }): [string, string] => [
    name,
    whole ?? object([...fields, ['"shape"', `[${shape}]`], ['"data_offsets"', `[${offsets}]`]]),
  ]);
  for (const value of metadata) members.splice(draw.int(members.length + 1), 0, ['"__metadata__"', value]);
  return before + object(members) + after;
}

type ByteChange = (header: number[], draw: Draw) => void;

const byteChanges: readonly ByteChange[] = [
  (header, draw) => {
    for (let n = 1 + draw.int(2); n > 0; n--) header[draw.int(header.length)] ^= 1 << draw.int(8);
  },
  (header, draw) => {
    header[draw.int(header.length)] = draw.pick(structure);
  },
  (header, draw) => {
    header.splice(draw.int(header.length), 1 + draw.int(3));
  },
  (header, draw) => {
    header.splice(draw.int(header.length), 0, draw.pick(structure));
  },
  (header, draw) => {
    header.splice(draw.int(header.length), 0, ...draw.pick(odd));
  },
  (header, draw) => {
    header.length = draw.int(header.length);
  },
];

/** The file with its length in front and its data behind. */
function fileOf(header: Uint8Array, dataBytes: number): Buffer {
  const out = Buffer.alloc(8 + header.length + dataBytes);
  out.writeBigUInt64LE(BigInt(header.length));
  out.set(header, 8);
  for (let i = 0; i < dataBytes; i++) out[8 + header.length + i] = (31 * i + 7) & 255;
  return out;
}

/** A lie about the length of the header, or an early end. */
function damaged(out: Buffer, draw: Draw): Buffer {
  const length = Number(out.readBigUInt64LE());
  const claimed = [0, 1, length - 1, length + 1, length + 8, 2 ** 32, 100_000_001];
  const form = draw.int(claimed.length + 3);
  if (form < claimed.length) out.writeBigUInt64LE(BigInt(Math.max(0, claimed[form])));
  else if (form === claimed.length) out[draw.int(8)] ^= 1 << draw.int(8);
  else return out.subarray(0, draw.int(out.length + 1));
  return out;
}

/** File number `n` of the corpus. */
export function corpusFile(n: number): Uint8Array {
  const draw = new Draw(n);
  const draft = validDraft(draw);
  if (n % 8 !== 0) for (let i = draw.pick([0, 1, 1, 1, 2]); i > 0; i--) draw.pick(textChanges)(draft, draw);
  const text = Buffer.from(textOf(draft, draw));
  if (n % 8 === 0) return fileOf(text, draft.dataBytes);
  const header = [...text];
  if (draw.chance(3)) draw.pick(byteChanges)(header, draw);
  const file = fileOf(Uint8Array.from(header), draft.dataBytes);
  return draw.chance(16) ? damaged(file, draw) : file;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const parts: Uint8Array[] = [];
  for (let n = 0; n < corpusSize; n++) {
    const file = corpusFile(n);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(file.length);
    parts.push(length, file);
  }
  process.stdout.write(Buffer.concat(parts));
}
