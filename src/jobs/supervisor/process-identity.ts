/** @file Which process a number means: its id and when it began, since numbers are given again. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface ProcessIdentity {
  readonly pid: number;
  /** Plain text that differs between processes of one number; empty where the system does not tell. */
  readonly began: string;
}

/** Field 22 of /proc/<pid>/stat: ticks since the machine was started. The name, field 2, may hold blanks and brackets. */
async function linuxBegan(pid: number): Promise<string | undefined> {
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ]);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie runs no more; its parent has not looked yet.
  return fields[0] === 'Z' ? undefined : `${boot.trim()} ${fields[19]}`;
}

async function posixBegan(pid: number): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
  return stdout.trim() || undefined;
}

/** When a running process began; undefined where there is none, or the system does not tell. */
async function beganOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'win32') return undefined;
  return (process.platform === 'linux' ? linuxBegan(pid) : posixBegan(pid)).catch(() => undefined);
}

export async function identityOf(pid: number): Promise<ProcessIdentity> {
  return { pid, began: (await beganOf(pid)) ?? '' };
}

/** Whether the very process is running. Never true where that is not certain. */
export async function isRunning({ pid, began }: ProcessIdentity): Promise<boolean> {
  return began !== '' && (await beganOf(pid)) === began;
}

/** Kills the very process, if it still runs, and waits until it is gone; false if it was not running. */
export async function killProcess(identity: ProcessIdentity): Promise<boolean> {
  if (!(await isRunning(identity))) return false;
  try {
    process.kill(identity.pid, 'SIGKILL');
  } catch {
    return false;
  }
  for (let i = 0; i < 100 && (await isRunning(identity)); i++) await delay(20);
  return true;
}
