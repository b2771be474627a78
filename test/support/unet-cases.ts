/** Real UNets against diffusers and PEFT: the cases of tools/goldens/real_sizes.py. */
import { readFileSync } from 'node:fs';
import { noiseSchedule } from '../../src/diffusion/index.ts';
import type { Shape, Tensor } from '../../src/engine/index.ts';
import * as f from '../../src/engine/index.ts';
import { chooseTargets, plainLora } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import {
  buildUnet,
  listLayers,
  type UnetConfig,
  unetShapes,
  type WeightSource,
} from '../../src/models/index.ts';
import { buildTrainStep } from '../../src/training/index.ts';
import { addNoise } from '../../src/training/objective/objective.ts';
import { type Digest, given, hashed, peftName, relativeError } from '../golden/hashed-weights.ts';
import { writeConfig } from './configs.ts';

export interface UnetCase {
  readonly height: number;
  readonly width: number;
  readonly batch: number;
  /** One a picture. */
  readonly t: number[];
  readonly y: Digest;
}

interface Training {
  readonly t: number;
  readonly rank: number;
  readonly predictionType: 'epsilon' | 'v_prediction';
  readonly loss: number;
  readonly gradients: Record<string, Digest>;
}

export interface UnetGolden {
  readonly config: UnetConfig;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly cases: UnetCase[];
  readonly inpainting: UnetCase[];
  readonly training: Training;
}

export function readGolden(name: string): UnetGolden {
  const json = JSON.parse(readFileSync(new URL(`../golden/data/${name}`, import.meta.url), 'utf8'));
  const config = readUnetConfig(writeConfig(json.config));
  return { ...json, config, shapes: unetShapes(config) };
}

interface Unet {
  readonly config: UnetConfig;
  readonly weights: WeightSource;
}

function addedFeeds({ additionWidth }: UnetConfig, batch: number): Record<string, Tensor> {
  if (additionWidth === undefined) return {};
  const sizes = given('sizes', [batch, 6]);
  const data = sizes.data.map(x => Math.fround(Math.abs(x) * 500));
  return { pooled: given('pooled', [batch, 1280]), sizes: { shape: sizes.shape, data } };
}

/** Relative errors of all cases; those of one size and batch share a session. */
export async function predictionErrors(
  { config, weights }: Unet,
  cases: readonly UnetCase[],
): Promise<number[]> {
  const errors: number[] = [];
  const sessions = Map.groupBy(cases, ({ batch, height, width }) => `${batch}x${height}x${width}`);
  for (const group of sessions.values()) {
    const [{ batch, height, width }] = group;
    const graph = f.createGraph();
    const unet = { config, weights, files: [] };
    f.output('y', buildUnet(graph, { unet }, { batch, height, width, tokens: 77 }));
    const session = await f.openSession(graph);
    for (const { t, y } of group) {
      const result = await session.run({
        sample: given('x', [batch, config.inChannels, height, width]),
        timesteps: f.tensor([batch], Float32Array.from(t)),
        context: given('context', [batch, 77, config.contextWidth]),
        ...addedFeeds(config, batch),
      });
      errors.push(relativeError(result.y, y));
    }
    await session.release();
  }
  return errors;
}

/** Stable Diffusion's training schedule. */
const schedule = noiseSchedule({
  trainSteps: 1000,
  betaStart: 0.00085,
  betaEnd: 0.012,
  kind: 'scaled_linear',
});

/** Difference relative to the tensor's norm, told from its samples, or that of the norms, whichever is larger. */
export function errorOfNorm({ data }: Tensor, { samples, step, norm }: Digest): number {
  const squares = samples.reduce((sum, y, i) => sum + (data[i * step] - y) ** 2, 0);
  const difference = Math.sqrt((squares / samples.length) * data.length);
  const ownNorm = Math.sqrt(data.reduce((sum, x) => sum + x * x, 0));
  return Math.max(difference, Math.abs(ownNorm - norm)) / norm;
}

export interface StepErrors {
  /** Relative. */
  readonly loss: number;
  readonly gradients: number[];
}

/** One training step of the product's own graph on 32×32 latents, against PEFT's gradients. */
export async function stepErrors(
  { config, weights }: Unet,
  { t, rank, predictionType, loss, gradients }: Training,
  targets: string,
  recompute: boolean,
): Promise<StepErrors> {
  const layers = plainLora(chooseTargets(listLayers(weights, 'unet'), targets), { rank, alpha: rank / 2 });
  const shape = { batch: 1, height: 32, width: 32, tokens: 77, recompute };
  const graph = buildTrainStep({ unet: { config, weights, files: [] } }, layers, shape);
  const [latent, noise] = ['latent', 'noise'].map(name => given(name, [1, 4, 32, 32]));
  const { noisy, target } = addNoise(latent.data, noise.data, schedule.alphasCumprod[t], predictionType);
  const names = layers.flatMap(layer => [`${layer.target}.down`, `${layer.target}.up`]);
  const parameters = graph.inputs.flatMap(({ origin, shape }) => {
    const name = (origin as { name: string }).name;
    return names.includes(name) ? [[name, { shape, data: hashed(peftName(name), shape) }] as const] : [];
  });
  const session = await f.openSession(graph);
  const result = await session.run({
    ...Object.fromEntries(parameters),
    sample: { shape: latent.shape, data: noisy },
    timesteps: f.tensor([1], Float32Array.of(t)),
    context: given('context', [1, 77, config.contextWidth]),
    target: { shape: latent.shape, data: target },
    weights: f.tensor([1], Float32Array.of(1)),
    ...addedFeeds(config, 1),
  });
  await session.release();
  const expected = Object.keys(gradients).sort();
  if (names.map(peftName).sort().join() !== expected.join()) throw new Error('other layers than PEFT');
  return {
    loss: Math.abs(result.losses.data[0] / loss - 1),
    gradients: names.map(name => errorOfNorm(result[name], gradients[peftName(name)])),
  };
}

export const worst = (errors: readonly number[]): number => Math.max(...errors);
