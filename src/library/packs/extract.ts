/** @file Members of an archive into memory or a file: never more bytes than were announced, hashed on the way. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { badInput, LoraError } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import type { Member } from './archive.ts';

const damaged = 'The archive is damaged; fetch it again.';

/** Blocks of a member; throws PACK_DAMAGED where size or CRC are not what was said, PACK_BOMB where it is more. */
async function* blocksOf(
  { path, bytes, crc, open }: Member,
  pack: string,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const shown = printable(path);
  let done = 0;
  let sum = 0;
  try {
    for await (const block of await open()) {
      signal?.throwIfAborted();
      done += (block as Buffer).length;
      if (done > bytes)
        throw badInput(
          'PACK_BOMB',
          `${pack}: ${shown} has more than the ${bytes} bytes that it says`,
          damaged,
        );
      sum = crc32(block as Buffer, sum);
      yield block as Buffer;
    }
  } catch (cause) {
    if (cause instanceof LoraError || signal?.aborted) throw cause;
    const message = `${pack}: ${shown} cannot be unpacked: ${(cause as Error).message}`;
    throw badInput('PACK_DAMAGED', message, damaged, cause);
  }
  if (done !== bytes)
    throw badInput('PACK_DAMAGED', `${pack}: ${shown} has ${done} bytes, but says ${bytes}`, damaged);
  if (sum !== crc) throw badInput('PACK_DAMAGED', `${pack}: ${shown} has a wrong checksum`, damaged);
}

export interface Extracted {
  readonly sha256: string;
}

/** A small member; its size was checked. */
export async function extractBytes(member: Member, pack: string): Promise<Extracted & { bytes: Buffer }> {
  const blocks: Buffer[] = [];
  for await (const block of blocksOf(member, pack)) blocks.push(block);
  const bytes = Buffer.concat(blocks);
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A large member into a new file. */
export async function extractFile(
  member: Member,
  pack: string,
  target: string,
  signal?: AbortSignal,
): Promise<Extracted> {
  const hash = createHash('sha256');
  const file = await open(target, 'wx', 0o600);
  try {
    for await (const block of blocksOf(member, pack, signal)) {
      hash.update(block);
      for (let done = 0; done < block.length; ) done += (await file.write(block, done)).bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex') };
}
