/**
 * Pictures by checkpoints of the real shapes, from settings to files: SD 1.5 and its inpainting model from single files in
 * float16, SD 2 that predicts velocity down to pure noise, SDXL. The weights are hashed, so the pictures show nothing; what must
 * hold whatever they draw does.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodePng } from '../../src/files/index.ts';
import {
  type FinishedPicture,
  openEmbeddings,
  openLoraFolders,
  openWildcards,
  openWorkshop,
  type PictureSettings,
  type PictureWish,
  readPicture,
  readPictureText,
  settlePictures,
  type Workshop,
} from '../../src/generation/index.ts';
import { type Checkpoint, openCheckpoint } from '../../src/models/index.ts';
import { missingRoom } from '../support/hashed-files.ts';
import { randomLora, writeTestLora } from '../support/loras.ts';
import { type MakeOptions, makeCheckpoint } from '../support/make-checkpoint.ts';
import { stripes, temporaryFolder } from '../support/pictures.ts';

const side = 256;

/** Whether a model has no room here, which is told. */
function isLeftOut(model: string, needed: { diskGiB: number; memoryGiB: number }): boolean {
  const missing = missingRoom(needed);
  if (missing) console.log(`${model} is left out: ${missing}`);
  return missing !== undefined;
}

const plain: PictureWish = {
  ...{ prompt: 'a red car on the beach', negativePrompt: 'snow', loras: [], merge: false },
  ...{ seed: 3n, count: 1, preset: 'lora', sampler: 'Euler', steps: 2, guidance: 4.5, guidanceRescale: 0 },
  size: { width: side, height: side },
};

interface Studio {
  readonly checkpoint: Checkpoint;
  readonly folder: string;
  settle(wish: Partial<PictureWish>): Promise<PictureSettings[]>;
  draw(settings: readonly PictureSettings[], batch?: number): Promise<FinishedPicture[]>;
}

const wildcards = openWildcards([]);

