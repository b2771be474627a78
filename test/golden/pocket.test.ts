/** The embedded model against diffusers in float32 (tools/goldens/pocket.py): text, UNet, VAE both ways, a whole picture. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { resolveSampler } from '../../src/diffusion/index.ts';
import type { Tensor } from '../../src/engine/index.ts';
import { openSafetensors, readTensor, readTensorBytes } from '../../src/files/index.ts';
import { openGenerator } from '../../src/generation/index.ts';
import {
  openCheckpoint,
  openTextConditioner,
  openTokenizer,
  openUnet,
  openVaeDecoder,
  openVaeEncoder,
} from '../../src/models/index.ts';

const project = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const golden = openSafetensors(project('test/golden/data/pocket.safetensors'));
const expected = (name: string): Tensor => readTensor(golden, name);
const checkpoint = openCheckpoint(project('pretrained/pocket'));
const prompts = golden.metadata.prompts.split('|');
const releases: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(releases.map(release => release())));

/** ‖actual − expected‖ / ‖expected‖ */
function relativeError(actual: Tensor, wanted: Tensor): number {
  expect(actual.data.length).toBe(wanted.data.length);
  let difference = 0;
  let size = 0;
  for (const [i, y] of wanted.data.entries()) {
    difference += (actual.data[i] - y) ** 2;
    size += y * y;
  }
  return Math.sqrt(difference / size);
}

/** Float32 against float32 with another order of summation. */
const tolerance = 1e-5;

test('the goldens are those of these weights', () => {
  const digest = createHash('sha256');
  for (const { files } of [checkpoint.textEncoder, checkpoint.unet, checkpoint.vae])
    for (const file of files) digest.update(readFileSync(file));
  expect(digest.digest('hex'), 'run tools/goldens/pocket.py').toBe(golden.metadata.weights);
});

test('tokens and text states', async () => {
  const tokenizer = openTokenizer(join(checkpoint.path, 'tokenizer'));
  const ids = new BigInt64Array(readTensorBytes(golden, 'ids').slice().buffer);
  expect(prompts.flatMap(prompt => [...tokenizer.encode(prompt).ids])).toEqual(Array.from(ids, Number));
  const conditioner = await openTextConditioner(checkpoint);
  releases.push(() => conditioner.release());
  const states = await Promise.all(prompts.map(prompt => conditioner.encode(prompt)));
  const data = Float32Array.from(states.flatMap(({ context }) => [...context.data]));
  expect(relativeError({ shape: [], data }, expected('states'))).toBeLessThan(tolerance);
});

test.each([...expected('timesteps').data])('UNet at timestep %d', async timestep => {
  const noise = expected('noise');
  const { shape, data } = expected('states');
  const context = { shape: [1, ...shape.slice(1)], data: data.slice(0, data.length / prompts.length) };
  const [, , height, width] = noise.shape;
  const unet = await openUnet(checkpoint, { batch: 1, height, width, tokens: shape[1] });
  releases.push(() => unet.release());
  const prediction = await unet.predict(noise, timestep, { context });
  expect(relativeError(prediction, expected(`prediction.${timestep}`))).toBeLessThan(tolerance);
});

test('autoencoder, both ways', async () => {
  const [encoder, decoder] = [openVaeEncoder(checkpoint), openVaeDecoder(checkpoint)];
  releases.push(encoder.release, decoder.release);
  expect(relativeError(await encoder.encode(expected('picture')), expected('latent'))).toBeLessThan(
    tolerance,
  );
  const decoded = await decoder.decode(expected('latent'));
  expect(relativeError(decoded, expected('reconstruction'))).toBeLessThan(tolerance);
});

test('a picture of 20 steps with guidance', async () => {
  const generator = openGenerator(checkpoint);
  releases.push(() => generator.release());
  const { seed, steps, guidance } = golden.metadata;
  const [picture] = await generator.generate({
    pictures: [{ prompt: prompts[0], negativePrompt: prompts[1], seed: Number(seed) }],
    loras: [],
    merge: false,
    sampler: resolveSampler('DDIM'),
    steps: Number(steps),
    guidance: Number(guidance),
    width: checkpoint.resolution,
    height: checkpoint.resolution,
  });
  // Rounding differences grow over twenty guided steps; the promise is 1e-4.
  expect(relativeError(picture.latent, expected('sampled'))).toBeLessThan(1e-4);
  const drawn = expected('drawn').data;
  const plane = drawn.length / 3;
  for (const [i, level] of picture.data.entries()) {
    const wanted = Math.min(1, Math.max(0, drawn[(i % 3) * plane + Math.floor(i / 3)] / 2 + 0.5)) * 255;
    expect(Math.abs(level - wanted)).toBeLessThan(0.6); // half a level for rounding to bytes
  }
});
