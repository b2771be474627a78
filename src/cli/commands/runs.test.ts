/** `lora runs` on journals whose numbers are known. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { lockFile, serializeSafetensors } from '../../files/index.ts';
import { openJournal } from '../../training/index.ts';
import { blockChart } from '../runs/block-chart.ts';
import { ticksBetween } from '../runs/range-axis.ts';
import { runsCommand } from './runs.ts';

const root = temporaryFolder();
const at = (name: string): string => join(root, name);
const runs = (...options: string[]) => runHere(runsCommand(), ...options);

const lossAt = (step: number): number => 0.1 + 1 / step;
/** Falls to step 60, then rises. */
const validationAt = (step: number): number => 0.2 + ((step - 60) / 200) ** 2;

async function makeRun(
  name: string,
  recipe: object,
  pictures: readonly string[],
  status = 'finished' as 'finished' | 'stopped early',
) {
  const manifest = {
    ...{ code: { name: 'lora-studio', version: '1' }, device: 'cpu', recipe: { steps: 100, ...recipe } },
    data: {
      folder: 'zorbi',
      pictures: pictures.map(sha256 => ({ name: sha256, sha256, caption: '', repeats: 1 })),
    },
    base: { name: 'pocket', family: 'pocket', hashes: {} },
  };
  const journal = await openJournal({ out: at(name), manifest });
  for (let step = 1; step <= 100; step++) {
    journal.step({ step, loss: lossAt(step), rate: 1e-4, gradientNorm: 1, seconds: 0.25 });
    const loss = validationAt(step);
    if (step % 20 === 0) journal.validation({ step, loss, low: loss - 0.01, high: loss + 0.02 });
  }
  journal.event('warning', 'steps are slower');
  return { journal, finish: () => journal.finish({ status, result: { steps: 100, file: name } }) };
}

beforeAll(async () => {
  mkdirSync(at('deep/er'), { recursive: true });
  await (await makeRun('zorbi.safetensors', { rank: 16 }, ['a', 'b'], 'stopped early')).finish();
  await (await makeRun('deep/er/style.safetensors', { rank: 8, flip: true }, ['a', 'c'])).finish();
  await (await makeRun('twin.safetensors', { rank: 16 }, ['b', 'a'])).finish();
  // Its process died.
  await (await makeRun('died.safetensors', { rank: 16 }, ['a'])).journal.flush();
  appendFileSync(at('died.run/steps.jsonl'), '{"step":101,"lo');
  const state = { format: 'x', step: '40', startedAt: '1600000000' };
  writeFileSync(at('died.run-state'), serializeSafetensors([], state));
  writeFileSync(at('old.run-state'), serializeSafetensors([], state));
  writeFileSync(at('other.run-state'), 'something else');
});

describe('list', () => {
  test('all runs below, and states without a journal', async () => {
    const { status, stdout } = await runs('list', root, '--json');
    expect(status).toBe(0);
    const found = JSON.parse(stdout) as { name: string }[];
    const byName = Object.fromEntries(found.map(run => [run.name, run]));
    expect(Object.keys(byName).sort()).toEqual(['died', 'old', 'style', 'twin', 'zorbi']);
    expect(found.at(-1)?.name).toBe('old'); // of 2020
    const best = { step: 60, validation: validationAt(60) };
    expect(byName.zorbi).toMatchObject({
      status: 'stopped early',
      step: 100,
      steps: 100,
      best,
      pictures: 2,
      secondsPerStep: 0.25,
      isResumable: false,
    });
    expect(byName.died).toMatchObject({ status: 'interrupted', isResumable: true, step: 100, best });
    expect(byName.old).toMatchObject({ status: 'interrupted', isResumable: true, step: 40, base: null });
  });

  test('a run that goes on at this moment, and one that is damaged', async () => {
    const release = await lockFile(at('died.safetensors'));
    try {
      expect(JSON.parse((await runs('show', at('died'), '--json')).stdout)).toMatchObject({
        status: 'running',
      });
    } finally {
      await release();
    }
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'broken.run'));
    writeFileSync(join(folder, 'broken.run/run.json'), '{"format":"lora-studio run 9"}');
    const { status, stdout, stderr } = await runs('list', folder);
    expect([status, stdout]).toEqual([0, `no runs in ${folder} or below it\n`]);
    expect(stderr).toMatch(/left out: .*run\.json does not say what a run says/);
  });
});

