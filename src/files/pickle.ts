/**
 * @file Reads pickles as data (Python's `pickle`, protocols 0 to 5, as far as torch.save writes it). Nothing is ever
 * called: a global is a name, and only names in a table given by the caller mean something.
 */
import { badInput } from '../errors.ts';
import { printable } from './safetensors-header.ts';

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  /** A list or a tuple. */
  | PickleValue[]
  | PickleDict
  | PickleObject
  | PickleGlobal;

/** A dict, by its keys of text or numbers. */
export class PickleDict {
  readonly entries = new Map<string | number, PickleValue>();
}

/** What a global with arguments stands for; `state` as it was set afterwards. */
export class PickleObject {
  readonly name: string;
  readonly parts: readonly PickleValue[];
  state: PickleValue = null;

  constructor(name: string, parts: readonly PickleValue[]) {
    this.name = name;
    this.parts = parts;
  }
}

/** The name of a class or function, e.g. `torch.FloatStorage`. */
export class PickleGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What the pickle says lies elsewhere (a persistent id): the storage of a tensor. */
export const persistent = 'persistent';

export interface PickleRules {
  /** Names that may occur. */
  readonly allowed: ReadonlySet<string>;
  readonly path: string;
}

const mostBytes = 16 * 2 ** 20;
const mostLongBytes = 64;

class PickleReader {
  readonly #bytes: Buffer;
  readonly #rules: PickleRules;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;

