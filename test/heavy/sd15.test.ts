/**
 * SD 1.5 at its real size against diffusers and PEFT (tools/goldens/models.py sd15): 859.5 M hashed weights in a
 * .safetensors file that is read in place, 64×64 latents, 384 matrices A and B of rank 16.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as f from '../../src/engine/index.ts';
import { attach, chooseTargets } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { listLayers, openScope, unet, unetShapes } from '../../src/models/index.ts';
import { type Digest, given, hashed, peftName, relativeError } from '../golden/hashed-weights.ts';
import { writeConfig } from '../support/configs.ts';
import { type HashedFile, writeHashed } from '../support/hashed-files.ts';

interface Golden {
  readonly config: Record<string, unknown>;
  readonly shapes: Record<string, number[]>;
  readonly y: Digest;
  readonly loss: number;
  readonly gradients: Record<string, Digest>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('../golden/data/sd15.json', import.meta.url), 'utf8'));
const config = readUnetConfig(writeConfig(golden.config));
const rank = 16;
const scale = 0.5;

/** What the issue of a wrong kernel would be far above: float32 in another order of summation, and Winograd. */
const tolerance = 1e-4;

let file: HashedFile;
beforeAll(async () => {
  file = await writeHashed(unetShapes(config));
});
afterAll(() => file.remove());

const feeds = {
  x: given('x', [1, 4, 64, 64]),
  t: f.tensor([1], Float32Array.of(423)),
  context: given('context', [1, 77, 768]),
};

function predict(graph: f.Graph, hooks = {}): f.Value {
  const value = (name: keyof typeof feeds): f.Value => f.input(graph, name, feeds[name].shape);
  const inputs = { sample: value('x'), timesteps: value('t'), context: value('context') };
  return unet(openScope(graph, file.weights, 'unet', hooks), config, inputs);
}

test('shapes follow from the config', () => {
  expect(Object.fromEntries(unetShapes(config))).toEqual(golden.shapes);
});

test('forward', async () => {
  const graph = f.createGraph();
  f.output('y', predict(graph));
  const session = await f.openSession(graph);
  const { y } = await session.run(feeds);
  await session.release();
  expect(relativeError(y, golden.y)).toBeLessThan(tolerance);
});

/** PEFT keeps A and B of a 1×1 convolution as convolutions. */
function parameterFeed(name: string, shape: f.Shape): f.Tensor {
  const base = golden.shapes[`${name.slice('unet.'.length).replace(/\.(down|up)$/, '')}.weight`];
  return { shape, data: hashed(peftName(name), base.length === 4 ? [...shape, 1, 1] : shape) };
}

describe.each([
  ['all activations kept', false],
  ['blocks recomputed', true],
])('gradients of all A and B, %s', (_, recompute) => {
  test('equal PEFT', async () => {
    const graph = f.createGraph();
    const layers = chooseTargets(listLayers(file.weights, 'unet'), 'linear');
    const attachment = attach(
      graph,
      layers.map(layer => ({ ...layer, rank, scale })),
    );
    const y = predict(graph, attachment.hooks);
    const target = given('target', [1, 4, 64, 64]);
    const loss = f.mean(f.square(f.sub(y, f.input(graph, 'target', target.shape))));
    const names = [...attachment.parameters.keys()];
    const gradients = f.gradients(loss, [...attachment.parameters.values()], {
      recompute: () => recompute,
    });
    f.output('loss', loss);
    for (const [i, name] of names.entries()) f.output(name, gradients[i]);
    const session = await f.openSession(graph);
    const parameters = [...attachment.parameters].map(
      ([name, { shape }]) => [name, parameterFeed(name, shape)] as const,
    );
    const result = await session.run({ ...feeds, target, ...Object.fromEntries(parameters) });
    await session.release();
    expect(Math.abs(result.loss.data[0] / golden.loss - 1)).toBeLessThan(1e-5);
    expect(names.map(peftName).sort()).toEqual(Object.keys(golden.gradients).sort());
    const errors = names.map(name => relativeError(result[name], golden.gradients[peftName(name)]));
    console.log(`worst of ${names.length} gradients: ${Math.max(...errors).toExponential(1)}`);
    expect(Math.max(...errors)).toBeLessThan(tolerance);
  });
});
