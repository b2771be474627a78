/** Whole pictures of the pocket model, settings to pixels, against diffusers' pipelines (tools/goldens/pipeline_pictures.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodePng } from '../../src/files/index.ts';
import {
  openEmbeddings,
  openLoraFolders,
  openWildcards,
  openWorkshop,
  type PictureWish,
  readPicture,
  settlePictures,
} from '../../src/generation/index.ts';
import { openCheckpoint } from '../../src/models/index.ts';
import { writeInpaintBase } from '../support/inpaint-base.ts';
import { temporaryFolder } from '../support/pictures.ts';

interface Case {
  readonly name: string;
  readonly prompt: string;
  readonly negative: string;
  readonly seed: number;
  readonly sampler: string;
  readonly steps: number;
  readonly guidance: number;
  readonly eta?: number;
  readonly clip_skip?: number;
  readonly guidance_rescale?: number;
  /** Name of the case whose picture it starts from. */
  readonly picture?: string;
  readonly strength?: number;
  /** By the small inpainting model. */
  readonly nine?: boolean;
  /** Left, top, right, bottom of what is drawn anew. */
  readonly mask?: readonly [number, number, number, number];
  /** Where its picture is in the sheet. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const data = new URL('data/pipeline-pictures', import.meta.url).pathname;
const cases: readonly Case[] = JSON.parse(readFileSync(`${data}.json`, 'utf8'));

const folder = temporaryFolder();
const studioOf = (base: string) => {
  const checkpoint = openCheckpoint(base);
  const workshop = openWorkshop({ checkpoint, loras: openLoraFolders([]), embeddings: openEmbeddings([]) });
  return { checkpoint, workshop };
};
const pocket = studioOf('pretrained/pocket');
const inpainting = studioOf(writeInpaintBase());
afterAll(async () => {
  await pocket.workshop.release();
  await inpainting.workshop.release();
});

let sheet: Awaited<ReturnType<typeof readPicture>>;
beforeAll(async () => {
  sheet = await readPicture(`${data}.png`);
});

/** RGB of a case as diffusers drew it. */
function pictureOf({ top, width, height }: Case): Uint8Array {
  const rgb = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * sheet.width * (top + y);
    rgb.set(sheet.data.subarray(from, from + 3 * width), 3 * width * y);
  }
  return rgb;
}

const isIn = ([left, top, right, bottom]: NonNullable<Case['mask']>, x: number, y: number): boolean =>
  x >= left && x < right && y >= top && y < bottom;

function startOf({ name, picture, strength = 1, mask, width, height }: Case): Partial<PictureWish> {
  const from = cases.find(other => other.name === picture);
  if (!from) return {};
  const path = join(folder, `${name}.png`);
  writeFileSync(path, encodePng({ width, height, channels: 3, data: pictureOf(from) }));
  const init = { path, strength, resize: 'stretch' } as const;
  if (!mask) return { init };
  const maskPath = join(folder, `${name} mask.png`);
  const white = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const at = Math.floor(i / 3);
    return isIn(mask, at % width, Math.floor(at / width)) ? 255 : 0;
  });
  writeFileSync(maskPath, encodePng({ width, height, channels: 3, data: white }));
  const inpaint = { path: maskPath, blur: 0, invert: false, content: 'original', area: 'whole' } as const;
  return { init, inpaint: { ...inpaint, padding: 0 } };
}

const wishOf = (one: Case): PictureWish => ({
  ...{ prompt: one.prompt, negativePrompt: one.negative, seed: BigInt(one.seed), count: 1 },
  ...{ loras: [], merge: false, preset: 'diffusers', clipSkip: one.clip_skip },
  ...{ sampler: one.sampler, steps: one.steps, guidance: one.guidance },
  guidanceRescale: one.guidance_rescale ?? 0,
  ...(one.eta === undefined ? {} : { samplerOptions: { eta: one.eta } }),
  size: { width: one.width, height: one.height },
  ...startOf(one),
});

/** RGB of a case as it is drawn here. */
async function draw(one: Case): Promise<Uint8Array> {
  const { checkpoint, workshop } = one.nine ? inpainting : pocket;
  const { settings } = await settlePictures(wishOf(one), { checkpoint, wildcards: openWildcards([]) });
  let rgb = new Uint8Array();
  await workshop.draw(settings, {
    onPicture: (_, picture) => {
      rgb = new Uint8Array(picture.data);
    },
  });
  return rgb;
}

/** Levels of 255 that pictures differ by, where they were drawn: inpainting lays the original over the rest, diffusers does not. */
function differences(one: Case, ours: Uint8Array): { mean: number; most: number } {
  const theirs = pictureOf(one);
  expect(ours).toHaveLength(theirs.length);
  const counted: number[] = [];
  for (const [i, level] of ours.entries()) {
    const at = Math.floor(i / 3);
    const isDrawn = !one.mask || isIn(one.mask, at % one.width, Math.floor(at / one.width));
    if (isDrawn) counted.push(Math.abs(level - theirs[i]));
  }
  return { mean: counted.reduce((a, b) => a + b, 0) / counted.length, most: Math.max(...counted) };
}

/**
 * diffusers' DDIM arrives at t − ⌊1000 / steps⌋, which is not where its next step starts when 1000 is no multiple of the
 * steps; here a step starts where the last one ended.
 */
const isUneven = ({ sampler, steps }: Case): boolean => sampler === 'DDIM' && 1000 % steps > 0;

/** Mean levels of 255. Nothing differs but the order of float32 sums: a value on the edge between two levels. */
function mostMean(one: Case): number {
  if (isUneven(one)) return 1;
  // A last sigma of 0.001 in place of 0, as A1111 and ComfyUI have it.
  return one.sampler.startsWith('UniPC') ? 0.1 : 0.01;
}

const measured: string[] = [];
afterAll(() => console.log(`mean levels of 255: ${measured.join(', ')}`));

for (const one of cases) {
  test(one.name, async () => {
    const { mean, most } = differences(one, await draw(one));
    measured.push(`${one.name} ${mean.toFixed(4)} (most ${most})`);
    expect(mean).toBeLessThanOrEqual(mostMean(one));
  });
}
