/** @file By what cards are told apart: files that differ in a part only are others. */
import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { sampleData } from './read-head.ts';

const handles: number[] = [];
afterEach(() => {
  for (const handle of handles.splice(0)) closeSync(handle);
});

/** A file of zeros of which most takes no room. */
function emptyFile(length: number): number {
  const path = join(temporaryFolder(), 'data');
  writeFileSync(path, '');
  truncateSync(path, length);
  const handle = openSync(path, 'r+');
  handles.push(handle);
  return handle;
}

const mebibyte = 2 ** 20;

test.each([
  ['a LoRA, of which some 30 % are others', 8 * mebibyte, 0.3, 10],
  ['a checkpoint with another VAE, 4 % of it', 320 * mebibyte, 0.04, 8],
])('%s', (_, length, share, places) => {
  const handle = emptyFile(length);
  const before = sampleData(handle, 0, length);
  const part = Math.floor(length * share);
  for (let i = 0; i <= places; i++) {
    const at = Math.floor(((length - part) * i) / places);
    writeSync(handle, Buffer.alloc(part, 1), 0, part, at);
    expect(sampleData(handle, 0, length), `at ${at}`).not.toBe(before);
    writeSync(handle, Buffer.alloc(part), 0, part, at);
  }
  expect(sampleData(handle, 0, length)).toBe(before);
});