  constructor(bytes: Uint8Array, rules: PickleRules) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
  }

  damaged(why: string): Error {
    const message = `${this.#rules.path}: the pickle ${why} (byte ${this.#at})`;
    return badInput('PICKLE_DAMAGED', message, 'The file is damaged; fetch it again.');
  }

  refused(what: string): Error {
    const hint = 'Only tensors, numbers, texts, lists and dicts are read; nothing in the file was executed.';
    return badInput('PICKLE_REFUSED', `${this.#rules.path}: the pickle asks for ${what}`, hint);
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw this.damaged('ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  line(): string {
    const end = this.#bytes.indexOf(10, this.#at);
    if (end < 0) throw this.damaged('ends inside a line');
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return text;
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.damaged('takes more than there is');
    return this.#stack.pop() as PickleValue;
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.damaged('has no mark');
    return this.#stack.splice(mark);
  }

  remember(key: number): void {
    this.#memo.set(key, this.top());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(key: number): void {
    const value = this.#memo.get(key);
    if (value === undefined) throw this.damaged(`remembers nothing as ${key}`);
    this.push(value);
  }

  long(length: number): void {
    if (length > mostLongBytes) throw this.refused(`a whole number of ${length} bytes`);
    let value = 0n;
    for (const byte of [...this.take(length)].reverse()) value = (value << 8n) | BigInt(byte);
    if (length > 0 && value >> BigInt(8 * length - 1) === 1n) value -= 1n << BigInt(8 * length);
    this.push(Number.isSafeInteger(Number(value)) ? Number(value) : value);
  }

  global(module: string, name: string): void {
    const full = `${module}.${name}`;
    if (!this.#rules.allowed.has(full)) throw this.refused(`the global ${printable(full)}`);
    this.push(new PickleGlobal(full));
  }

  /** A function with its arguments, as a record of both. */
  record(): void {
    const [parts, global] = [this.pop(), this.pop()];
    if (!(global instanceof PickleGlobal)) throw this.refused('a call of something that is no global');
    if (!Array.isArray(parts)) throw this.damaged('calls without arguments');
    this.push(
      global.name === 'collections.OrderedDict' && parts.length === 0
        ? new PickleDict()
        : new PickleObject(global.name, parts),
    );
  }

  build(): void {
    const [state, target] = [this.pop(), this.top()];
    if (target instanceof PickleObject) target.state = state;
    // An OrderedDict may have attributes (`_metadata` of a state dict); they mean nothing here.
    else if (!(target instanceof PickleDict)) throw this.refused('attributes of a plain value');
  }

  setItems(items: readonly PickleValue[]): void {
    const target = this.top();
    if (!(target instanceof PickleDict) || items.length % 2 !== 0)
      throw this.damaged('sets items of no dict');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      if (typeof key !== 'string' && typeof key !== 'number')
        throw this.refused('a key that is no text or number');
      if (target.entries.has(key)) throw this.damaged(`has the key ${printable(String(key))} twice`);
      target.entries.set(key, items[i + 1]);
    }
  }

  append(items: readonly PickleValue[]): void {
    const target = this.top();
    if (!Array.isArray(target)) throw this.damaged('appends to no list');
    for (const item of items) target.push(item);
  }

  persistentId(): void {
    const id = this.pop();
    if (!Array.isArray(id)) throw this.refused('something outside the file');
    this.push(new PickleObject(persistent, id));
  }

  run(): PickleValue {
    if (this.#bytes.length > mostBytes) throw this.refused(`${this.#bytes.length} bytes`);
    for (;;) {
      const code = this.take(1)[0];
      if (code === 0x2e) return this.pop();
      const instruction = instructions.get(code);
      if (!instruction) throw this.refused(`the instruction 0x${code.toString(16).padStart(2, '0')}`);
      instruction(this);
    }
  }
}

type Instruction = (reader: PickleReader) => void;

const tuple =
  (count: number): Instruction =>
  reader => {
    const items = Array.from({ length: count }, () => reader.pop()).reverse();
    reader.push(items);
  };
const text = (reader: PickleReader, length: number): void =>
  reader.push(reader.take(length).toString('utf8'));
const bytes = (reader: PickleReader, length: number): void =>
  reader.push(Uint8Array.from(reader.take(length)));

function length64(reader: PickleReader): number {
  const length = reader.take(8).readBigUInt64LE();
  if (length > BigInt(mostBytes)) throw reader.damaged('ends too early');
  return Number(length);
}

function int(reader: PickleReader): void {
  const line = reader.line();
  if (line === '00' || line === '01') reader.push(line === '01');
  else if (/^-?\d{1,15}$/.test(line)) reader.push(Number(line));
  else throw reader.refused('a whole number that is none');
}

function dict(reader: PickleReader, items: readonly PickleValue[]): void {
  reader.push(new PickleDict());
  reader.setItems(items);
}

function stackGlobal(reader: PickleReader): void {
  const [name, module] = [reader.pop(), reader.pop()];
  if (typeof name !== 'string' || typeof module !== 'string') throw reader.damaged('names no global');
  reader.global(module, name);
}

/** Python's `pickletools.opcodes`, by code. */
const instructions = new Map<number, Instruction>([
  [0x80, reader => void reader.take(1)], // PROTO
  [0x95, reader => void reader.take(8)], // FRAME
  [0x28, reader => reader.mark()],
  [0x30, reader => void reader.pop()],
  [0x31, reader => void reader.popMark()],
  [0x32, reader => reader.push(reader.top())], // DUP
  [0x4e, reader => reader.push(null)],
  [0x88, reader => reader.push(true)],
  [0x89, reader => reader.push(false)],
  [0x49, int],
  [0x4a, reader => reader.push(reader.take(4).readInt32LE())],
  [0x4b, reader => reader.push(reader.take(1)[0])],
  [0x4d, reader => reader.push(reader.take(2).readUInt16LE())],
  [0x8a, reader => reader.long(reader.take(1)[0])],
  [0x8b, reader => reader.long(reader.take(4).readUInt32LE())],
  [0x47, reader => reader.push(reader.take(8).readDoubleBE())],
  [0x58, reader => text(reader, reader.take(4).readUInt32LE())],
  [0x8c, reader => text(reader, reader.take(1)[0])],
  [0x8d, reader => text(reader, length64(reader))],
  [0x54, reader => text(reader, reader.take(4).readUInt32LE())], // BINSTRING
  [0x55, reader => text(reader, reader.take(1)[0])],
  [0x42, reader => bytes(reader, reader.take(4).readUInt32LE())],
  [0x43, reader => bytes(reader, reader.take(1)[0])],
  [0x7d, reader => reader.push(new PickleDict())],
  [0x64, reader => dict(reader, reader.popMark())],
  [0x73, reader => reader.setItems([reader.pop(), reader.pop()].reverse())],
  [0x75, reader => reader.setItems(reader.popMark())],
  [0x5d, reader => reader.push([])],
  [0x6c, reader => reader.push(reader.popMark())],
  [0x61, reader => reader.append([reader.pop()])],
  [0x65, reader => reader.append(reader.popMark())],
  [0x29, reader => reader.push([])],
  [0x74, reader => reader.push(reader.popMark())],
  [0x85, tuple(1)],
  [0x86, tuple(2)],
  [0x87, tuple(3)],
  [0x63, reader => reader.global(reader.line(), reader.line())],
  [0x93, stackGlobal],
  [0x52, reader => reader.record()], // REDUCE
  [0x81, reader => reader.record()], // NEWOBJ
  [0x62, reader => reader.build()],
  [0x71, reader => reader.remember(reader.take(1)[0])],
  [0x72, reader => reader.remember(reader.take(4).readUInt32LE())],
  [0x94, reader => reader.rememberNext()],
  [0x68, reader => reader.recall(reader.take(1)[0])],
  [0x6a, reader => reader.recall(reader.take(4).readUInt32LE())],
  [0x51, reader => reader.persistentId()], // BINPERSID
]);

/**
 * Reads a pickle. Throws PICKLE_REFUSED, naming the global or instruction, for anything but plain data and the allowed
 * names, and PICKLE_DAMAGED where it makes no sense.
 */
export const readPickle = (bytes: Uint8Array, rules: PickleRules): PickleValue =>
  new PickleReader(bytes, rules).run();
