/** @file Our side of a case, run and measured in this process. */
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
import { initialParameters } from '../../lora/index.ts';
import {
  buildUnet,
  type Checkpoint,
  openCheckpoint,
  openVaeDecoder,
  openVaeEncoder,
  pooledWidthOf,
} from '../../models/index.ts';
import {
  adamWUpdate,
  buildTrainStep,
  holdBase,
  newMoments,
  openTrainStep,
  planRun,
} from '../../training/index.ts';
import { planMemory } from '../../workbench/index.ts';
import { benchRank, type Way, type Work } from './cases.ts';
import type { BenchFiles } from './files.ts';
import { watchOthers } from './others.ts';
import { peakBytes } from './peak-memory.ts';
import type { Run } from './runs.ts';

type TrainWork = Extract<Work, { kind: 'train' | 'forward' }>;
type VaeWork = Extract<Work, { kind: 'decode' | 'encode' }>;

/** What is measured here. */
export type ModelWork = TrainWork | VaeWork;

interface Opened {
  readonly setupSeconds?: number;
  readonly cost?: GraphCost;
  readonly how?: string;
  run(): Promise<unknown>;
  release(): Promise<void>;
}

const random = randomStream(1, 'bench');
const noise = (...shape: number[]): Tensor => ({ shape, data: random.normals(elementCount(shape)) });

/** The recipe of a step of this size, as `lora train --memory` would have it. */
function recipeFor(checkpoint: Checkpoint, { size }: TrainWork, memory: number | undefined) {
  const scale = checkpoint.latentScale;
  const resolution = { width: size.width * scale, height: size.height * scale };
  const planned = planRun(checkpoint, { rank: benchRank, batch: size.batch, resolution, steps: 1 });
  if (memory === undefined) return { ...planned, how: undefined };
  const { recipe } = planMemory(checkpoint, planned, memory);
  const kept = { finest: 'full resolution recomputed', true: 'recomputed', false: 'kept' };
  const how = `activations ${kept[`${recipe.recompute}`]}, base as ${recipe.baseWeights === 'file' ? 'in the file' : recipe.baseWeights}`;
  return { recipe, layers: planned.layers, how };
}

function conditionsFor({ unet: { config } }: Checkpoint, batch: number): Record<string, Tensor> {
  const pooledWidth = pooledWidthOf(config);
  if (pooledWidth === undefined) return {};
  return { pooled: noise(batch, pooledWidth), sizes: noise(batch, 6) };
}

/** One whole training step: loss, gradients, AdamW. */
async function openTraining(
  checkpoint: Checkpoint,
  work: TrainWork,
  memory: number | undefined,
  session: SessionOptions,
): Promise<Opened> {
  const { recipe, layers, how } = recipeFor(checkpoint, work, memory);
  const base = holdBase(checkpoint, recipe.baseWeights);
  const shape = { ...work.size, recompute: recipe.recompute };
  const started = performance.now();
  const step = await openTrainStep(base, layers, shape, session);
  const setupSeconds = (performance.now() - started) / 1000;
  const parameters = await initialParameters(layers, 1);
  const moments = new Map([...parameters].map(([name, { data }]) => [name, newMoments(data.length)]));
  const { batch, height, width, tokens } = work.size;
  const { inChannels, contextWidth } = checkpoint.unet.config;
  const feeds = {
    sample: noise(batch, inChannels, height, width),
    timesteps: { shape: [batch], data: new Float32Array(batch).fill(423) },
    context: noise(batch, tokens, contextWidth),
    target: noise(batch, inChannels, height, width),
    weights: { shape: [batch], data: new Float32Array(batch).fill(1 / batch) },
    added: conditionsFor(checkpoint, batch),
  };
  let count = 0;
  return {
    setupSeconds,
    cost: costOf(buildTrainStep(base, layers, shape)),
    ...(how === undefined ? {} : { how }),
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
  checkpoint: Checkpoint,
  { size }: TrainWork,
  options: SessionOptions,
): Promise<Opened> {
  const started = performance.now();
  const graph = createGraph();
  output('prediction', buildUnet(graph, checkpoint, size));
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

function openVae(checkpoint: Checkpoint, { kind, side, tiled }: VaeWork, session: SessionOptions): Opened {
  const options = { ...session, wholeUpTo: tiled ? 0 : side * side };
  if (kind === 'decode') {
    const { decode, release } = openVaeDecoder(checkpoint, options);
    const latent = noise(1, checkpoint.vae.config.latentChannels, side, side);
    return { run: () => decode(latent), release };
  }
  const { encode, release } = openVaeEncoder(checkpoint, options);
  const pixels = side * checkpoint.latentScale;
  const picture = noise(1, 3, pixels, pixels);
  return { run: () => encode(picture), release };
}

async function openWork(
  work: ModelWork,
  { memory }: Way,
  files: BenchFiles,
  session: SessionOptions,
): Promise<Opened> {
  const checkpoint = openCheckpoint((files.file ?? files.folder) as string);
  if (work.kind === 'train') return openTraining(checkpoint, work, memory, session);
  if (work.kind === 'forward') return openForward(checkpoint, work, session);
  return openVae(checkpoint, work as VaeWork, session);
}

/** Runs the work in this process and measures it. */
export async function measure(
  work: ModelWork,
  way: Way,
  files: BenchFiles,
  session: SessionOptions = {},
): Promise<Run> {
  const { run, release, cost, setupSeconds, how } = await openWork(work, way, files, session);
  const othersSince = watchOthers();
  const seconds: number[] = [];
  for (let i = 0; i < work.repeats; i++) {
    const begun = performance.now();
    await run();
    seconds.push((performance.now() - begun) / 1000);
  }
  const others = othersSince();
  await release();
  return {
    ...{ seconds, peakBytes: peakBytes() },
    ...(others === undefined ? {} : { others }),
    ...(cost === undefined ? {} : { gflop: cost.flops / 1e9 }),
    ...(setupSeconds === undefined ? {} : { setupSeconds }),
    ...(how === undefined ? {} : { how }),
  };
}
