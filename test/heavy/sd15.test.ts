/**
 * SD 1.5 at its real size against diffusers and PEFT (tools/goldens/models.py sd15): 859.5 M hashed weights in a
 * .safetensors file that is read in place, 64×64 latents, 384 matrices A and B of rank 16.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as f from '../../src/engine/index.ts';
import { attach, chooseTargets } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import {
  holdWeights,
  listLayers,
  openScope,
  unet,
  unetShapes,
  type WeightSource,
} from '../../src/models/index.ts';
import { type Digest, given, hashed, peftName, relativeError } from '../golden/hashed-weights.ts';
import { writeConfig } from '../support/configs.ts';
import { type HashedFile, writeHashed } from '../support/hashed-files.ts';
import { errorOfNorm } from '../support/unet-cases.ts';

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

function predict(graph: f.Graph, hooks = {}, weights: WeightSource = file.weights): f.Value {
  const value = (name: keyof typeof feeds): f.Value => f.input(graph, name, feeds[name].shape);
  const inputs = { sample: value('x'), timesteps: value('t'), context: value('context') };
  return unet(openScope(graph, weights, 'unet', hooks), config, inputs);
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

/** What rounding the base does (docs/memory.md): of the loss, of all gradients together, of the worst tensor. */
const roundings = {
  file: { loss: 1e-5, all: tolerance, worst: tolerance },
  float16: { loss: 1e-4, all: 1e-3, worst: 6e-3 },
  int8: { loss: 2e-4, all: 2e-2, worst: 0.2 },
} as const;

/** Of all tensors together, from their samples. */
function errorTogether(pairs: readonly (readonly [f.Tensor, Digest])[]): number {
  let [difference, size] = [0, 0];
  for (const [{ data }, { samples, step }] of pairs) {
    for (const [i, y] of samples.entries()) {
      difference += (data[i * step] - y) ** 2;
      size += y * y;
    }
  }
  return Math.sqrt(difference / size);
}

describe.each([
  ['all activations kept', false, 'file'],
  ['blocks recomputed', true, 'file'],
  ['base held as float16', false, 'float16'],
  ['base held as int8', false, 'int8'],
] as const)('gradients of all A and B, %s', (_, recompute, form) => {
  test('equal PEFT', async () => {
    const weights = form === 'file' ? file.weights : holdWeights(file.weights, form);
    const graph = f.createGraph();
    const layers = chooseTargets(listLayers(file.weights, 'unet'), 'linear');
    const attachment = attach(
      graph,
      layers.map(layer => ({ ...layer, rank, scale })),
    );
    const y = predict(graph, attachment.hooks, weights);
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
    const lossError = Math.abs(result.loss.data[0] / golden.loss - 1);
    expect(names.map(peftName).sort()).toEqual(Object.keys(golden.gradients).sort());
    const pairs = names.map(name => [result[name], golden.gradients[peftName(name)]] as const);
    const errors = {
      loss: lossError,
      all: errorTogether(pairs),
      worst: Math.max(...pairs.map(pair => errorOfNorm(...pair))),
    };
    console.log(
      `${form}: ${Object.entries(errors)
        .map(([what, error]) => `${what} ${error.toExponential(1)}`)
        .join(', ')}`,
    );
    for (const [what, error] of Object.entries(errors))
      expect(error).toBeLessThan(roundings[form][what as keyof typeof errors]);
  });
});
