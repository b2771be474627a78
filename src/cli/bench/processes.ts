/** @file Measured work runs in processes of its own, so that peak memory and start-up mean something. */
import { execFile } from 'node:child_process';
import { LoraError } from '../../errors.ts';

/** Standard output of a program; BENCH_FAILED with its last line of errors when it fails. */
export function runProcess(command: string, options: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, options, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const last = stderr.trim().split('\n').at(-1);
      const message = `${command} ${options[0]} failed: ${last ?? error.message}`;
      reject(new LoraError('BENCH_FAILED', message, { cause: error }));
    });
  });
}

/** The last line of what a program printed, as JSON. */
export const lastJson = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1) as string);
