/** Text encoders trained together with the UNet, against transformers, diffusers and PEFT (tools/goldens/train_text.py). */
import { closeSync, copyFileSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TrainingItem } from '../../src/dataset/index.ts';
import type { Shape, WeightBytes } from '../../src/engine/index.ts';
import { plainLora, type TrainedLayer } from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import {
  type Checkpoint,
  type ClipConfig,
  type ClipTokenizer,
  type Family,
  type LayerInfo,
  listLayers,
  openCheckpoint,
  openWeights,
  type TextPartName,
} from '../../src/models/index.ts';
import { openCaptionTexts } from '../../src/training/captions.ts';
import { openFeeds } from '../../src/training/feeds.ts';
import { buildTrainStep, openTrainStep, planRun, type Recompute } from '../../src/training/index.ts';
import { completeRecipe } from '../../src/training/recipe/recipe.ts';
import { newRunState, runLoop, type StepReport } from '../../src/training/trainer.ts';
import { writeConfig } from '../support/configs.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { plainView } from '../support/training-items.ts';
import { type Digest, given, hashed, hashedSource, relativeError } from './hashed-weights.ts';

interface Encoder {
  readonly name: TextPartName;
  readonly width: number;
  readonly act: ClipConfig['activation'];
  readonly pools: boolean;
  readonly ids: Record<string, number[]>;
}

interface Model {
  readonly unetConfig: unknown;
  readonly shapes: Record<string, Record<string, Shape>>;
  readonly encoders: Encoder[];
}

interface Case {
  readonly family: Family;
  readonly prediction: 'epsilon' | 'v_prediction';
  readonly trained: string[];
  readonly rateFactors: Record<string, number>;
  readonly reports: { loss: number; rate: number; gradientNorm: number }[];
  readonly gradients: Record<string, Digest>;
  readonly parameters: Record<string, Digest>;
}

const golden: { models: Record<string, Model>; cases: Case[] } = JSON.parse(
  readFileSync(new URL('./data/train_text.json', import.meta.url), 'utf8'),
);

/** Of one chunk. */
const maxTokens = 16;
const endId = 99;

/** A tokenizer that knows the captions of the golden file. */
function tokenizerOf({ ids }: Encoder): ClipTokenizer {
  const encode = (text: string) => ({ ids: [...ids[text]], tokens: [], truncated: '' });
  const special = { startId: endId - 1, endId, padId: endId, commaId: undefined };
  const words = { newIds: undefined, readWords: () => [], toText: () => '' };
  return {
    maxTokens,
    ...special,
    ...words,
    largestId: endId,
    encode,
    withWords: () => tokenizerOf({ ids } as Encoder),
  };
}

function textPart(encoder: Encoder, shapes: Record<string, Shape>) {
  const config: ClipConfig = {
    ...{ hiddenSize: encoder.width, innerSize: 2 * encoder.width, layers: 3, heads: 4 },
    ...{ activation: encoder.act, maxTokens, vocabularySize: 100, projectionSize: 40 },
    ...{ layerNormEpsilon: 1e-5, endTokenId: endId },
  };
  return {
    config,
    weights: hashedSource(new Map(Object.entries(shapes))),
    files: [],
    tokenizer: tokenizerOf(encoder),
  };
}

function checkpointOf({ family, prediction }: Case): Checkpoint {
  const { unetConfig, shapes, encoders } = golden.models[family];
  const [first, second] = encoders.map(encoder => textPart(encoder, shapes[encoder.name]));
  const unetShapes = new Map(Object.entries(shapes.unet));
  return {
    family,
    path: '',
    unet: { config: readUnetConfig(writeConfig(unetConfig)), weights: hashedSource(unetShapes), files: [] },
    textEncoder: first,
    textEncoder2: second,
    scheduler: {
      ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' },
      ...{ predictionType: prediction, rescaleZeroTerminalSnr: false },
    },
  } as unknown as Checkpoint;
}