describe('show', () => {
  test('the same run by its file, its folder and its stem', async () => {
    const outputs = [];
    for (const name of ['zorbi.safetensors', 'zorbi.run', 'zorbi.run/', 'zorbi'])
      outputs.push((await runs('show', at(name))).stdout);
    expect(new Set(outputs).size).toBe(1);
    expect(outputs[0]).toMatch(/^zorbi: stopped early\n {2}steps {6}100\/100, 0\.25 s a step\n/);
    expect(outputs[0]).toMatch(/best 0\.2 \(0\.19 to 0\.22\) at step 60, last 0\.24 at step 100/);
    expect(outputs[0]).toMatch(/warning: steps are slower/);
    expect(outputs[0].split('\n').every(line => line.length <= 100)).toBe(true);
  });

  test('a torn last line is no fault; a damaged one is told', async () => {
    expect((await runs('show', at('died'))).stderr).toBe('');
    const path = at('twin.run/steps.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, lines.with(10, 'garbage').join('\n'));
    const { stdout, stderr } = await runs('show', at('twin'), '--json');
    expect(stderr).toMatch(/steps\.jsonl is damaged in line 11/);
    expect(JSON.parse(stdout).steps.length).toBe(10);
    writeFileSync(path, lines.join('\n'));
  });

  test('--plot draws every step, the mean, the interval and the marks where they belong', async () => {
    const path = at('zorbi.svg');
    expect(await runs('show', at('zorbi'), '--plot', path)).toMatchObject({ status: 0 });
    const svg = readFileSync(path, 'utf8');
    // 868 units for 100 steps behind the left margin; of held-out losses, 0.18 to 0.3 take 200 units.
    const circles = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"/g)].map(
      ([, ...rest]) => rest.map(Number),
    );
    expect(circles.length).toBe(6);
    const best = circles.find(([, , radius]) => radius === 5.5) as number[];
    expect(best[0]).toBeCloseTo(64 + 868 * 0.6, 1);
    const others = circles.filter(([, , radius]) => radius !== 5.5);
    const perUnit = (others[0][1] - best[1]) / (validationAt(20) - validationAt(60));
    for (const [i, [x, y]] of others.entries()) {
      const step = 20 * (i + 1);
      expect(x).toBeCloseTo(64 + (868 * step) / 100, 1);
      expect(y - best[1]).toBeCloseTo(perUnit * (validationAt(step) - validationAt(60)), 0);
    }
    const dashed = [...svg.matchAll(/d="M([\d.]+) [^"]*"[^>]*stroke="(#\w+)"[^>]*stroke-dasharray/g)].map(
      ([, x, color]) => [Number(x), color],
    );
    expect(dashed).toEqual([
      [584.8, '#2f9e78'],
      [932, '#c0392b'],
      [584.8, '#2f9e78'],
      [932, '#c0392b'],
    ]);
    expect(svg).toMatch(/<title>Loss of zorbi: stopped early/);
    expect(await runs('show', at('zorbi'), '--plot', path)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('WRITE_EXISTS'),
    });
  });

  test.each([
    [['show', 'nothing'], 3, /RUN_NOT_FOUND/],
    [['show', root], 2, /RUN_AMBIGUOUS.*4 runs/],
    [['list', at('nowhere')], 3, /FILE_MISSING/],
    [['show', at('zorbi'), '--plot', 'x.gif'], 2, /ends in \.png or \.svg/],
    [['compare', at('zorbi')], 2, /RUNS_TOO_FEW/],
    [['compare', ...Array(7).fill(at('zorbi'))], 2, /RUNS_TOO_MANY/],
  ])('%j is refused', async (options, status, message) => {
    expect(await runs(...options)).toMatchObject({ status, stderr: expect.stringMatching(message) });
  });
});

test('compare: what differs, and nothing else; one plot for all', async () => {
  const path = at('all.png');
  const given = [at('zorbi'), at('deep/er/style'), at('twin')];
  const { status, stdout } = await runs('compare', ...given, '--plot', path, '--json');
  expect(status).toBe(0);
  const { differences } = JSON.parse(stdout);
  expect(differences).toEqual([
    { field: 'rank', values: ['16', '8', '16'] },
    { field: 'flip', values: [null, 'true', null] },
    { field: 'data', values: ['zorbi, 2 pictures (A)', 'zorbi, 2 pictures (B)', 'zorbi, 2 pictures (A)'] },
  ]);
  const { width, height } = await sharp(path).metadata();
  expect([width, height]).toEqual([1440, 1.5 * 732]);
  expect((await runs('compare', at('zorbi'), at('twin'))).stdout).toMatch(
    /recipe, data and base are the same/,
  );
});

test('a run without steps', async () => {
  const folder = temporaryFolder();
  const manifest = {
    ...{ code: { name: 'x', version: '1' }, device: 'cpu', recipe: {} },
    ...{ data: { folder: 'p', pictures: [] }, base: { name: 'pocket', family: 'pocket', hashes: {} } },
  };
  const journal = await openJournal({ out: join(folder, 'a.safetensors'), manifest });
  await journal.finish({ status: 'failed', result: { steps: 0, message: 'no memory' } });
  renameSync(join(folder, 'a.run'), join(folder, 'b.run'));
  const { status, stdout } = await runs('show', join(folder, 'b'), '--plot', join(folder, 'b.png'));
  expect(status).toBe(0);
  expect(stdout).toMatch(/^b: failed\n[\s\S]*no memory/);
  expect(existsSync(join(folder, 'b.png'))).toBe(true);
});

describe('charts', () => {
  test('block characters are as high as their values', () => {
    const values = Array.from({ length: 48 }, (_, i) => i);
    const lines = blockChart({ values, from: '1', to: '48', columns: 48, rows: 6 });
    const cells = lines.slice(0, 6).map(line => line.slice(3).padEnd(48));
    const heights = values.map(column =>
      cells.reduce((sum, row) => sum + ' ▁▂▃▄▅▆▇█'.indexOf(row[column]), 0),
    );
    expect(heights).toEqual(values.map(value => value + 1));
    expect(lines[6]).toBe(`   1${' '.repeat(45)}48`);
    expect(blockChart({ values: [3, 3], from: 'a', to: 'b' }).length).toBe(7);
    expect(blockChart({ values: [Number.NaN], from: 'a', to: 'b' })).toEqual([]);
  });

  test.each([
    [0, 0.31],
    [0.1012, 0.1304],
    [-3, 5],
    [0.2, 0.2],
    [0, 0],
    [1e-9, 2e-9],
  ])('ticks from %d to %d are round, few, and hold both', (low, high) => {
    const ticks = ticksBetween(low, high);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks[ticks.length - 1]).toBeGreaterThanOrEqual(high);
    expect(ticks.length).toBeGreaterThan(1);
    expect(ticks.length).toBeLessThan(9);
  });
});
