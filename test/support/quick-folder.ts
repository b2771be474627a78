/** @file A folder in memory, where the system has such a place: for tests that are not about what a disk takes to sync. */
import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './pictures.ts';

const memory = '/dev/shm';

/** The test removes it. */
export function quickFolder(): string {
  return existsSync(memory) ? mkdtempSync(join(memory, 'lora-test-')) : temporaryFolder();
}
