/**
 * @file What a LoRA's header says of its name and hash, without reading the header as JSON: with hundreds of tensors a
 * file, that would take minutes for a large collection. It only says which file to open; opening it checks everything.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

export interface HeaderFacts {
  /** The name given at training, in lower case. */
  readonly alias: string | undefined;
  /** What it says that the hash of its tensors is; after an edit it may be that of another file. */
  readonly stated: string | undefined;
}

const longestHeader = 32 * 2 ** 20;
const longestValue = 4096;

function headerBytes(path: string): Buffer {
  const handle = openSync(path, 'r');
  try {
    const head = Buffer.alloc(8);
    readSync(handle, head, 0, 8, 0);
    const length = head.readBigUInt64LE();
    if (length > BigInt(Math.min(longestHeader, fstatSync(handle).size))) return Buffer.alloc(0);
    const header = Buffer.alloc(Number(length));
    return header.subarray(0, readSync(handle, header, 0, header.length, 8));
  } finally {
    closeSync(handle);
  }
}

/** The text of a key. Within a text of JSON a quote has a backslash, so this is a key of the header or its metadata. */
function textOf(header: Buffer, key: string): string | undefined {
  const at = header.indexOf(`"${key}"`);
  if (at < 0) return undefined;
  const behind = header.toString('utf8', at + key.length + 2, at + key.length + 2 + longestValue);
  const value = /^\s*:\s*("(?:[^"\\]|\\.)*")/.exec(behind)?.[1];
  try {
    return value === undefined ? undefined : (JSON.parse(value) as string);
  } catch {
    return undefined;
  }
}

/** Nothing is known of what is no readable file. */
export function headerFacts(path: string): HeaderFacts {
  try {
    const header = headerBytes(path);
    const stated = textOf(header, 'sshs_model_hash') || textOf(header, 'modelspec.hash_sha256');
    return {
      alias: textOf(header, 'ss_output_name')?.trim().toLowerCase() || undefined,
      stated: stated?.trim().toLowerCase().replace(/^0x/, '') || undefined,
    };
  } catch {
    return { alias: undefined, stated: undefined };
  }
}
