/** @file TFRecord framing: length, its checksum, data, its checksum; all little-endian. */
import { maskedCrc32c } from './crc32c.ts';

const headBytes = 12;
const footBytes = 4;

export function frameRecord(data: Uint8Array): Uint8Array {
  const out = Buffer.alloc(headBytes + data.length + footBytes);
  out.writeBigUInt64LE(BigInt(data.length), 0);
  out.writeUInt32LE(maskedCrc32c(out.subarray(0, 8)), 8);
  out.set(data, headBytes);
  out.writeUInt32LE(maskedCrc32c(data), headBytes + data.length);
  return out;
}

export interface FoundRecord {
  readonly data: Uint8Array;
  /** Where the record begins in the file, and where it is over. */
  readonly start: number;
  readonly end: number;
}

/** The whole records of a file, up to the first that is torn or damaged. */
export function* readRecords(file: Uint8Array): Generator<FoundRecord> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let start = 0;
  while (start + headBytes + footBytes <= bytes.length) {
    if (bytes.readUInt32LE(start + 8) !== maskedCrc32c(bytes.subarray(start, start + 8))) return;
    const end = start + headBytes + Number(bytes.readBigUInt64LE(start)) + footBytes;
    if (end > bytes.length) return;
    const data = bytes.subarray(start + headBytes, end - footBytes);
    if (bytes.readUInt32LE(end - footBytes) !== maskedCrc32c(data)) return;
    yield { data, start, end };
    start = end;
  }
}
