/** Options become a wish: what is given, what stands for what is not, and the help that lists them in groups. */
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import type { PictureWish } from '../../generation/index.ts';
import { openPictureFolders } from './folders.ts';
import { type PictureOptions, withPictureOptions } from './options.ts';
import { wishOf } from './wish.ts';

const optionsOf = (...given: string[]): PictureOptions =>
  withPictureOptions(new Command()).exitOverride().parse(given, { from: 'user' }).opts<PictureOptions>();

function wish(...given: string[]): PictureWish {
  const options = optionsOf(...given);
  return wishOf('a cat', options, 1, openPictureFolders(options));
}

test('without options: DDIM of 20 steps, no start, no second pass, a random seed of 32 bits', () => {
  const plain = wish();
  expect(plain).toMatchObject({
    ...{ sampler: 'DDIM', steps: 20, guidance: 4.5, guidanceRescale: 0, preset: 'lora', loras: [] },
    ...{ merge: false, negativePrompt: '' },
  });
  for (const key of ['variation', 'init', 'inpaint', 'hires', 'samplerOptions', 'size'] as const)
    expect(plain[key]).toBeUndefined();
  expect(plain.seed < 2n ** 32n && plain.seed >= 0n).toBe(true);
  const seeds = new Set([plain.seed, ...[1, 2, 3].map(() => wish('--seed', '-1').seed)]);
  expect(seeds.size).toBe(4);
});

test('defaults of what has a partner apply with it', () => {
  expect(wish('--init', 'a.png', '--mask', 'b.png')).toMatchObject({
    init: { path: 'a.png', strength: 0.75, resize: 'crop' },
    inpaint: { path: 'b.png', blur: 4, invert: false, content: 'original', area: 'whole', padding: 32 },
  });
  expect(wish('--hires', '2').hires).toMatchObject({ scale: 2, upscaler: 'Latent', strength: 0.7 });
  const sized = wish('--hires-size', '96x128', '--hires-strength', '0').hires;
  expect(sized).toMatchObject({ toWidth: 96, toHeight: 128, strength: 0 });
});

test('what is given is what is wished', () => {
  const given = wish(
    ...['--init', 'a.png', '--strength', '0', '--resize', 'stretch', '--mask', 'b.png', '--mask-only'],
    ...['--mask-blur', '0', '--mask-padding', '0', '--mask-invert', '--mask-content', 'fill'],
    ...['--seed', '18446744073709551615', '--variation-strength', '0.25', '--variation-seed', '7'],
  );
  expect(given).toMatchObject({
    init: { strength: 0, resize: 'stretch' },
    inpaint: { blur: 0, invert: true, content: 'fill', area: 'masked', padding: 0 },
    seed: 2n ** 64n - 1n,
    variation: { seed: 7n, strength: 0.25 },
  });
});

test('numbers of a sampler, churn up to no end', () => {
  const options = ['--eta', '0', '--sampler-noise', '1.01', '--churn', '3', '--churn-range', '0.05-inf'];
  const expected = { eta: 0, noise: 1.01, churn: 3, churnFrom: 0.05, churnTo: Number.MAX_VALUE };
  expect(wish(...options).samplerOptions).toEqual(expected);
});

test('a folder that is not there is said', () => {
  const options = optionsOf('--embedding-folder', '/no/embeddings');
  expect(() => openPictureFolders(options)).toThrow(/--embedding-folder \/no\/embeddings is not there/);
  expect(openPictureFolders(optionsOf('--lora-folder', temporaryFolder())).loras).toBeDefined();
});

describe('help', () => {
  const help = withPictureOptions(new Command('draw')).option('--count <n>', 'of its own').helpInformation();

  test('lists every option under a heading', () => {
    const headings = help.split('\n').filter(line => /^\S.*:$/.test(line));
    expect(headings).toEqual([
      ...['LoRAs and words of their own:', 'Picture:', 'Sampling:', 'Noise:', 'Start from a picture:'],
      ...['Second, larger pass (hires fix):', 'Memory:', 'Options:'],
    ]);
    const [, own] = help.split('Options:\n');
    expect(own).toMatch(/^ {2}--count/m);
    expect(own).not.toContain('--hires');
  });
});
