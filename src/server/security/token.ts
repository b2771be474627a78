/** @file The token: made at the first start, kept in a file of the user's alone; whoever has it may use the studio. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { LoraError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';

const bytes = 24;
const shape = /^[A-Za-z0-9_-]{32,128}$/;

export interface Token {
  readonly text: string;
  /** What browsers keep: it opens the same doors, but the token cannot be read out of it. */
  readonly cookie: string;
}

const tokenOf = (text: string): Token => ({
  text,
  cookie: createHmac('sha256', text).update('lora-studio cookie').digest('base64url'),
});

/** Reads the token of a data folder, or makes one; `renew` makes another, which signs everybody out. */
export async function openToken(file: string, renew = false): Promise<Token> {
  if (!renew) {
    try {
      const text = readFileSync(file, 'utf8').trim();
      if (shape.test(text)) {
        chmodSync(file, 0o600); // it may have been copied with other rights
        return tokenOf(text);
      }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
        const hint = 'Give yourself the right to read it, or delete it: another one is made.';
        throw new LoraError('TOKEN_UNREADABLE', `${file} cannot be read`, { hint, cause });
      }
    }
  }
  const text = randomBytes(bytes).toString('base64url');
  await writeFileAtomic(file, new TextEncoder().encode(`${text}\n`));
  chmodSync(file, 0o600);
  return tokenOf(text);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares in a time that says nothing of where they differ. */
export const isSame = (given: string, right: string): boolean =>
  timingSafeEqual(digest(given), digest(right));
