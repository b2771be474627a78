/**
 * SD 1.5 out of a single file with its text encoder trained too, at its real size: one step against transformers, diffusers and
 * PEFT (tools/goldens/train_text.py sd15), its time against a step of the UNet alone, its memory against what was foreseen.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noiseSchedule } from '../../src/diffusion/index.ts';
import type { Tensor } from '../../src/engine/index.ts';
import { initialParameters, type TrainedLayer } from '../../src/lora/index.ts';
import { type Checkpoint, openCheckpoint } from '../../src/models/index.ts';
import { holdBase, openTrainStep, planRun, type Recompute } from '../../src/training/index.ts';
import { addNoise } from '../../src/training/objective/objective.ts';
import type { StepBatch } from '../../src/training/train-step.ts';
import { type Digest, given, hashed } from '../golden/hashed-weights.ts';
import { start } from '../support/command-line.ts';
import { missingRoom } from '../support/hashed-files.ts';
import { makeCheckpoint } from '../support/make-checkpoint.ts';
import { pictureFolder, temporaryFolder } from '../support/pictures.ts';
import { errorOfNorm, worst } from '../support/unet-cases.ts';

const golden: { ids: number[]; t: number; loss: number; gradients: Record<string, Digest> } = JSON.parse(
  readFileSync(new URL('../golden/data/train_text_sd15.json', import.meta.url), 'utf8'),
);

const missing = missingRoom({ diskGiB: 3, memoryGiB: 6 });
if (missing) console.log(`the text encoder of SD 1.5 is left out: ${missing}`);

describe.skipIf(missing)('SD 1.5 in half precision', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'sd15.safetensors');
  let checkpoint: Checkpoint;
  beforeAll(async () => {
    await makeCheckpoint(file, { model: 'sd15', dtype: 'float16' });
    checkpoint = openCheckpoint(file);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const given32 = { rank: 4, alpha: 2, batch: 1, textRank: 2, textAlpha: 3 } as const;
  const layersOf = (textTargets: string | null): TrainedLayer[] =>
    planRun(checkpoint, textTargets === null ? { rank: 4, batch: 1 } : { ...given32, textTargets }).layers;

  const schedule = noiseSchedule({
    ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, kind: 'scaled_linear' },
  });
  function batchOf(text: Pick<StepBatch, 'context' | 'texts'>): StepBatch {
    const [latent, noise] = ['latent', 'noise'].map(name => given(name, [1, 4, 32, 32]));
    const { noisy, target } = addNoise(latent.data, noise.data, schedule.alphasCumprod[golden.t], 'epsilon');
    return {
      ...text,
      sample: { shape: latent.shape, data: noisy },
      timesteps: { shape: [1], data: Float32Array.of(golden.t) },
      target: { shape: latent.shape, data: target },
      weights: { shape: [1], data: Float32Array.of(1) },
    };
  }
  const inside = (): StepBatch =>
    batchOf({
      texts: new Map([['text_encoder', [{ chunks: [golden.ids], end: undefined, newFrom: undefined }]]]),
    });
  const shape = { batch: 1, height: 32, width: 32, tokens: 77 };

  test.each<[Recompute, 'file' | 'float16']>([
    [false, 'file'],
    ['finest', 'float16'],
    [true, 'file'],
  ])('one step, recompute %s, base as %s', async (recompute, form) => {
    const layers = layersOf('attention+mlp');
    expect(layers.map(({ target }) => target.split('.')[0])).toEqual([
      ...Array.from({ length: 192 }, () => 'unet'),
      ...Array.from({ length: 72 }, () => 'text_encoder'),
    ]);
    const parameters = await initialParameters(layers, 1);
    for (const [name, { shape, data }] of parameters) data.set(hashed(name, shape));
    const step = await openTrainStep(holdBase(checkpoint, form), layers, { ...shape, recompute });
    const { losses, gradients } = await step.run(inside(), parameters);
    await step.release();
    expect(Math.abs(losses.data[0] / golden.loss - 1)).toBeLessThan(1e-5);
    expect([...gradients.keys()].sort()).toEqual(Object.keys(golden.gradients).sort());
    // Float32 in another order of summation, and Winograd.
    const errors = [...gradients].map(([name, gradient]) => errorOfNorm(gradient, golden.gradients[name]));
    expect(worst(errors)).toBeLessThan(1e-4);
  });

  test('a step takes little longer than one of the UNet alone', async () => {
    const seconds: Record<string, number> = {};
    const context: Tensor = given('context', [1, 77, 768]);
    const run = async (name: string, layers: TrainedLayer[], batch: StepBatch): Promise<void> => {
      const parameters = await initialParameters(layers, 1);
      const step = await openTrainStep(checkpoint, layers, { ...shape, recompute: false });
      for (let i = 0; i < 4; i++) {
        const started = performance.now();
        await step.run(batch, parameters);
        const passed = (performance.now() - started) / 1000;
        seconds[name] = Math.min(seconds[name] ?? passed, passed);
      }
      await step.release();
    };
    await run('UNet', layersOf(null), batchOf({ context }));
    await run('both', layersOf('attention+mlp'), inside());
    console.log(`seconds a step at 256²: ${JSON.stringify(seconds)}`);
    // 8 % more operations at this small size; the rest is for a busy machine.
    expect(seconds.both / seconds.UNet).toBeLessThan(1.4);
  });

  test('memory is what --plan says', async () => {
    const options = [
      '--base',
      file,
      '--resolution',
      '256',
      '--steps',
      '2',
      '--batch',
      '1',
      '--caption',
      'stripes',
    ];
    const text = ['--text-targets', 'attention+mlp', '--rank', '16', '--no-cache', '--json'];
    const pictures = pictureFolder(1);
    const out = join(folder, 'out.safetensors');
    const lora = async (...more: string[]) => {
      const { stdout, stderr, status } = await start([
        'train',
        pictures,
        ...options,
        ...text,
        '--out',
        out,
        ...more,
      ]).outcome;
      expect(status, stderr).toBe(0);
      return JSON.parse(stdout);
    };
    const { predictedPeakBytes, layers } = await lora('--plan');
    const { peakMemoryBytes } = await lora();
    expect(layers).toBe(192 + 72);
    console.log(`GiB: ${predictedPeakBytes / 2 ** 30} foreseen, ${peakMemoryBytes / 2 ** 30} taken`);
    expect(peakMemoryBytes / predictedPeakBytes).toBeGreaterThan(0.85);
    expect(peakMemoryBytes / predictedPeakBytes).toBeLessThan(1.15);
  });
});
