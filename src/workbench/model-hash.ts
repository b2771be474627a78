/** @file The sha256 of a checkpoint's file, which pictures name it by. Files of gigabytes are hashed once, beside the drawing. */
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { hashFileInThread, writeFileAtomic } from '../files/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { cacheFolder } from './places.ts';

const known = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));
const storePath = (): string => join(cacheFolder(), 'model-hashes.json');

function readKnown(): Record<string, string> {
  try {
    return known.parse(JSON.parse(readFileSync(storePath(), 'utf8')));
  } catch {
    return {}; // none yet, or damaged: it can be made again
  }
}

/** A cache that cannot be written costs time, not pictures. */
async function remember(key: string, hash: string): Promise<void> {
  try {
    mkdirSync(dirname(storePath()), { recursive: true });
    const text = JSON.stringify({ ...readKnown(), [key]: hash }, null, 2);
    await writeFileAtomic(storePath(), new TextEncoder().encode(text));
  } catch {}
}

/** Where it is not known, hashing begins in a thread of its own; the hash is waited for when it is asked for. */
export function openModelHash({ unet }: Checkpoint): { hash(): Promise<string | undefined>; stop(): void } {
  const [file] = unet.files;
  if (file === undefined) return { hash: async () => undefined, stop: () => {} };
  const { size, mtimeMs } = statSync(file);
  const key = `${resolve(file)} ${size} ${mtimeMs}`;
  const { [key]: found } = readKnown();
  if (found) return { hash: async () => found, stop: () => {} };
  const running = hashFileInThread(file);
  const remembered = running.hash.then(async value => {
    await remember(key, value);
    return value;
  });
  const hash = remembered.catch(() => undefined); // a picture without it is better than none
  return { hash: () => hash, stop: () => void running.stop() };
}