/** Makes a checkpoint, two LoRAs and a workshop, and takes all of it away again. */
async function withStudio(
  out: string,
  options: MakeOptions,
  work: (studio: Studio) => Promise<void>,
  change: (base: string) => void = () => undefined,
): Promise<void> {
  const folder = temporaryFolder();
  let workshop: Workshop | undefined;
  try {
    const base = join(folder, out);
    await makeCheckpoint(base, options);
    change(base);
    const checkpoint = openCheckpoint(base);
    mkdirSync(join(folder, 'loras'));
    for (const [i, name] of ['alice', 'bob'].entries())
      writeTestLora(
        join(folder, 'loras', `${name}.safetensors`),
        randomLora(checkpoint, { seed: i, rank: 4 << i, targets: /attn\d\.to_[qv]$/ }),
      );
    const opened = openWorkshop({
      ...{ checkpoint, loras: openLoraFolders([join(folder, 'loras')]), embeddings: openEmbeddings([]) },
    });
    workshop = opened;
    await work({
      ...{ checkpoint, folder },
      settle: async wish => (await settlePictures({ ...plain, ...wish }, { checkpoint, wildcards })).settings,
      async draw(settings, batch = 1) {
        const pictures: FinishedPicture[] = [];
        await opened.draw(settings, {
          batch,
          onPicture: (i, picture) => {
            pictures[i] = picture;
          },
        });
        return pictures;
      },
    });
  } finally {
    await workshop?.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Pixels = Pick<FinishedPicture, 'data'>;
function apart(a: Pixels, b: Pixels): { mean: number; most: number } {
  expect(a.data).toHaveLength(b.data.length);
  let [sum, most] = [0, 0];
  for (const [i, level] of a.data.entries()) {
    const levels = Math.abs(level - b.data[i]);
    sum += levels;
    most = Math.max(most, levels);
  }
  return { mean: sum / a.data.length, most };
}

/** NaN and infinity are refused on the way; a decoder that lost the picture would give one colour. */
function expectPicture({ width, height, data }: FinishedPicture, size = side): void {
  expect([width, height, data.length]).toEqual([size, size, 3 * size * size]);
  expect(new Set(data).size).toBeGreaterThan(8);
}

async function expectRecord({ bytes, settings, parameters }: FinishedPicture, name: string): Promise<void> {
  const read = await readPictureText(bytes);
  const { prompt, seed, sampler, steps, width, height } = settings;
  expect(read?.record?.settings).toMatchObject({ prompt, seed, sampler, steps, width, height });
  expect(parameters).toContain(`Model: ${name}`);
}

/** Two pictures with a LoRA each: together as alone, and each with its own hash in it. */
async function expectBatch({ settle, draw }: Studio, name: string): Promise<void> {
  const [alice] = await settle({ prompt: 'a red car <lora:alice:1>' });
  const [bob] = await settle({ prompt: 'a red car <lora:bob:0.7>' });
  const together = await draw([alice, bob], 2);
  const alone = [...(await draw([alice])), ...(await draw([bob]))];
  for (const [i, picture] of together.entries()) {
    expectPicture(picture);
    await expectRecord(picture, name);
    // Float32 in another order of summation, rounded to levels.
    const { mean, most } = apart(picture, alone[i]);
    expect(mean).toBeLessThan(0.05);
    expect(most).toBeLessThanOrEqual(2);
    expect(picture.parameters).toContain(`Lora hashes: "${['alice', 'bob'][i]}: `);
  }
  expect(apart(together[0], together[1]).mean).toBeGreaterThan(1);
}

describe.skipIf(isLeftOut('SD 1.5', { diskGiB: 3, memoryGiB: 6 }))('SD 1.5', () => {
  test('a batch, img2img and a second pass', async () => {
    await withStudio('sd15.safetensors', { model: 'sd15', dtype: 'float16' }, async studio => {
      const { settle, draw, folder } = studio;
      await expectBatch(studio, 'sd15');
      const path = join(folder, 'start.png');
      writeFileSync(path, stripes(side, side, 1));
      const init = { path, strength: 0.5, resize: 'stretch' } as const;
      const [from] = await draw(await settle({ init, steps: 4 }));
      expectPicture(from);
      expect(from.parameters).toContain('Denoising strength: 0.5');
      const hires = { scale: 1.25, upscaler: 'latent', strength: 0.5 };
      const [larger] = await draw(await settle({ hires }));
      expectPicture(larger, 320);
      await expectRecord(larger, 'sd15');
    });
  });

  test('inpainting model: 9 channels; unmasked pixels are those of the original', async () => {
    const options = { model: 'sd15', dtype: 'float16', isInpaint: true } as const;
    await withStudio('inpaint.safetensors', options, async ({ checkpoint, settle, draw, folder }) => {
      expect(checkpoint.variant).toBe('inpaint');
      const [path, maskPath] = ['start', 'mask'].map(name => join(folder, `${name}.png`));
      writeFileSync(path, stripes(side, side, 1));
      const isMasked = (i: number): boolean => Math.floor(i / 3) % side >= side / 2;
      const white = Uint8Array.from({ length: 3 * side * side }, (_, i) => (isMasked(i) ? 255 : 0));
      writeFileSync(maskPath, encodePng({ width: side, height: side, channels: 3, data: white }));
      const mask = { path: maskPath, blur: 0, invert: false, content: 'fill', area: 'whole' } as const;
      const settings = await settle({
        init: { path, strength: 1, resize: 'stretch' },
        inpaint: { ...mask, padding: 32 },
      });
      const [picture] = await draw(settings);
      expectPicture(picture);
      await expectRecord(picture, 'inpaint');
      const start = await readPicture(path);
      const changed = [...start.data.keys()].filter(i => picture.data[i] !== start.data[i]);
      expect(changed.every(isMasked)).toBe(true);
      expect(changed.length).toBeGreaterThan(side * side);
      // The UNet sees the picture: another one, another drawing.
      writeFileSync(path, stripes(side, side, 2));
      const [other] = await draw(
        await settle({
          init: { path, strength: 1, resize: 'stretch' },
          inpaint: { ...mask, padding: 32 },
        }),
      );
      const differs = [...other.data.keys()].filter(i => isMasked(i) && other.data[i] !== picture.data[i]);
      expect(differs.length).toBeGreaterThan(side);
    });
  });
});

describe.skipIf(isLeftOut('SD 2', { diskGiB: 4, memoryGiB: 6 }))('SD 2', () => {
  const zeroSnr = (base: string): void => {
    const path = join(base, 'scheduler', 'scheduler_config.json');
    const config = JSON.parse(readFileSync(path, 'utf8'));
    const changes = { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' };
    writeFileSync(path, JSON.stringify({ ...config, ...changes }));
  };

  test('velocity, from pure noise', async () => {
    const options = { model: 'sd2', dtype: 'float16', prediction: 'v_prediction' } as const;
    const work = async ({ checkpoint, settle, draw }: Studio): Promise<void> => {
      const { predictionType, rescaleZeroTerminalSnr } = checkpoint.scheduler;
      expect([predictionType, rescaleZeroTerminalSnr]).toEqual(['v_prediction', true]);
      for (const sampler of ['DDIM', 'Euler a']) {
        const [picture] = await draw(await settle({ sampler, steps: 3, guidanceRescale: 0.7 }));
        expectPicture(picture);
        await expectRecord(picture, 'sd2');
        expect(picture.parameters).toContain('CFG Rescale');
      }
    };
    await withStudio('sd2', options, work, zeroSnr);
  });
});

describe.skipIf(isLeftOut('SDXL', { diskGiB: 9, memoryGiB: 14 }))('SDXL', () => {
  test('a batch', async () => {
    await withStudio('sdxl.safetensors', { model: 'sdxl', dtype: 'float16' }, async studio => {
      expect(studio.checkpoint.family).toBe('sdxl');
      await expectBatch(studio, 'sdxl');
    });
  });
});
