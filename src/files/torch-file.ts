/** @file Tensors of files that torch.save wrote (a zip with a pickle in it), read as data: nothing executes. */
import { readFileSync, statSync } from 'node:fs';
import { type DType, elementCount, type Tensor, widenBfloat, widenHalf } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import {
  PickleDict,
  PickleGlobal,
  PickleObject,
  type PickleValue,
  persistent,
  readPickle,
} from './pickle.ts';
import { readStoredZip, type ZipMembers } from './stored-zip.ts';

/** What a file holds: tensors, and plain values around them. */
export type TorchValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly TorchValue[]
  | ReadonlyMap<string | number, TorchValue>
  | Tensor;

interface StorageRow {
  readonly dtype: DType;
  readonly bytes: number;
}

const storages: Readonly<Record<string, StorageRow>> = {
  'torch.FloatStorage': { dtype: 'float32', bytes: 4 },
  'torch.HalfStorage': { dtype: 'float16', bytes: 2 },
  'torch.BFloat16Storage': { dtype: 'bfloat16', bytes: 2 },
  'torch.DoubleStorage': { dtype: 'float64', bytes: 8 },
  'torch.LongStorage': { dtype: 'int64', bytes: 8 },
  'torch.IntStorage': { dtype: 'int32', bytes: 4 },
};

const rebuild = ['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'];
const rebuildParameter = 'torch._utils._rebuild_parameter';
/** A module of parameters by name, in which the first textual inversions were saved. */
const parameterDict = 'torch.nn.modules.container.ParameterDict';
const sets = ['builtins.set', '__builtin__.set'];
const allowed = new Set([
  'collections.OrderedDict',
  ...Object.keys(storages),
  ...rebuild,
  rebuildParameter,
  parameterDict,
  ...sets,
]);

/** Files of more bytes than this are no embeddings. */
const mostBytes = 256 * 2 ** 20;
/** Values within values. */
const deepest = 32;
const mostValues = 100_000;
/** Of all storages and all tensors together; several tensors may be views of one storage. */
const mostNumbers = 2 ** 26;

const legacyHint =
  'It is in the format of torch before 1.6. Of a file that you trust, Python makes a new one: ' +
  'torch.save(torch.load("x.pt", weights_only=True), "y.pt").';

class TorchReader {
  readonly #members: ZipMembers;
  readonly #prefix: string;
  readonly #path: string;
  readonly #storages = new Map<string, ArrayLike<number>>();
  #values = 0;
  #numbers = 0;

  constructor(members: ZipMembers, prefix: string, path: string) {
    this.#members = members;
    this.#prefix = prefix;
    this.#path = path;
  }

  invalid(why: string): Error {
    return badInput('TORCH_TENSOR', `${this.#path}: ${why}`, 'The file is damaged; fetch it again.');
  }

