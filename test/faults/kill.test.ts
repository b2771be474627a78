/**
 * kill −9 at random moments, resumed until the run is done: its file is that of a run that was left alone, to the last byte,
 * and no more than one interval between run states is done again. LORA_KILLS=100 kills that often.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { randomStream } from '../../src/engine/index.ts';
import type { GivenRecipe } from '../../src/training/index.ts';
import { start } from '../support/command-line.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 1_800_000 });

const kills = Number(process.env.LORA_KILLS ?? 20);
const folder = pictureFolder(3);
for (let i = 0; i < 3; i++)
  writeFileSync(join(folder, `${i}.txt`), `stripes, red ${i}, {soft|hard} light, evening`);

const stateEvery = 3;
const base: GivenRecipe = {
  ...{ steps: 60, batch: 1, rank: 2, targets: 'mid_block*attn2.to_v', seed: 5, flip: true },
  // A file every step, of which two stay, and a state every third: half of the time is spent in saves.
  ...{ saveEvery: 1, keepSaves: 2, stateEvery },
};

const recipes: readonly [name: string, share: number, recipe: GivenRecipe][] = [
  ['AdamW', 0.5, base],
  [
    '8-bit AdamW with an average, shuffled tags',
    0.25,
    { ...base, optimizer: 'adamw8bit', emaDecay: 0.99, shuffleTags: true },
  ],
  [
    'Prodigy, dropped and drawn captions',
    0.25,
    { ...base, optimizer: 'prodigy', learningRate: 1, captionDropout: 0.3, wildcards: true },
  ],
];

type Runner = (out: string, ...options: string[]) => ReturnType<typeof start>;

/** Runs of one recipe: the whole one, and how many seconds it takes to its first step. */
async function uninterrupted(
  run: Runner,
): Promise<{ readonly out: string; readonly seconds: number; readonly first: number }> {
  const out = join(temporaryFolder(), 'x.safetensors');
  const begun = performance.now();
  const whole = run(out);
  await whole.seen('step00000001');
  const first = (performance.now() - begun) / 1000;
  const { status, stderr } = await whole.outcome;
  expect(status, stderr).toBe(0);
  return { out, first, seconds: (performance.now() - begun) / 1000 };
}

const lastOf = (text: string, pattern: RegExp): number =>
  Math.max(0, ...[...text.matchAll(pattern)].map(([, step]) => Number(step)));

/**
 * Journals of runs that were killed before their first state are kept under another name; the lock of a run that was killed
 * when all was done lies there until the next one.
 */
const namesBeside = (out: string): string[] =>
  readdirSync(dirname(out))
    .filter(name => !/\.\d{4}-\d\d-\d\dT.*\.run$|\.lock$/.test(name))
    .sort();

test.concurrent.each(recipes)('%s', async (_, share, recipe) => {
  const recipePath = join(temporaryFolder(), 'recipe.json');
  writeFileSync(recipePath, JSON.stringify(recipe));
  const cache = temporaryFolder();
  const run: Runner = (out, ...options) =>
    start(['train', folder, '--out', out, '--recipe', recipePath, '--no-examine', ...options], undefined, {
      ...{ SOURCE_DATE_EPOCH: '1700000000', XDG_CACHE_HOME: cache },
    });
  const whole = await uninterrupted(run);
  const moments = randomStream(Number(process.env.LORA_KILL_SEED ?? 1), `kills of ${recipe.optimizer}`);
  let left = Math.ceil(kills * share);
  let redone = 0;
  while (left > 0) {
    const out = join(temporaryFolder(), 'x.safetensors');
    let reached = 0;
    for (let attempt = 0; ; attempt++) {
      const child = run(out, ...(attempt > 0 ? ['--resume'] : []));
      // From the first look at the options to some way into the steps.
      const span = whole.first + 0.6 * (whole.seconds - whole.first);
      const timer =
        left > 0
          ? setTimeout(() => child.process.kill('SIGKILL'), 1000 * span * moments.uniform())
          : undefined;
      const { status, stderr } = await child.outcome;
      clearTimeout(timer);
      const resumedAt = lastOf(stderr, /resumed at step (\d+)/g);
      if (resumedAt > 0) {
        redone = Math.max(redone, reached - resumedAt);
        reached = 0;
      }
      reached = Math.max(reached, lastOf(stderr, /saved .*-step0*(\d+)\.safetensors/g));
      // Killed when all was done but the process's own end: there is nothing left to resume.
      if (status === 0 || stderr.includes(`OUT_EXISTS: ${out} is`)) break;
      expect(child.process.signalCode, stderr).toBe('SIGKILL');
      left--;
    }
    expect(readFileSync(out).equals(readFileSync(whole.out))).toBe(true);
    expect(namesBeside(out)).toEqual(namesBeside(whole.out));
  }
  expect(redone).toBeLessThanOrEqual(stateEvery);
});
