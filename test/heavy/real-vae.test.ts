/** Stable Diffusion's autoencoder at its real size against diffusers (tools/goldens/real_sizes.py vae), float32. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as f from '../../src/engine/index.ts';
import { readVaeConfig } from '../../src/models/checkpoint/config-files.ts';
import { openScope, vaeDecoder, vaeEncoder } from '../../src/models/index.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';
import { type Digest, given, relativeError } from '../golden/hashed-weights.ts';
import { writeConfig } from '../support/configs.ts';
import { type HashedFile, writeHashed } from '../support/hashed-files.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly mean: Digest;
  readonly logVariance: Digest;
  readonly decoded: Digest;
}
const golden: { config: Record<string, unknown>; cases: Case[] } = JSON.parse(
  readFileSync(new URL('../golden/data/real_vae.json', import.meta.url), 'utf8'),
);
const config = readVaeConfig(writeConfig(golden.config));

/** Float32 in another order of summation, and Winograd. */
const tolerance = 1e-4;

let file: HashedFile;
beforeAll(async () => {
  file = await writeHashed(vaeShapes(config));
});
afterAll(() => file.remove());

test.each(golden.cases)('latents of $height×$width, both ways', async ({ height, width, ...expected }) => {
  const graph = f.createGraph();
  const scope = openScope(graph, file.weights, 'vae');
  const picture = given('picture', [1, 3, 8 * height, 8 * width]);
  const feeds = {
    picture: { shape: picture.shape, data: picture.data.map(x => Math.min(1, Math.max(-1, x))) },
    latent: given('latent', [1, 4, height, width]),
  };
  const moments = vaeEncoder(scope, config, f.input(graph, 'picture', picture.shape));
  f.output('mean', moments.mean);
  f.output('logVariance', moments.logVariance);
  f.output('decoded', vaeDecoder(scope, config, f.input(graph, 'latent', feeds.latent.shape)));
  const session = await f.openSession(graph);
  const result = await session.run(feeds);
  await session.release();
  const errors = Object.entries(expected).map(([name, digest]) => relativeError(result[name], digest));
  console.log(`${Object.keys(expected)}: ${errors.map(error => error.toExponential(1)).join(', ')}`);
  expect(Math.max(...errors)).toBeLessThan(tolerance);
});
