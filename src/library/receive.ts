/** @file Takes in an upload: into a file beside where it will lie, never more of it than is allowed, nothing left of half of one. */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { badInput, LoraError } from '../errors.ts';
import { systemCode, writeFault } from './system-faults.ts';

export interface ReceiveOptions {
  /** Of messages. */
  readonly name: string;
  readonly mostBytes: number;
}

export const tooLarge = (name: string, mostBytes: number): LoraError =>
  badInput(
    'UPLOAD_TOO_LARGE',
    `${name} has more than ${Math.floor(mostBytes / 2 ** 20)} MB`,
    'Make the picture smaller first.',
  );

const brokenOff = (name: string, cause: unknown): LoraError =>
  badInput('UPLOAD_BROKEN_OFF', `${name} did not come whole`, 'Send it again.', cause);

/** The parts of an upload; what ends it early is UPLOAD_BROKEN_OFF, what is too much UPLOAD_TOO_LARGE. */
export async function* uploadParts(
  stream: Readable,
  { name, mostBytes }: ReceiveOptions,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const part of stream) {
      const chunk = typeof part === 'string' ? Buffer.from(part) : (part as Uint8Array);
      bytes += chunk.length;
      if (bytes > mostBytes) throw tooLarge(name, mostBytes);
      yield chunk;
    }
  } catch (cause) {
    // The app's own limits end the stream with answers of their own.
    if (cause instanceof LoraError || (cause instanceof Error && 'statusCode' in cause)) throw cause;
    throw brokenOff(name, cause);
  }
}

/** A whole upload in memory. */
export async function receiveBytes(stream: Readable, options: ReceiveOptions): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of uploadParts(stream, options)) parts.push(part);
  return Buffer.concat(parts);
}

/** Writes an upload to a file of its own in `folder` and syncs it; who asked gives it a name or removes it. */
export async function receiveFile(
  stream: Readable,
  folder: string,
  options: ReceiveOptions,
): Promise<{ path: string; bytes: number }> {
  const path = join(folder, `${randomBytes(12).toString('hex')}.part`);
  let bytes = 0;
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const part of uploadParts(stream, options)) {
        await file.writeFile(part);
        bytes += part.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    return { path, bytes };
  } catch (cause) {
    stream.destroy();
    await rm(path, { force: true }).catch(() => undefined);
    throw writeFault(options.name, cause);
  }
}

/** Removes what a killed process was receiving. */
export async function sweepParts(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter(part => part.endsWith('.part')))
    await unlink(join(folder, name)).catch(cause => {
      if (systemCode(cause) !== 'ENOENT') throw cause;
    });
}
