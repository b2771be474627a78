/** @file Whether a process id belongs to a running process of this machine. */
import { systemCode } from './write-errors.ts';

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