/** transformers 5 leaves `text_model.` out, which checkpoints have when they are opened. */
function layersOf({ trained, rateFactors }: Case, checkpoint: Checkpoint): TrainedLayer[] {
  const { unet, textEncoder, textEncoder2 } = checkpoint;
  const all = (
    part: string,
    source: typeof unet | typeof textEncoder | undefined,
    pattern: RegExp,
  ): LayerInfo[] =>
    source && trained.includes(part)
      ? listLayers(source.weights, part).filter(({ target }) => pattern.test(target))
      : [];
  const text = [
    ...all('text_encoder', textEncoder, /(self_attn|mlp)/),
    ...all('text_encoder_2', textEncoder2, /(self_attn|mlp)/),
  ];
  return [
    ...plainLora(all('unet', unet, /\.attentions\./), { rank: 4, alpha: 2 }),
    ...plainLora(text, { rank: 2, alpha: 3 }).map(layer => ({
      ...layer,
      rateFactor: rateFactors[layer.target.split('.')[0]],
    })),
  ];
}

const recipe = completeRecipe(
  {
    ...{ steps: 3, rank: 4, alpha: 2, batch: 2, accumulate: 2, seed: 11 },
    ...{ learningRate: 1e-3, schedule: 'cosine', warmupSteps: 2, weightDecay: 0.01, maxGradientNorm: 0.2 },
    ...{ captionDropout: 0.3, minSnrGamma: 5 },
  },
  'sd15',
  64,
);

const item: TrainingItem = {
  ...{ path: 'a.png', caption: 'a', repeats: 1 },
  ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 66, height: 70 } },
  views: [{ ...plainView(given('upright latent', [1, 4, 8, 8])), crop: { left: 5, top: 3 } }],
};

/** What both sides hash A and B by. */
const goldenName = (name: string): string =>
  name.replace(/^(text_encoder(?:_2)?)\.encoder/, '$1.text_model.encoder');

function worst(actual: number, expected: number): number {
  return Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-3);
}

/** The batch of a first micro-step, and A and B hashed. */
async function openCase(row: Case) {
  const checkpoint = checkpointOf(row);
  const layers = layersOf(row, checkpoint);
  const items = [item];
  const texts = await openCaptionTexts([item.caption], { checkpoint, recipe }, layers);
  const input = { checkpoint, recipe, layers, items, texts, session: {} };
  const state = await newRunState(input, '', 0);
  for (const [name, { shape, data }] of state.parameters) data.set(hashed(goldenName(name), shape));
  const shape = { batch: 2, height: 8, width: 8, tokens: texts.tokens };
  return { input, state, shape };
}

describe.each(golden.cases)('$family, trained: $trained', row => {
  test('gradients of a batch equal PEFT, and there are no others', async () => {
    const { input, state, shape } = await openCase(row);
    const step = await openTrainStep(input.checkpoint, input.layers, { ...shape, recompute: false });
    const { gradients } = await step.run(await openFeeds(input)([0, 0], 0, 0), state.parameters);
    await step.release();
    expect([...gradients.keys()].map(goldenName).sort()).toEqual(Object.keys(row.gradients).sort());
    // Float32 in another order of summation, through a text encoder, a UNet and back.
    for (const [name, gradient] of gradients)
      expect(relativeError(gradient, row.gradients[goldenName(name)]), name).toBeLessThan(1e-4);
  });

  test('three steps of AdamW equal torch, all parameters clipped together', async () => {
    const { input, state } = await openCase(row);
    const reports: StepReport[] = [];
    await runLoop(input, state, { onStep: async report => void reports.push(report) });
    for (const [i, expected] of row.reports.entries()) {
      expect(worst(reports[i].loss, expected.loss), `loss ${i}`).toBeLessThan(5e-6);
      expect(worst(reports[i].gradientNorm, expected.gradientNorm), `norm ${i}`).toBeLessThan(2e-5);
      expect(reports[i].rate).toBeCloseTo(expected.rate, 12);
    }
    const names = [...state.parameters.keys()];
    expect(names.map(goldenName).sort()).toEqual(Object.keys(row.parameters).sort());
    const errors = names.map(name =>
      relativeError(state.parameters.get(name) as { data: Float32Array }, row.parameters[goldenName(name)]),
    );
    // AdamW divides by the size of the gradient, so tiny ones count as much as large ones.
    expect(Math.max(...errors)).toBeLessThan(1e-4);
  });
});

