/** @file Headers and whole files of safetensors, byte for byte as the library writes them. */
import { bytesPerElement, type DType, elementCount, type Shape } from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import { dtypeNames, dtypeRank } from './safetensors-dtypes.ts';
import { printable } from './safetensors-header.ts';

export interface StreamedTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface WritableTensor extends StreamedTensor {
  readonly bytes: Uint8Array;
}

export type Metadata = Readonly<Record<string, string>>;

/** Of header bytes; the library reads no larger one. */
export const maxHeaderBytes = 100_000_000;

export const tensorBytes = ({ dtype, shape }: StreamedTensor): number =>
  elementCount(shape) * bytesPerElement[dtype];

/** The library's order: larger alignment first, then names by their bytes. */
export function canonicalOrder<T extends StreamedTensor>(tensors: Iterable<T>): T[] {
  return [...tensors].sort(
    (a, b) =>
      dtypeRank(b.dtype) - dtypeRank(a.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
}

/** A string as JSON. Half of a surrogate pair has no UTF-8, and no library would read the file. */
function quoted(text: string): string {
  if (text.isWellFormed()) return JSON.stringify(text);
  const message = `${JSON.stringify(text.slice(0, 100))} is no Unicode text: it holds half of a surrogate pair`;
  throw new LoraError('WRITE_BAD_TEXT', message);
}

/**
 * What stands before the data of tensors that lie one after the other in the given order. `{}` writes metadata that
 * are empty, as the library does; undefined writes none.
 */
export function safetensorsHeader(tensors: readonly StreamedTensor[], metadata?: Metadata): Uint8Array {
  const texts = Object.entries(metadata ?? {}).map(([key, value]) => `${quoted(key)}:${quoted(value)}`);
  const members = metadata ? [`"__metadata__":{${texts.join()}}`] : [];
  const names = new Set(['__metadata__']);
  let position = 0;
  for (const tensor of tensors) {
    const { name, dtype, shape } = tensor;
    if (names.has(name)) throw new LoraError('WRITE_BAD_TEXT', `${printable(name)} is named twice`);
    names.add(name);
    const end = position + tensorBytes(tensor);
    const type = dtypeNames[dtype];
    members.push(
      `${quoted(name)}:{"dtype":"${type}","shape":[${shape}],"data_offsets":[${position},${end}]}`,
    );
    position = end;
  }
  const json = Buffer.from(`{${members.join()}}`);
  const out = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  if (out.length - 8 > maxHeaderBytes) {
    const message = `the header would have ${out.length - 8} bytes, no reader takes more than ${maxHeaderBytes}`;
    throw new LoraError('WRITE_HEADER_TOO_LARGE', message, { hint: 'Remove metadata.' });
  }
  out.writeBigUInt64LE(BigInt(out.length - 8), 0);
  json.copy(out, 8);
  return out;
}

export function checkLength(tensor: StreamedTensor, bytes: { readonly length: number }): void {
  const expected = tensorBytes(tensor);
  if (bytes.length === expected) return;
  const { name, shape, dtype } = tensor;
  throw new RangeError(
    `${name}: [${shape}] of ${dtype} takes ${expected} bytes instead of the ${bytes.length} given`,
  );
}

/** A whole file in memory, in canonical order. */
export function serializeSafetensors(
  tensors: Iterable<WritableTensor>,
  metadata?: Metadata,
): Uint8Array<ArrayBuffer> {
  const sorted = canonicalOrder(tensors);
  for (const tensor of sorted) checkLength(tensor, tensor.bytes);
  const header = safetensorsHeader(sorted, metadata);
  const out = new Uint8Array(header.length + sorted.reduce((sum, { bytes }) => sum + bytes.length, 0));
  out.set(header);
  let offset = header.length;
  for (const { bytes } of sorted) {
    out.set(bytes, offset);
    offset += bytes.length;
  }
  return out;
}
