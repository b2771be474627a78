/** Model code against diffusers, transformers and PEFT (tools/goldens/models.py), float32, hashed weights. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as f from '../../src/engine/index.ts';
import { attach, chooseTargets } from '../../src/lora/index.ts';
import { readClipConfig, readUnetConfig, readVaeConfig } from '../../src/models/checkpoint/config-files.ts';
import {
  clipTextEncoder,
  listLayers,
  openScope,
  pooledTextEmbedding,
  type UnetInputs,
  unet,
  unetShapes,
  vaeDecoder,
  vaeEncoder,
} from '../../src/models/index.ts';
import { writeConfig } from '../support/configs.ts';
import { type Digest, given, hashed, hashedSource, peftName, relativeError } from './hashed-weights.ts';

interface Golden {
  config: Record<string, unknown>;
  shapes: Record<string, number[]>;
  [key: string]: unknown;
}
const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('./data/models.json', import.meta.url), 'utf8'),
);

/** Float32 against float32 with another order of summation; measured 1e-6 … 4e-6. */
const tolerance = 2e-5;

const sourceOf = (golden: Golden) => hashedSource(new Map(Object.entries(golden.shapes)));

interface UnetFeeds {
  readonly feeds: Record<string, f.Feed>;
  readonly inputs: UnetInputs;
}

function unetInputs(
  graph: f.Graph,
  family: string,
  batch: number,
  side: number,
  timesteps: number[],
): UnetFeeds {
  const feeds: Record<string, f.Feed> = {
    x: given('x', [batch, 4, side, side]),
    t: f.tensor([batch], Float32Array.from(timesteps)),
    context: given('context', [batch, 7, 48]),
  };
  const value = (name: string): f.Value => f.input(graph, name, feeds[name].shape);
  const inputs = { sample: value('x'), timesteps: value('t'), context: value('context') };
  if (family !== 'sdxl') return { feeds, inputs };
  feeds.pooled = given('pooled', [batch, 40]);
  const sizes = given('sizes', [batch, 6]);
  feeds.sizes = { shape: sizes.shape, data: sizes.data.map(x => Math.fround(Math.abs(x) * 500)) };
  return { feeds, inputs: { ...inputs, added: { pooled: value('pooled'), sizes: value('sizes') } } };
}

describe.each(['sd15', 'sd2', 'sdxl'])('unet of %s', family => {
  const golden = goldens[`unet_${family}`];
  const config = readUnetConfig(writeConfig(golden.config));
  const cases = golden.cases as { batch: number; side: number; t: number; y: Digest }[];

  test.each(cases)('prediction, batch $batch, side $side, t $t', async ({ batch, side, t, y }) => {
    const graph = f.createGraph();
    const { feeds, inputs } = unetInputs(graph, family, batch, side, Array(batch).fill(t));
    f.output('y', unet(openScope(graph, sourceOf(golden), 'unet'), config, inputs));
    const session = await f.openSession(graph);
    const result = await session.run(feeds);
    expect(relativeError(result.y, y)).toBeLessThan(tolerance);
    await session.release();
  });

  test.each(['keep', 'recompute'])('LoRA gradients equal PEFT (%s)', async mode => {
    const graph = f.createGraph();
    const source = sourceOf(golden);
    const layers = chooseTargets(listLayers(source, 'unet'), 'conv');
    const attachment = attach(
      graph,
      layers.map(layer => ({ ...layer, rank: 4, scale: 0.5 })),
    );
    const { feeds, inputs } = unetInputs(graph, family, 2, 8, [17, 801]);
    const y = unet(openScope(graph, source, 'unet', attachment.hooks), config, inputs);
    const target = f.input(graph, 'target', [2, 4, 8, 8]);
    feeds.target = given('target', [2, 4, 8, 8]);
    const loss = f.mean(f.square(f.sub(y, target)));
    const names = [...attachment.parameters.keys()];
    const gradients = f.gradients(loss, [...attachment.parameters.values()], {
      recompute: () => mode === 'recompute',
    });
    f.output('loss', loss);
    for (const [i, name] of names.entries()) {
      f.output(name, gradients[i]);
      const { shape } = attachment.parameters.get(name) as f.Value;
      const peftShape =
        shape.length === 2 &&
        golden.shapes[`${name.slice(5).replace(/\.(down|up)$/, '')}.weight`].length === 4
          ? [...shape, 1, 1]
          : shape;
      feeds[name] = { shape, data: hashed(peftName(name), peftShape) };
    }
    const session = await f.openSession(graph);
    const result = await session.run(feeds);
    expect(Math.abs(result.loss.data[0] - (golden.loss as number))).toBeLessThan(
      1e-5 * (golden.loss as number),
    );
    const expected = golden.gradients as Record<string, Digest>;
    expect(names.map(peftName).sort()).toEqual(Object.keys(expected).sort());
    const worst = Math.max(...names.map(name => relativeError(result[name], expected[peftName(name)])));
    expect(worst).toBeLessThan(1e-4);
    await session.release();
  });
});

test('autoencoder, both ways', async () => {
  const golden = goldens.vae;
  const config = readVaeConfig(writeConfig(golden.config));
  const graph = f.createGraph();
  const scope = openScope(graph, sourceOf(golden), 'vae');
  const picture = given('picture', [2, 3, 32, 24]);
  const feeds = {
    picture: { shape: picture.shape, data: picture.data.map(x => Math.min(1, Math.max(-1, x))) },
    latent: given('latent', [2, 4, 8, 6]),
  };
  const { mean, logVariance } = vaeEncoder(scope, config, f.input(graph, 'picture', [2, 3, 32, 24]));
  f.output('mean', mean);
  f.output('logVariance', logVariance);
  f.output('decoded', vaeDecoder(scope, config, f.input(graph, 'latent', [2, 4, 8, 6])));
  const result = await (await f.openSession(graph)).run(feeds);
  for (const name of ['mean', 'logVariance', 'decoded']) {
    expect(relativeError(result[name], golden[name] as Digest)).toBeLessThan(tolerance);
  }
});

test.each(['clip', 'openclip'])('text encoder %s', async name => {
  const golden = goldens[name];
  const config = readClipConfig(writeConfig(golden.config));
  const ids = golden.ids as number[][];
  const graph = f.createGraph();
  const source = sourceOf(golden);
  const scope = openScope(graph, source, 'text_encoder');
  const { last, penultimate } = clipTextEncoder(scope, config, f.input(graph, 'ids', [2, 8], 'int64'));
  f.output('last', last);
  f.output('penultimate', penultimate);
  const feeds: Record<string, f.Feed> = {
    ids: { shape: [2, 8], data: BigInt64Array.from(ids.flat().map(BigInt)) },
  };
  if (golden.pooled) {
    f.output('pooled', pooledTextEmbedding(scope, last, f.input(graph, 'ends', [2], 'int64')));
    feeds.ends = { shape: [2], data: BigInt64Array.from((golden.ends as number[]).map(BigInt)) };
  }
  const result = await (await f.openSession(graph)).run(feeds);
  for (const key of Object.keys(result)) {
    expect(relativeError(result[key], golden[key] as Digest)).toBeLessThan(tolerance);
  }
});

test.each(['sd15', 'sd2', 'sdxl'])('shapes of the %s UNet follow from its config', family => {
  const golden = goldens[`unet_${family}`];
  const shapes = unetShapes(readUnetConfig(writeConfig(golden.config)));
  expect(Object.fromEntries(shapes)).toEqual(golden.shapes);
});