describe('what is recomputed', () => {
  /** Activations of the text encoder: 3 layers, each with one; in backward there are others. */
  test.each<[Recompute, number]>([
    [false, 3],
    ['finest', 3],
    [true, 6],
  ])('%s', async (recompute, activations) => {
    const { input, state, shape } = await openCase(golden.cases[0]);
    const graph = buildTrainStep(input.checkpoint, input.layers, { ...shape, recompute });
    expect(graph.nodes.filter(({ op }) => op === 'quickGelu')).toHaveLength(activations);
    const step = await openTrainStep(input.checkpoint, input.layers, { ...shape, recompute });
    const { gradients } = await step.run(await openFeeds(input)([0, 0], 0, 0), state.parameters);
    await step.release();
    for (const [name, gradient] of gradients)
      expect(relativeError(gradient, golden.cases[0].gradients[goldenName(name)]), name).toBeLessThan(1e-4);
  });
});

describe('the embedded model, at the start of training', () => {
  const checkpoint = openCheckpoint('pretrained/pocket');
  const { recipe, layers } = planRun(checkpoint, { batch: 4, captionDropout: 0.5, seed: 3 });
  const text = plainLora(
    listLayers(checkpoint.textEncoder.weights, 'text_encoder').filter(({ target }) =>
      /self_attn|mlp/.test(target),
    ),
    { rank: 2 },
  );
  /** 30 tokens fit into a chunk of this encoder. */
  const captions = ['stripes', 'a picture of stripes and dots, red and blue and green and grey, '.repeat(3)];
  const items = captions.map(caption => ({
    ...{ ...item, caption, bucket: { width: 64, height: 64 } },
    views: [plainView(given(caption, [1, checkpoint.vae.config.latentChannels, 8, 8]))],
  }));

  async function losses(trained: readonly TrainedLayer[]): Promise<Float32Array> {
    const texts = await openCaptionTexts(captions, { checkpoint, recipe }, trained);
    const input = { checkpoint, recipe, layers: trained, items, texts, session: {} };
    const { tokens } = texts;
    expect(tokens).toBe(3 * checkpoint.textEncoder.tokenizer.maxTokens);
    const step = await openTrainStep(checkpoint, trained, {
      batch: 4,
      height: 8,
      width: 8,
      tokens,
      recompute: false,
    });
    const result = await step.run(
      await openFeeds(input)([0, 1, 1, 0], 0, 0),
      (await newRunState(input, '', 0)).parameters,
    );
    await step.release();
    return result.losses.data;
  }

  test('losses are those of the UNet with captions that were encoded before', async () => {
    const [apart, inside] = [await losses(layers), await losses([...layers, ...text])];
    // The same products, of more rows at once.
    for (const [i, loss] of inside.entries()) expect(worst(loss, apart[i]), `sample ${i}`).toBeLessThan(1e-5);
  });

  test('a broken weight of a trained encoder is named', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'model.safetensors');
    copyFileSync('pretrained/pocket/text_encoder/model.safetensors', file);
    const name = 'text_model.encoder.layers.1.mlp.fc1.weight';
    const { path, offset } = openWeights(folder, 'model').bytes(name) as WeightBytes;
    const handle = openSync(path, 'r+');
    writeSync(handle, Uint16Array.of(0x7e00), 0, 2, offset + 20); // half precision
    closeSync(handle);
    const broken = {
      ...checkpoint,
      textEncoder: { ...checkpoint.textEncoder, weights: openWeights(folder, 'model') },
    };
    const texts = await openCaptionTexts(captions, { checkpoint: broken, recipe }, text);
    const input = { checkpoint: broken, recipe, layers: text, items, texts, session: {} };
    const run = runLoop(input, await newRunState(input, '', 0), { onStep: async () => undefined });
    await expect(run).rejects.toMatchObject({
      code: 'CHECKPOINT_NOT_FINITE',
      message: `${file}: ${name} holds NaN at 10`,
    });
  });
});
