/** Large pictures: in tiles against diffusers' `enable_tiling`, in bands of rows against diffusers (tools/goldens/vae_tiling.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readVaeConfig } from '../../src/models/checkpoint/config-files.ts';
import { openVaeDecoder, openVaeEncoder } from '../../src/models/index.ts';
import { bandRows } from '../../src/models/vae/bands.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';
import { writeConfig } from '../support/configs.ts';
import { type Digest, given, hashedSource, relativeError } from './hashed-weights.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly mean: Digest;
  readonly decoded: Digest;
}
interface Golden {
  readonly config: Record<string, unknown>;
  readonly cases: Case[];
  readonly large: Case & { readonly config: Record<string, unknown> };
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/vae_tiling.json', import.meta.url), 'utf8'));
const config = { ...readVaeConfig(writeConfig(golden.config)), scalingFactor: 1 };
const checkpoint = {
  vae: { config, weights: hashedSource(vaeShapes(config)), files: [] },
  latentScale: 4,
};
const inTiles = { wholeUpTo: 16 * 16, tileSide: 16 };

/** Float32 in another order of summation; measured 1e-6. Blending itself is exact. */
const tolerance = 2e-5;

function givenPicture(height: number, width: number) {
  const { shape, data } = given('picture', [1, 3, height, width]);
  return { shape, data: data.map(x => Math.min(1, Math.max(-1, x))) };
}

describe.each(golden.cases)('latents of $height×$width', ({ height, width, mean, decoded }) => {
  test('encoded', async () => {
    const picture = givenPicture(4 * height, 4 * width);
    const encoder = openVaeEncoder(checkpoint, inTiles);
    const latent = await encoder.encode(picture);
    await encoder.release();
    expect(latent.shape).toEqual([1, 4, height, width]);
    expect(relativeError(latent, mean)).toBeLessThan(tolerance);
  });

  test('decoded', async () => {
    const latent = given('latent', [1, 4, height, width]);
    const decoder = openVaeDecoder(checkpoint, inTiles);
    const picture = await decoder.decode(latent);
    expect(picture.shape).toEqual([1, 3, 4 * height, 4 * width]);
    expect(relativeError(picture, decoded)).toBeLessThan(tolerance);
    await decoder.release();
  });
});

test('a picture that fits goes through whole', async () => {
  const latent = given('latent', [1, 4, 17, 16]);
  const [whole, tiled] = [
    openVaeDecoder(checkpoint, { wholeUpTo: 17 * 16 }),
    openVaeDecoder(checkpoint, inTiles),
  ];
  const [a, b] = [await whole.decode(latent), await tiled.decode(latent)];
  const difference = Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i])));
  expect(difference).toBeGreaterThan(0.01);
});

test('whole, but in bands of rows: a picture whose activations are large', async () => {
  const { height, width, mean, decoded, config: raw } = golden.large;
  const config = { ...readVaeConfig(writeConfig(raw)), scalingFactor: 1 };
  const vae = { config, weights: hashedSource(vaeShapes(config)), files: [] };
  const large = { vae, latentScale: 2 };
  const options = { wholeUpTo: height * width };
  const [encoder, decoder] = [openVaeEncoder(large, options), openVaeDecoder(large, options)];
  expect(relativeError(await encoder.encode(givenPicture(2 * height, 2 * width)), mean)).toBeLessThan(
    tolerance,
  );
  const picture = await decoder.decode(given('latent', [1, 4, height, width]));
  expect(relativeError(picture, decoded)).toBeLessThan(tolerance);
  await encoder.release();
  await decoder.release();
  expect(bandRows({ shape: [1, 64, 2 * height, 2 * width] })).toBeLessThan(2 * height);
});