  value(value: PickleValue, depth = 0): TorchValue {
    if (depth > deepest || ++this.#values > mostValues)
      throw this.invalid('values within values without end');
    if (Array.isArray(value)) return value.map(item => this.value(item, depth + 1));
    if (value instanceof PickleDict)
      return new Map([...value.entries].map(([key, item]) => [key, this.value(item, depth + 1)]));
    if (value instanceof PickleObject) return this.object(value, depth);
    if (value instanceof PickleGlobal) return value.name;
    return value;
  }

  object({ name, parts, state }: PickleObject, depth: number): TorchValue {
    if (rebuild.includes(name)) return this.tensor(parts);
    if (name === rebuildParameter) return this.value(parts[0] ?? null, depth + 1);
    if (sets.includes(name)) return this.value(parts[0] ?? [], depth + 1);
    if (name === parameterDict && state instanceof PickleDict)
      return this.value(state.entries.get('_parameters') ?? null, depth + 1);
    throw this.invalid(`${name} stands where a tensor or a plain value belongs`);
  }

  whole(value: PickleValue | undefined, what: string): number {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw this.invalid(`a tensor has no ${what}`);
  }

  sizes(value: PickleValue | undefined, what: string): number[] {
    if (!Array.isArray(value) || value.length > 8) throw this.invalid(`a tensor has no ${what}`);
    return value.map(size => this.whole(size, what));
  }

  tensor([storage, offset, size, stride]: readonly PickleValue[]): Tensor {
    const numbers = this.storage(storage);
    const start = this.whole(offset, 'offset');
    const [shape, steps] = [this.sizes(size, 'shape'), this.sizes(stride, 'strides')];
    const count = elementCount(shape);
    const last = start + shape.reduce((sum, length, i) => sum + (length - 1) * (steps[i] ?? 0), 0);
    if (shape.length !== steps.length || count > numbers.length || (count > 0 && last >= numbers.length))
      throw this.invalid(
        `a tensor of shape [${shape}] does not fit its storage of ${numbers.length} numbers`,
      );
    this.count(count);
    return { shape, data: gather(numbers, start, shape, steps) };
  }

  count(numbers: number): void {
    this.#numbers += numbers;
    if (this.#numbers > mostNumbers) throw this.invalid(`more than ${mostNumbers} numbers in all tensors`);
  }

  storage(value: PickleValue | undefined): ArrayLike<number> {
    const parts = value instanceof PickleObject && value.name === persistent ? value.parts : [];
    const [kind, type, key, , count] = parts;
    const dtypeName = type instanceof PickleGlobal ? type.name : '';
    const row = Object.hasOwn(storages, dtypeName) ? storages[dtypeName] : undefined;
    if (kind !== 'storage' || !row || typeof key !== 'string' || !/^\d{1,9}$/.test(key))
      throw this.invalid('a tensor has no storage that is known');
    const name = `${key} ${dtypeName} ${count}`;
    const numbers = this.#storages.get(name) ?? this.#read(key, row, this.whole(count, 'length of storage'));
    this.#storages.set(name, numbers);
    return numbers;
  }

  #read(key: string, row: StorageRow, length: number): ArrayLike<number> {
    const bytes = this.#members.get(`${this.#prefix}data/${key}`);
    if (!bytes) throw this.invalid(`the storage ${key} is not in the file`);
    if (bytes.length < length * row.bytes)
      throw this.invalid(
        `the storage ${key} has ${bytes.length} bytes, ${length} numbers need ${length * row.bytes}`,
      );
    this.count(length);
    return numbersOf(Uint8Array.from(bytes.subarray(0, length * row.bytes)), row.dtype);
  }
}

/** Of little-endian bytes at the start of their own memory. */
function numbersOf({ buffer }: Uint8Array<ArrayBuffer>, dtype: DType): ArrayLike<number> {
  switch (dtype) {
    case 'float16':
      return widenHalf(new Uint16Array(buffer));
    case 'bfloat16':
      return widenBfloat(new Uint16Array(buffer));
    case 'float64':
      return new Float64Array(buffer);
    case 'int64':
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case 'int32':
      return new Int32Array(buffer);
    default:
      return new Float32Array(buffer);
  }
}

/** Row-major numbers of a view with any strides. */
function gather(
  numbers: ArrayLike<number>,
  start: number,
  shape: readonly number[],
  steps: readonly number[],
): Float32Array {
  const data = new Float32Array(elementCount(shape));
  const index = new Array<number>(shape.length).fill(0);
  let at = start;
  for (let i = 0; i < data.length; i++) {
    data[i] = numbers[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += steps[axis];
      if (++index[axis] < shape[axis]) break;
      at -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return data;
}

/** A file before torch 1.6: pickles one after the other, or a tar archive. */
const isLegacy = (bytes: Buffer): boolean =>
  (bytes[0] === 0x80 && bytes[1] <= 5) || bytes.toString('latin1', 257, 262) === 'ustar';

/** The folder inside the archive, with its slash; torch calls it like the file was called. */
function prefixOf(members: ZipMembers, path: string): string {
  const names = [...members.keys()].filter(name => /^(?:[^/]+\/)?data\.pkl$/.test(name));
  if (names.length === 1) return names[0].slice(0, -'data.pkl'.length);
  throw badInput('TORCH_ARCHIVE', `${path} has ${names.length} members data.pkl; torch.save writes one`);
}

/**
 * Reads a file of torch.save (1.6 or later) as data. Throws TORCH_LEGACY for older ones, TORCH_ARCHIVE and TORCH_TENSOR
 * for damaged ones, PICKLE_REFUSED for those that would execute something.
 */
export function readTorchFile(path: string): TorchValue {
  const { size } = statSync(path);
  if (size > mostBytes) {
    const message = `${path} has ${size} bytes; at most ${mostBytes} are read of such files`;
    throw badInput('TORCH_ARCHIVE', message, 'Larger ones are to be .safetensors.');
  }
  const bytes = readFileSync(path);
  if (isLegacy(bytes)) throw badInput('TORCH_LEGACY', `${path} is a pickle without an archive`, legacyHint);
  const members = readStoredZip(bytes, path);
  const prefix = prefixOf(members, path);
  const order = members.get(`${prefix}byteorder`);
  if (order && Buffer.from(order).toString() !== 'little')
    throw badInput(
      'TORCH_ARCHIVE',
      `${path} has its numbers in big-endian order`,
      'Save it on another machine.',
    );
  const pickle = members.get(`${prefix}data.pkl`) as Uint8Array;
  return new TorchReader(members, prefix, path).value(readPickle(pickle, { allowed, path }));
}
