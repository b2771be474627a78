/** Large pictures: in tiles against diffusers' `enable_tiling`, in bands of rows against diffusers (tools/goldens/vae_tiling.py). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/engine/index.ts';
import { readVaeConfig } from '../../src/models/checkpoint/config-files.ts';
import { openCheckpoint, openVaeDecoder, openVaeEncoder } from '../../src/models/index.ts';
import { vaePieces } from '../../src/models/sessions/vae.ts';
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
const project = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
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

describe('tiles of the embedded model are the whole', () => {
  const checkpoint = openCheckpoint(project('pretrained/pocket'));
  const side = 192;
  const tiled = { wholeUpTo: 0, tileSide: 16 };
  /** Rows of pixels where the second row of tiles begins to fade in, and is alone. */
  const seam = [96, 128];

  /** An example picture, three times as large: [1, 3, 192, 192] in −1 … 1. */
  async function enlarged(): Promise<Tensor> {
    const bytes = await sharp(project('examples/zorbi-character/09.png'))
      .resize(side, side)
      .removeAlpha()
      .raw()
      .toBuffer();
    const plane = side * side;
    const data = Float32Array.from(
      { length: 3 * plane },
      (_, i) => bytes[3 * (i % plane) + Math.floor(i / plane)] / 127.5 - 1,
    );
    return { shape: [1, 3, side, side], data };
  }

  /** Root mean square of the difference, over that of `whole`. */
  function apart(a: Tensor, whole: Tensor): number {
    let [difference, size] = [0, 0];
    for (const [i, y] of whole.data.entries()) {
      difference += (a.data[i] - y) ** 2;
      size += y ** 2;
    }
    return Math.sqrt(difference / size);
  }

  /** Mean change of `difference` [1, 3, side, side] from each row to the next. */
  function steps(difference: Float32Array): number[] {
    const sums = new Array<number>(side - 1).fill(0);
    for (let i = 0; i < difference.length - side; i++) {
      const y = Math.floor(i / side) % side;
      if (y < side - 1) sums[y] += Math.abs(difference[i + side] - difference[i]) / (3 * side);
    }
    return sums;
  }

  test('both ways, and no seam is seen', async () => {
    const [encoder, tiledEncoder] = [openVaeEncoder(checkpoint), openVaeEncoder(checkpoint, tiled)];
    const [decoder, tiledDecoder] = [openVaeDecoder(checkpoint), openVaeDecoder(checkpoint, tiled)];
    const picture = await enlarged();
    const latent = await encoder.encode(picture);
    const decoded = await decoder.decode(latent);
    const tiledDecoded = await tiledDecoder.decode(latent);
    const errors = [apart(await tiledEncoder.encode(picture), latent), apart(tiledDecoded, decoded)];
    await Promise.all([encoder, tiledEncoder, decoder, tiledDecoder].map(session => session.release()));
    // Each tile has its own group norms and attention, as in diffusers, so all of it differs a little: measured 0.11.
    expect(Math.max(...errors)).toBeLessThan(0.15);

    const changes = steps(tiledDecoded.data.map((x, i) => x - decoded.data[i]));
    const usual = changes.reduce((sum, x) => sum + x) / changes.length;
    const atSeam = seam.map(y => changes[y - 1]);
    console.log(
      `${errors.map(x => x.toFixed(3))}; row to row ${usual.toFixed(4)}, at seams ${atSeam.map(x => x.toFixed(4))}`,
    );
    expect(Math.max(...atSeam) / usual).toBeLessThan(2);
  });
});

test('the pieces that a size goes through in', () => {
  expect(vaePieces({ height: 64, width: 96 })).toEqual({ count: 1, height: 64, width: 96 });
  expect(vaePieces({ height: 96, width: 96 })).toEqual({ count: 1, height: 96, width: 96 });
  expect(vaePieces({ height: 96, width: 97 })).toEqual({ count: 2 * 3, height: 64, width: 64 });
  expect(vaePieces({ height: 256, width: 256 })).toEqual({ count: 6 * 6, height: 64, width: 64 });
  expect(vaePieces({ height: 30, width: 400 })).toEqual({ count: 9, height: 30, width: 64 });
  expect(vaePieces({ height: 64, width: 64 }, { wholeUpTo: 0 })).toEqual({ count: 4, height: 64, width: 64 });
});
