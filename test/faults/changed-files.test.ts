/** Files that change while a run goes on: its base, its pictures, its own outputs' folder. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { openCheckpoint } from '../../src/models/index.ts';
import { type GivenRecipe, type Progress, train } from '../../src/training/index.ts';
import { readState } from '../../src/training/state/decode.ts';
import { pictureFolder, stripes, temporaryFolder } from '../support/pictures.ts';

vi.setConfig({ testTimeout: 300_000 });
process.env.SOURCE_DATE_EPOCH = '1700000000';

const pictures = pictureFolder(2);
const cacheFolder = temporaryFolder();
const recipe: GivenRecipe = {
  ...{ steps: 8, batch: 1, rank: 2, targets: 'mid_block*attn2.to_v', seed: 5, stateEvery: 2 },
};

/** The embedded model in a folder of its own, and the file of its UNet. */
function copyBase(): { readonly base: string; readonly weights: string } {
  const base = join(temporaryFolder(), 'pocket');
  cpSync('pretrained/pocket', base, { recursive: true });
  const [weights] = openCheckpoint(base).unet.files;
  return { base, weights };
}

interface Run {
  readonly base: string;
  readonly out: string;
  readonly data?: string;
  readonly resume?: boolean;
  readonly atStep?: (step: number) => void;
  readonly recipe?: GivenRecipe;
}

function run({ base, out, data = pictures, resume = false, atStep, recipe: given = recipe }: Run) {
  return train({
    ...{ data, checkpoint: openCheckpoint(base), recipe: given, out, resume, cacheFolder },
    onProgress: (progress: Progress) => {
      if (progress.phase === 'step') atStep?.(progress.step);
    },
  });
}

const newOut = (): string => join(temporaryFolder(), 'x.safetensors');

test.each<[string, (weights: string) => void, number]>([
  ['changed in place', weights => writeFileSync(weights, readFileSync(weights)), 4],
  ['touched', weights => utimesSync(weights, 1, 1), 4],
  [
    'replaced',
    weights => {
      renameSync(weights, `${weights}.old`);
      cpSync(`${weights}.old`, weights);
      rmSync(`${weights}.old`);
    },
    4,
  ],
  // Nothing that was computed can be wrong, so it is kept.
  ['moved away', weights => renameSync(weights, `${weights}.aside`), 6],
])(
  'the base is %s: a clear stop, and the run goes on with the file as it was',
  async (_, change, keptStep) => {
    const { base, weights } = copyBase();
    const out = newOut();
    const stopped = run({ base, out, atStep: step => step === 5 && change(weights) });
    await expect(stopped).rejects.toMatchObject({
      code: 'CHECKPOINT_CHANGED',
      message: expect.stringContaining(weights),
      hint: expect.stringContaining(`after step ${keptStep}`),
    });
    expect(existsSync(out)).toBe(false);
    if (existsSync(`${weights}.aside`)) renameSync(`${weights}.aside`, weights);
    const resumed = await run({ base, out, resume: true });
    expect(resumed.finished).toBe(true);
    const whole = newOut();
    await run({ base, out: whole });
    expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
  },
);

test('another base under the same name is refused on resume', async () => {
  const { base, weights } = copyBase();
  const out = newOut();
  await expect(run({ base, out, atStep: step => step === 5 && utimesSync(weights, 1, 1) })).rejects.toThrow();
  const bytes = readFileSync(weights);
  // As training moves weights: all of them, a little.
  for (let i = 8 + Number(bytes.readBigUInt64LE()); i < bytes.length; i += 4) bytes[i] ^= 1;
  writeFileSync(weights, bytes);
  await expect(run({ base, out, resume: true })).rejects.toMatchObject({ code: 'RUN_STATE_OTHER' });
  expect(existsSync(out.replace('.safetensors', '.run-state'))).toBe(true);
});

test('pictures that change are told once, and change nothing', async () => {
  const data = pictureFolder(3);
  const [out, whole] = [newOut(), newOut()];
  await run({ base: 'pretrained/pocket', out: whole, data });
  const result = await run({
    ...{ base: 'pretrained/pocket', out, data },
    atStep: step => {
      if (step !== 3) return;
      writeFileSync(join(data, '0.png'), stripes(64, 64, 99));
      rmSync(join(data, '1.png'));
    },
  });
  expect(
    result.warnings.filter(({ code }) => code === 'PICTURES_CHANGED').map(({ message }) => message),
  ).toEqual([`${join(data, '0.png')} and 1 more changed since the run began; it goes on with what it read`]);
  expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
});

test('the output folder is gone: a clear stop; nothing is made in its place', async () => {
  const folder = join(temporaryFolder(), 'outputs');
  mkdirSync(folder);
  const out = join(folder, 'x.safetensors');
  const stopped = run({
    ...{ base: 'pretrained/pocket', out },
    atStep: step => {
      if (step === 5) renameSync(folder, `${folder}-moved`);
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'WRITE_NO_FOLDER', hint: expect.any(String) });
  expect(existsSync(folder)).toBe(false);
  const names = readdirSync(`${folder}-moved`);
  expect(names).toContain('x.run-state');
  expect(readState(join(`${folder}-moved`, 'x.run-state')).step).toBe(4);
});
