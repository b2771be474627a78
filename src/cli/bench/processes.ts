/** @file Measured work runs in processes of its own, so that peak memory and start-up mean something. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { projectPath } from '../../workbench/index.ts';
import type { Run } from './runs.ts';

/** Standard output of a program; BENCH_FAILED with its last line of errors when it fails. */
export function runProcess(
  command: string,
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { maxBuffer: 2 ** 26, env: { ...process.env, ...env } };
    execFile(command, options, settings, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const last = stderr.trim().split('\n').at(-1);
      const message = `${command} ${options[0]} failed: ${last || error.message}`;
      reject(new LoraError('BENCH_FAILED', message, { cause: error }));
    });
  });
}

/** `through` is a command that starts the process, such as `taskset -c 0,1`. */
export function runThrough(
  through: readonly string[],
  command: string,
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [first, ...rest] = [...through, command, ...options];
  return runProcess(first, rest, env);
}

/** The last line of what a program printed, as JSON. */
export const lastJson = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1) as string);

/** A `lora` command as a user gives it, from process start to exit; `{scratch}` stands for an empty folder. */
export async function measureCommand(
  words: readonly string[],
  through: readonly string[],
  /** The name of the fact, among those that the command prints with --json, that is its time or times; else that to its exit. */
  timeFact?: string,
): Promise<Run> {
  const scratch = await mkdtemp(join(tmpdir(), 'lora-bench-'));
  try {
    const report = join(scratch, 'report.json');
    const own = ['--import', projectPath('bench/exit-report.js'), projectPath('bin/lora.js')];
    const given = words.map(word => word.replace('{scratch}', scratch));
    const env = { LORA_BENCH_REPORT: report };
    const printed = await runThrough(through, process.execPath, [...own, ...given], env);
    const run = JSON.parse(await readFile(report, 'utf8')) as Run;
    if (timeFact === undefined) return run;
    const fact = (JSON.parse(printed) as Record<string, number | number[]>)[timeFact];
    return { ...run, seconds: [fact].flat() };
  } finally {
    await rm(scratch, { recursive: true });
  }
}
