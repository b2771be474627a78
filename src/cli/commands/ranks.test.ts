/** `lora resize`, `lora combine` and `lora extract` as a user calls them. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openSafetensors } from '../../files/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { combineCommand } from './combine.ts';
import { extractCommand } from './extract.ts';
import { resizeCommand } from './resize.ts';

const folder = temporaryFolder();
const file = (name: string): string => join(folder, name);
const pocket = openCheckpoint('pretrained/pocket');
const [a, b] = [file('a.safetensors'), file('b.safetensors')];
const targets = /attn2\.to_q$|mid_block\.resnets\.\d\.conv1$/;

beforeAll(() => {
  writeTestLora(a, randomLora(pocket, { seed: 1, rank: 4, targets }));
  writeTestLora(b, randomLora(pocket, { seed: 2, rank: 2, targets }));
});

const ranksIn = (path: string): number[] => {
  const downs = [...openSafetensors(path).tensors].filter(([key]) => /lora_down/.test(key));
  return [...new Set(downs.map(([, { shape }]) => shape[0]))];
};

describe('resize', () => {
  test('writes the rank, tells what is kept, and says so in the metadata', async () => {
    const out = file('resized.safetensors');
    const { status, stdout } = await runHere(resizeCommand(), a, '--rank', '2', '--out', out, '--json');
    expect(status).toBe(0);
    expect(ranksIn(out)).toEqual([2]);
    const { kept, modules, leftOut } = JSON.parse(stdout);
    expect(leftOut).toEqual([]);
    expect(modules.every(({ before, after }: Record<string, number>) => before === 4 && after === 2)).toBe(
      true,
    );
    expect(kept.least).toBeGreaterThan(0.4);
    expect(kept.median).toBeGreaterThanOrEqual(kept.least);
    const { metadata } = openSafetensors(out);
    expect(metadata.ss_network_dim).toBe('2');
    expect(metadata.ss_training_comment).toBe('dimension is resized from 4 to 2');
  });

  test.each([
    ['no rule', [], 'RANK_RULE'],
    ['two rules', ['--rank', '2', '--keep', '0.5'], 'RANK_RULE'],
    ['a limit beside a rank', ['--rank', '2', '--max-rank', '4'], 'RANK_RULE'],
    ['a share above 1', ['--sv-fro', '1.5'], 'RANK_RULE'],
    ['another ending', ['--rank', '2', '--out', 'x.bin'], 'OUT_NOT_SAFETENSORS'],
    ['its own input', ['--rank', '2', '--out', a], 'OUT_EXISTS'],
  ])('%s is a wrong command', async (_, options, code) => {
    const before = readFileSync(a);
    const out = options.includes('--out') ? [] : ['--out', file('never.safetensors')];
    const { status, stderr } = await runHere(resizeCommand(), a, ...options, ...out);
    expect([status, stderr]).toEqual([2, expect.stringContaining(code)]);
    expect(existsSync(file('never.safetensors'))).toBe(false);
    expect(readFileSync(a)).toEqual(before);
  });

  test('a truncated file is named, and nothing is written', async () => {
    const cut = file('cut.safetensors');
    writeFileSync(cut, readFileSync(a).subarray(0, 3000));
    const { status, stderr } = await runHere(
      resizeCommand(),
      cut,
      '--rank',
      '2',
      '--out',
      file('never.safetensors'),
    );
    expect([status, stderr]).toEqual([3, expect.stringContaining(cut)]);
    expect(existsSync(file('never.safetensors'))).toBe(false);
  });
});

describe('combine', () => {
  test('all ranks side by side; names and strengths are told, paths are not', async () => {
    const out = file('both.safetensors');
    const { status } = await runHere(combineCommand(), `${a}:0.5`, `${b}:-1`, '--out', out);
    expect(status).toBe(0);
    expect(ranksIn(out)).toEqual([6]);
    const { metadata } = openSafetensors(out);
    expect(metadata['modelspec.merged_from']).toBe('a, b');
    expect(metadata['lora_studio.combined']).toContain('"name":"b","strength":-1');
    expect(Object.values(metadata).some(value => value.includes(folder))).toBe(false);
  });

  test('to a rank', async () => {
    const out = file('less.safetensors');
    expect((await runHere(combineCommand(), a, b, '--rank', '3', '--out', out)).status).toBe(0);
    expect(ranksIn(out)).toEqual([3]);
  });

  test('strengths of 0 leave nothing', async () => {
    const { status, stderr } = await runHere(combineCommand(), `${a}:0`, '--out', file('zero.safetensors'));
    expect([status, stderr]).toEqual([2, expect.stringContaining('COMBINE_NOTHING')]);
  });
});

test('extract: a model against itself has no difference', async () => {
  const out = file('none.safetensors');
  const { status, stderr } = await runHere(
    extractCommand(),
    ...['pocket', '--base', 'pocket', '--rank', '4', '--out', out],
  );
  expect([status, stderr]).toEqual([3, expect.stringContaining('EXTRACT_NO_DIFFERENCE')]);
  expect(existsSync(out)).toBe(false);
});
