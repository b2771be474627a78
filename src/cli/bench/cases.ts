/** @file What is measured, one case at a time in a process of its own, so that peak memory means something. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  costOf,
  createGraph,
  elementCount,
  type Feed,
  type GraphCost,
  openSession,
  output,
  randomStream,
  type SessionOptions,
  type Tensor,
} from '../../engine/index.ts';
import { streamSafetensors } from '../../files/index.ts';
import { chooseTargets, initialParameters } from '../../lora/index.ts';
import {
  type Architecture,
  architectureOf,
  buildUnet,
  type Checkpoint,
  type LatentSize,
  listLayers,
  openWeights,
  unetShapes,
} from '../../models/index.ts';
import { adamWUpdate, buildTrainStep, newMoments, openTrainStep } from '../../training/index.ts';
import { openBase } from '../base.ts';

export interface Measured {
  readonly seconds: readonly number[];
  readonly setupSeconds: number;
  readonly peakBytes: number;
  readonly gflop: number;
  readonly predictedActivationBytes: number;
}

const { unet: sd15 } = architectureOf('sd15') as Architecture;

/** Uniform numbers of the size that a trained layer's weights have; speed does not depend on their values. */
function fill(data: Float32Array, bound: number): void {
  let state = 0x9e3779b9;
  for (let i = 0; i < data.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[i] = (state / 2 ** 31) * bound;
  }
}

const randomStem = 'lora-studio-bench-sd15';

/** The SD 1.5 UNet with random weights: 3.4 GB, made once and kept in the folder of temporary files. */
export async function randomSd15(): Promise<string> {
  const path = join(tmpdir(), `${randomStem}.safetensors`);
  if (existsSync(path)) return path;
  const tensors = [...unetShapes(sd15)].map(([name, shape]) => ({ name, dtype: 'float32' as const, shape }));
  await streamSafetensors(path, tensors, ({ name, shape }) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length > 1) fill(data, 1 / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1)));
    else if (name.endsWith('weight')) data.fill(1);
    return new Uint8Array(data.buffer);
  });
  return path;
}

async function openPart(model: 'pocket' | 'sd15'): Promise<Pick<Checkpoint, 'unet'>> {
  if (model === 'pocket') return openBase('pocket');
  await randomSd15();
  const weights = openWeights(tmpdir(), randomStem);
  return { unet: { config: sd15, weights, files: weights.files } };
}

export interface Case {
  readonly name: string;
  readonly model: 'pocket' | 'sd15';
  readonly work: 'train' | 'forward';
  readonly size: LatentSize;
  readonly repeats: number;
}

export const cases: readonly Case[] = [
  {
    name: 'pocket training step, batch 4',
    model: 'pocket',
    work: 'train',
    size: { batch: 4, height: 8, width: 8, tokens: 32 },
    repeats: 40,
  },
  {
    name: 'SD 1.5 training step, 256²',
    model: 'sd15',
    work: 'train',
    size: { batch: 1, height: 32, width: 32, tokens: 77 },
    repeats: 5,
  },
  {
    name: 'SD 1.5 training step, 512²',
    model: 'sd15',
    work: 'train',
    size: { batch: 1, height: 64, width: 64, tokens: 77 },
    repeats: 4,
  },
  {
    name: 'SD 1.5 UNet forward, 512²',
    model: 'sd15',
    work: 'forward',
    size: { batch: 1, height: 64, width: 64, tokens: 77 },
    repeats: 4,
  },
];

const benchRank = 16;

interface Work {
  readonly setupSeconds: number;
  readonly cost: GraphCost;
  run(): Promise<unknown>;
  release(): Promise<void>;
}

const random = randomStream(1, 'bench');
const noise = (...shape: number[]): Tensor => ({ shape, data: random.normals(elementCount(shape)) });

/** One whole training step: loss, gradients, AdamW. */
async function openTraining(
  part: Pick<Checkpoint, 'unet'>,
  size: LatentSize,
  session: SessionOptions,
): Promise<Work> {
  const layers = chooseTargets(listLayers(part.unet.weights, 'unet'), 'linear');
  const shape = { ...size, rank: benchRank, scale: 1, recompute: false };
  const started = performance.now();
  const step = await openTrainStep(part, layers, shape, session);
  const setupSeconds = (performance.now() - started) / 1000;
  const parameters = initialParameters(layers, benchRank, 1);
  const moments = new Map([...parameters].map(([name, { data }]) => [name, newMoments(data.length)]));
  const { batch, height, width, tokens } = size;
  const { inChannels, contextWidth } = part.unet.config;
  const feeds = {
    sample: noise(batch, inChannels, height, width),
    timesteps: { shape: [batch], data: new Float32Array(batch).fill(423) },
    context: noise(batch, tokens, contextWidth),
    target: noise(batch, inChannels, height, width),
    weights: { shape: [batch], data: new Float32Array(batch).fill(1 / batch) },
  };
  let count = 0;
  return {
    setupSeconds,
    cost: costOf(buildTrainStep(part, layers, shape)),
    async run() {
      const { gradients } = await step.run(feeds, parameters);
      count++;
      for (const [name, { data }] of parameters)
        adamWUpdate(data, gradients.get(name)!.data, moments.get(name)!, 1e-4, count);
    },
    release: () => step.release(),
  };
}

async function openForward(
  part: Pick<Checkpoint, 'unet'>,
  size: LatentSize,
  options: SessionOptions,
): Promise<Work> {
  const started = performance.now();
  const graph = createGraph();
  output('prediction', buildUnet(graph, part, size));
  const session = await openSession(graph, options);
  const setupSeconds = (performance.now() - started) / 1000;
  const feeds: Record<string, Feed> = {};
  for (const { name, dims } of session.lowered.model.inputs) feeds[name] = noise(...dims);
  return {
    setupSeconds,
    cost: costOf(graph),
    run: () => session.run(feeds),
    release: () => session.release(),
  };
}

/** Runs one case and measures it. */
export async function measure(
  { model, work, size, repeats }: Case,
  session: SessionOptions = {},
): Promise<Measured> {
  const part = await openPart(model);
  const { setupSeconds, cost, run, release } = await (work === 'train' ? openTraining : openForward)(
    part,
    size,
    session,
  );
  const seconds: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const begun = performance.now();
    await run();
    seconds.push((performance.now() - begun) / 1000);
  }
  await release();
  return {
    seconds,
    setupSeconds,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    gflop: cost.flops / 1e9,
    predictedActivationBytes: cost.peakActivationBytes,
  };
}
