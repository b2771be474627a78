/** The speed of the machine is measured once a process, and once a day. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { knownSpeed } from './known-speed.ts';

function counting(): { measure: () => Promise<{ flops: number; bytes: number }>; count: () => number } {
  let count = 0;
  return {
    count: () => count,
    measure: async () => ({ flops: 1e9 * ++count, bytes: 1e10 }),
  };
}

const fileIn = (folder: string): string => join(folder, 'machine-speed.json');

test('once a process, however many ask at once', async () => {
  const folder = temporaryFolder();
  const { measure, count } = counting();
  const speeds = await Promise.all([1, 2, 3].map(() => knownSpeed(folder, measure)));
  expect(speeds.map(({ flops }) => flops)).toEqual([1e9, 1e9, 1e9]);
  expect(count()).toBe(1);
});

test.each([
  ['of today', (kept: object) => kept, 0],
  ['of two days ago', (kept: object) => ({ ...kept, measuredAt: Date.now() - 48 * 3600e3 }), 1],
  ['of the future', (kept: object) => ({ ...kept, measuredAt: Date.now() + 3600e3 }), 1],
  ['of another machine', (kept: object) => ({ ...kept, machine: 'other' }), 1],
  ['that is damaged', () => 'no', 1],
])('one %s', async (_, change, measured) => {
  const [before, folder] = [temporaryFolder(), temporaryFolder()];
  await knownSpeed(before, counting().measure);
  const kept = JSON.parse(readFileSync(fileIn(before), 'utf8')) as object;
  writeFileSync(fileIn(folder), JSON.stringify(change(kept)));
  const { measure, count } = counting();
  expect((await knownSpeed(folder, measure)).bytes).toBe(1e10);
  expect(count()).toBe(measured);
});

test('a failure is not remembered, and a folder that cannot be written costs nothing', async () => {
  const file = fileIn(temporaryFolder());
  writeFileSync(file, '');
  const fails = (): Promise<never> => Promise.reject(new Error('no'));
  await expect(knownSpeed(join(file, 'below'), fails)).rejects.toThrow('no');
  expect(await knownSpeed(join(file, 'below'), counting().measure)).toMatchObject({ flops: 1e9 });
});
