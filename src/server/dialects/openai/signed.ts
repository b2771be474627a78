/** @file Addresses of pictures that work without a token for an hour, as OpenAI gives them: the path is signed with its time. */
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { LoraError } from '../../../errors.ts';
import { resolveInside } from '../../../files/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply } from '../../route.ts';
import { isSame } from '../../security/token.ts';

const lifeSeconds = 3600;
const types: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

const keyOf = (secret: string, path: string, until: number): string =>
  createHmac('sha256', secret).update(`${until} ${path}`).digest('base64url');

/** `path` is relative to the data folder. */
export function signedPath(secret: string, path: string, now = Date.now()): string {
  const until = Math.floor(now / 1000) + lifeSeconds;
  const name = Buffer.from(path, 'utf8').toString('base64url');
  return `/v1/images/files/${name}?until=${until}&key=${keyOf(secret, path, until)}`;
}

/** Throws FILE_NOT_FOUND for whatever is wrong: nobody is told what. */
export async function servePicture(
  { secret, data }: StudioContext,
  { name, until, key }: { name: string; until: number; key: string },
  now = Date.now(),
): Promise<Reply> {
  const path = Buffer.from(name, 'base64url').toString('utf8');
  const type = types[extname(path).toLowerCase()];
  const isRight = isSame(key, keyOf(secret, path, until)) && until * 1000 > now && type !== undefined;
  const bytes = isRight
    ? await readFile(await resolveInside(data.path, path)).catch(() => undefined)
    : undefined;
  if (!bytes) throw new LoraError('FILE_NOT_FOUND', 'there is no such picture, or its hour is over');
  return new Reply(bytes, type, { headers: { 'cross-origin-resource-policy': 'cross-origin' } });
}
