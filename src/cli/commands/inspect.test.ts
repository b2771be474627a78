/** `lora inspect` and `lora diff` as a user calls them. */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Outcome, runHere } from '../../../test/support/command-line.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { diffCommand } from './diff.ts';
import { inspectCommand } from './inspect.ts';

const path = 'test/golden/data/inspect-lora.safetensors';
const other = 'test/golden/data/inspect-other.safetensors';
const inspect = (...options: string[]): Promise<Outcome> => runHere(inspectCommand(), ...options);
const diff = (...options: string[]): Promise<Outcome> => runHere(diffCommand(), ...options);
const widest = (text: string): number => Math.max(...text.split('\n').map(line => [...line].length));

describe('lora inspect', () => {
  test('a file, in lines of 100 columns', async () => {
    const { status, stdout } = await inspect(path);
    expect(status).toBe(0);
    expect(stdout).toMatch(/tensors +(\d+) used \+ 0 skipped = \1\n/);
    expect(stdout).toMatch(/WARNING +unusually strong/);
    expect(widest(stdout)).toBeLessThanOrEqual(100);
  });

  test('a folder, with what is there twice', async () => {
    const folder = temporaryFolder();
    for (const name of ['a', 'b']) copyFileSync(path, join(folder, `${name}.safetensors`));
    copyFileSync(other, join(folder, 'c.safetensors'));
    const { status, stdout } = await inspect(folder);
    expect(status).toBe(0);
    expect(stdout).toContain('3 LoRAs, 1 is there more than once');
    expect(stdout).toMatch(/like a\.safetensors\n +b\.safetensors +the same file/);
    expect(widest(stdout)).toBeLessThanOrEqual(100);
    const { duplicates } = JSON.parse((await inspect(folder, '--json')).stdout);
    expect(duplicates).toMatchObject([{ others: [{ verdict: 'file', strength: 1 }] }]);
  });

  test('a picture is written beside the report, and never over a file', async () => {
    const out = join(temporaryFolder(), 'plot.svg');
    expect((await inspect(path, '--plot', out)).status).toBe(0);
    expect(existsSync(out)).toBe(true);
    expect((await inspect(path, '--plot', out)).stderr).toContain('WRITE_EXISTS');
    expect((await inspect(path, '--plot', 'x.gif')).status).toBe(2);
  });
});

describe('lora diff', () => {
  test('the same: 0', async () => {
    const { status, stdout } = await diff(path, path);
    expect([status, stdout.split('\n')[0]]).toEqual([0, 'The same file: every byte is equal.']);
  });

  test('different: 1, with the numbers as JSON', async () => {
    const { status, stdout } = await diff(path, other, '--json');
    expect(status).toBe(1);
    const difference = JSON.parse(stdout);
    expect(difference).toMatchObject({ verdict: 'different', isSame: false });
    expect(difference.sentence).toMatch(/^Different LoRAs: ΔW differs by 1\d\d % \(cosine/);
    const text = await diff(path, other);
    expect(widest(text.stdout)).toBeLessThanOrEqual(100);
    expect((await diff(path, other, '--quiet')).stdout).toBe(`${difference.sentence}\n`);
  });

  test('a file that is none: 3', async () => {
    expect((await diff(path, '/no/such.safetensors')).status).toBe(3);
    expect((await diff(path, other, '--tolerance', '-1')).status).toBe(2);
  });
});
