/** A run that is stopped and resumed gives the same bytes as one that is not (DESIGN: bit for bit). */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors, readTensorBytes } from '../../src/files/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { type GivenRecipe, train } from '../../src/training/index.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
/** Latents are encoded in the first run and read back in the others, which must not change a byte either. */
const cacheFolder = temporaryFolder();
const recipe: GivenRecipe = {
  steps: 4,
  batch: 2,
  rank: 4,
  accumulate: 2,
  flip: true,
  captionDropout: 0.3,
  noiseOffset: 0.05,
  targets: 'up_blocks.1*attn*',
  warmupSteps: 2,
  seed: 7,
};

/** Hash of all tensors; metadata holds times and differs. */
function tensorHash(path: string): string {
  const file = openSafetensors(path);
  const hash = createHash('sha256');
  for (const name of [...file.tensors.keys()].sort()) hash.update(name).update(readTensorBytes(file, name));
  return hash.digest('hex');
}

/** With everything that is decided by layer, role and step. */
const chosen: GivenRecipe = {
  ...recipe,
  ...{ kind: 'lokr', factor: 4, dora: 'output', rankDropout: 0.2, moduleDropout: 0.2, scaleWeightNorms: 0.5 },
  ...{
    loraPlusRatio: 4,
    textTargets: 'attention',
    textLearningRate: 1e-3,
    blockRates: 'sine+0.5/1/cosine+0.5',
  },
  overrides: [{ match: '*.to_k', kind: 'lora', rank: 2, learningRate: 1e-4 }],
};

/** With all that goes beside the steps: looks, the base as a teacher, a word of its own, an average. */
const followed: GivenRecipe = {
  ...{
    ...recipe,
    accumulate: 1,
    steps: 5,
    trigger: 'zorbi',
    shuffleTags: true,
    tagSeparator: ' ',
    tagDropout: 0.2,
  },
  ...{ validationShare: 0.2, validateEvery: 2, validationDraws: 4, loss: 'huber', multiresIterations: 3 },
  ...{ priorPreservation: 0.5, priorClass: 'frog', newWord: 'zorbi', newWordVectors: 2, emaDecay: 0.9 },
  ...{ optimizer: 'prodigy', learningRate: 1, colour: true, variants: 2 },
};

test.each<[string, GivenRecipe, string?]>([
  ['plain LoRA', recipe],
  [
    'held-out pictures, a teacher, a new word, an average, drawn captions',
    followed,
    'examples/zorbi-character',
  ],
  ['LoKr and LoRA with DoRA, dropouts, LoRA+, limited norms, a text encoder', chosen],
  ['PiSSA', { ...recipe, init: 'pissa' }],
  ['LoHa with neuron dropout', { ...recipe, kind: 'loha', dropout: 0.2 }],
])(
  '%s: stopped after any step and resumed = uninterrupted, byte for byte',
  async (_, recipe, folder = pictureFolder(5)) => {
    const whole = join(temporaryFolder(), 'whole.safetensors');
    await train({ data: folder, checkpoint, recipe, out: whole, resume: false, cacheFolder });
    const expected = tensorHash(whole);

    const out = join(temporaryFolder(), 'parts.safetensors');
    let resumes = 0;
    for (;;) {
      const controller = new AbortController();
      const result = await train({
        data: folder,
        checkpoint,
        recipe,
        out,
        resume: resumes > 0,
        cacheFolder,
        signal: controller.signal,
        onProgress: progress => {
          if (progress.phase === 'step' && progress.step === [1, 3][resumes]) controller.abort();
        },
      });
      if (result.finished) break;
      expect(existsSync(out)).toBe(false);
      expect(existsSync(result.statePath as string)).toBe(true);
      resumes++;
    }
    expect(resumes).toBe(2);
    expect(tensorHash(out)).toBe(expected);
    const [best, bestOfWhole] = [out, whole].map(path => path.replace('.safetensors', '-best.safetensors'));
    expect(existsSync(best)).toBe(existsSync(bestOfWhole));
    if (existsSync(best)) expect(tensorHash(best)).toBe(tensorHash(bestOfWhole));
    expect(existsSync(out.replace('.safetensors', '.run-state'))).toBe(false);
    expect(existsSync(`${out}.lock`)).toBe(false);
  },
);

test('a state of another recipe or data set is refused and left as it is', async () => {
  const folder = pictureFolder(2);
  const out = join(temporaryFolder(), 'a.safetensors');
  const controller = new AbortController();
  const onProgress = (progress: { phase: string }): void => {
    if (progress.phase === 'step') controller.abort();
  };
  const first = await train({
    data: folder,
    checkpoint,
    recipe,
    out,
    resume: false,
    cacheFolder,
    signal: controller.signal,
    onProgress,
  });
  const before = readFileSync(first.statePath as string);
  const changed = { ...recipe, learningRate: 1e-3 };
  await expect(train({ data: folder, checkpoint, recipe: changed, out, resume: true })).rejects.toMatchObject(
    {
      code: 'RUN_STATE_OTHER',
    },
  );
  await expect(train({ data: folder, checkpoint, recipe, out, resume: false })).rejects.toMatchObject({
    code: 'RUN_STATE_EXISTS',
  });
  copyFileSync(join(folder, '0.png'), join(folder, '9.png'));
  await expect(train({ data: folder, checkpoint, recipe, out, resume: true })).rejects.toMatchObject({
    code: 'RUN_STATE_OTHER',
  });
  expect(readFileSync(first.statePath as string)).toEqual(before);
});

test('the same seed gives the same file, another seed another', async () => {
  const folder = pictureFolder(2);
  const hashes = [];
  for (const seed of [1, 1, 2]) {
    const out = join(temporaryFolder(), 'x.safetensors');
    await train({
      data: folder,
      checkpoint,
      recipe: { ...recipe, steps: 2, warmupSteps: 0, batch: 1, accumulate: 1, seed },
      out,
      resume: false,
    });
    hashes.push(tensorHash(out));
  }
  expect(hashes[0]).toBe(hashes[1]);
  expect(hashes[0]).not.toBe(hashes[2]);
});
