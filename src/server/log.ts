/** @file The studio's log: JSON lines (pino) in a file that is set aside when it grows, and warnings on the terminal. */
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import type { StudioLog } from './context.ts';

export interface OpenedLog extends StudioLog {
  close(): void;
}

/** Files: `studio.log`, and `studio.1.log` to `studio.4.log`, which are older. */
const generations = 4;

/** The whole log takes up to `mostBytes()`. Never a token: requests are logged without query and headers. */
export function openLog(folder: string, mostBytes: () => number, level = 'info'): OpenedLog {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'studio.log');
  const destination = pino.destination({
    dest: file,
    sync: true,
    append: true,
    mode: 0o600,
    maxLength: 1 << 20,
  });
  const logger = pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    destination,
  );

  const older = (n: number): string => join(folder, `studio.${n}.log`);
  const turn = (): void => {
    rmSync(older(generations), { force: true });
    for (let n = generations - 1; n >= 1; n--) {
      try {
        renameSync(older(n), older(n + 1));
      } catch {} // not there yet
    }
    renameSync(file, older(1));
    destination.reopen();
  };
  let written = 0;
  const look = (): void => {
    if (++written % 64 !== 0) return;
    try {
      if (statSync(file).size > mostBytes() / (generations + 1)) turn();
    } catch {} // a log that cannot be turned goes on
  };
  const tell =
    (kind: 'info' | 'warn' | 'error') =>
    (facts: object, text: string): void => {
      try {
        logger[kind](facts, text);
        look();
      } catch {} // a full disk must not end the studio
    };
  return {
    ...{ info: tell('info'), warn: tell('warn'), error: tell('error') },
    close: () => {
      try {
        destination.flushSync();
        destination.end();
      } catch {}
    },
  };
}
