/** Trained kinds against LyCORIS, PEFT and PyTorch (tools/goldens/trainable_kinds.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TrainingItem } from '../../src/dataset/index.ts';
import * as f from '../../src/engine/index.ts';
import { openSafetensors } from '../../src/files/index.ts';
import { deltaNorm } from '../../src/lora/attach/max-norm.ts';
import {
  attachTrained,
  chooseTargets,
  deltaOf,
  drawMask,
  frozenParameters,
  initialParameters,
  type LoraModule,
  limitNorms,
  serializeLora,
  type TrainedLayer,
  type TrainingOptions,
  trainedModule,
  usualOptions,
} from '../../src/lora/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { type Checkpoint, listLayers, openScope, unet } from '../../src/models/index.ts';
import { completeRecipe } from '../../src/training/recipe/recipe.ts';
import { openTrainStep } from '../../src/training/train-step.ts';
import { newRunState, runLoop, type StepReport } from '../../src/training/trainer.ts';
import { writeConfig } from '../support/configs.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { knownTexts, plainView } from '../support/training-items.ts';
import { type Digest, given, hashed, hashedSource, relativeError } from './hashed-weights.ts';

const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), 'utf8'));

interface Gradients {
  readonly name: string;
  readonly loss: number;
  readonly gradients: Record<string, Digest>;
}

interface Golden {
  readonly cases: Gradients[];
  readonly dropped: (Gradients & { rates: Record<'neuron' | 'rank' | 'module', number> })[];
  readonly files: {
    readonly name: string;
    readonly tensors: Record<string, number[]>;
    readonly deltas: Record<string, Digest>;
    /** Of ΔW before any magnitude. */
    readonly norms: Record<string, number>;
  }[];
  readonly pissa: Record<string, Digest>;
  readonly steps: {
    readonly name: string;
    readonly reports: { loss: number; rate: number; gradientNorm: number }[];
    readonly parameters: Record<string, Digest>;
  }[];
}

const golden: Golden = read('trainable-kinds.json');
const unetGolden = read('models.json').unet_sd15;
const weights = hashedSource(new Map(Object.entries(unetGolden.shapes as Record<string, number[]>)));
const config = readUnetConfig(writeConfig(unetGolden.config));
const baseOf = (target: string): Float32Array => weights.read(`${target.slice('unet.'.length)}.weight`);

/** The options of each case of the goldens, by its name. */
const optionsOf: Readonly<Record<string, Partial<TrainingOptions>>> = {
  lora: { rank: 4, alpha: 2 },
  'lora, tucker': { rank: 4, alpha: 2, tucker: true },
  'lora, rsLoRA': { rank: 4, alpha: 2 * Math.sqrt(4) },
  'lora, decomposed by output': { rank: 4, alpha: 2, decomposed: 'output' },
  'lora, decomposed by input': { rank: 4, alpha: 2, decomposed: 'input' },
  'lora, tucker, decomposed by output': { rank: 4, alpha: 2, tucker: true, decomposed: 'output' },
  'lora, decomposed by output, rows and modules': { rank: 4, alpha: 2, decomposed: 'output' },
  loha: { kind: 'loha', rank: 4, alpha: 2 },
  'loha, tucker': { kind: 'loha', rank: 4, alpha: 2, tucker: true },
  'loha, decomposed by output': { kind: 'loha', rank: 4, alpha: 2, decomposed: 'output' },
  lokr: { kind: 'lokr', rank: 2, alpha: 1 },
  'lokr, rows and modules': { kind: 'lokr', rank: 2, alpha: 1 },
  'lokr, factor 4, both decomposed': { kind: 'lokr', rank: 1, alpha: 2, factor: 4, decomposeBoth: true },
  'lokr, factor 4, tucker': { kind: 'lokr', rank: 2, alpha: 1, factor: 4, tucker: true },
  'lokr, whole matrices': { kind: 'lokr', rank: 1, alpha: 3, fullMatrix: true },
  'lokr, decomposed by output': { kind: 'lokr', rank: 2, alpha: 1, decomposed: 'output' },
  'lokr, decomposed by input': { kind: 'lokr', rank: 2, alpha: 1, decomposed: 'input' },
};

/** The layers of a case: those whose tensors its goldens name. */
function layersOf(name: string, expected: Record<string, Digest>, more = {}): TrainedLayer[] {
  const targets = new Set(Object.keys(expected).map(key => `unet.${key.slice(0, key.lastIndexOf('.'))}`));
  const options = { ...usualOptions, ...optionsOf[name], ...more } as TrainingOptions;
  return listLayers(weights, 'unet')
    .filter(({ target }) => targets.has(target))
    .map(layer => ({ ...layer, ...options }));
}

/** As the goldens have them: hashed, magnitudes near the norms that they start with. */
function setValues(parameters: ReadonlyMap<string, f.Tensor>, expected: Record<string, Digest>): void {
  for (const [key, { shape, data }] of parameters) {
    const name = key.slice('unet.'.length);
    if (name.endsWith('.magnitude')) {
      const factors = given(name, shape).data;
      for (let i = 0; i < data.length; i++) data[i] *= Math.fround(1 + 0.1 * factors[i]);
    } else data.set(hashed(name, expected[name].shape));
  }
}

interface Way {
  readonly recompute: boolean;
  readonly makeCheapAgain: boolean;
  readonly session?: f.SessionOptions;
}

async function gradientsOf(layers: readonly TrainedLayer[], expected: Record<string, Digest>, way: Way) {
  const graph = f.createGraph();
  const attachment = attachTrained(graph, layers, 2);
  const feeds: Record<string, f.Feed> = {
    x: given('x', [2, 4, 8, 8]),
    t: f.tensor([2], Float32Array.of(17, 801)),
    context: given('context', [2, 7, 48]),
    target: given('target', [2, 4, 8, 8]),
  };
  const value = (name: string): f.Value => f.input(graph, name, feeds[name].shape);
  const inputs = { sample: value('x'), timesteps: value('t'), context: value('context') };
  const y = unet(openScope(graph, weights, 'unet', attachment.hooks), config, inputs);
  const loss = f.mean(f.square(f.sub(y, value('target'))));
  const gradients = f.gradients(loss, [...attachment.parameters.values()], {
    recompute: () => way.recompute,
    makeCheapAgain: way.makeCheapAgain,
    ordered: way.makeCheapAgain,
  });
  f.output('loss', loss);
  [...attachment.parameters.keys()].forEach((name, i) => {
    f.output(name, gradients[i]);
  });
  const parameters = await initialParameters(layers, 0, baseOf);
  setValues(parameters, expected);
  for (const [name, tensor] of parameters) feeds[name] = tensor;
  for (const mask of attachment.masks) feeds[mask.name] = drawMask(mask, { seed: 7, step: 3, first: 0 }, 2);
  const session = await f.openSession(graph, way.session);
  const results = await session.run(feeds);
  await session.release();
  return results;
}

async function expectGradients(
  layers: readonly TrainedLayer[],
  { loss, gradients }: Gradients,
  way: Way,
): Promise<void> {
  const { loss: actual, ...results } = await gradientsOf(layers, gradients, way);
  expect(Math.abs(actual.data[0] / loss - 1)).toBeLessThan(1e-5);
  expectAll(results, gradients);
}

function expectAll(
  results: Readonly<Record<string, f.Tensor>>,
  gradients: Readonly<Record<string, Digest>>,
): void {
  const names = Object.keys(results).map(name => name.slice('unet.'.length));
  expect(names.sort()).toEqual(Object.keys(gradients).sort());
  const errors = names.map(name => {
    const expected = gradients[name];
    const result = results[`unet.${name}`];
    // Of layers that module dropout leaves alone.
    if (expected.norm === 0) return result.data.every(x => x === 0) ? 0 : 1;
    return relativeError(result, expected);
  });
  expect(names.filter(name => gradients[name].norm === 0).length).toBeLessThan(names.length / 2);
  // Float32 against float32 with another order of summation, through a whole UNet and back.
  expect(Math.max(...errors)).toBeLessThan(1e-4);
}

const kept = { recompute: false, makeCheapAgain: false };
/** As large models are trained: weights are neither folded nor known in shape, and made again in backward. */
const large = {
  recompute: false,
  makeCheapAgain: true,
  session: { foldBelowBytes: 0 },
};

describe.each(golden.cases)('gradients of $name', row => {
  const layers = layersOf(row.name, row.gradients);

  test('all is kept', () => expectGradients(layers, row, kept));
  test('weights are made again in backward', () => expectGradients(layers, row, large));
  test('all is made again in backward', () => expectGradients(layers, row, { ...large, recompute: true }));
});

test('PiSSA starts with the part of the weight that PEFT takes out, and its file adds nothing yet', async () => {
  const layers = layersOf(
    'lora',
    Object.fromEntries(Object.keys(golden.pissa).map(path => [`${path}.down`, {}])) as never,
    {
      init: 'pissa',
    },
  );
  expect(layers).toHaveLength(3);
  const parameters = await initialParameters(layers, 0, baseOf);
  const frozen = frozenParameters(layers, parameters);
  for (const layer of layers) {
    const request = { strength: 1, shape: layer.shape, base: () => baseOf(layer.target) };
    const started = trainedModule({ ...layer, init: 'kaiming' }, parameters, frozen);
    const { weight: taken } = await deltaOf(started, request);
    // These weights are random: their singular values hardly differ, and neither do the norms of near subspaces.
    const { norm } = golden.pissa[layer.target.slice(5)];
    expect(Math.abs(Math.hypot(...(taken as Float32Array)) / norm - 1)).toBeLessThan(1e-3);
    expect(relativeError({ data: taken as Float32Array }, golden.pissa[layer.target.slice(5)])).toBeLessThan(
      0.05,
    );
    const whole = trainedModule(layer, parameters, frozen);
    expect([whole.rank, whole.alpha]).toEqual([8, 4]);
    const { weight: none } = await deltaOf(whole, request);
    expect(Math.hypot(...(none as Float32Array))).toBeLessThan(1e-6 * Math.hypot(...(taken as Float32Array)));
  }
});

test('PiSSA takes all of a weight that has no higher rank', async () => {
  const [layer] = layersOf('lora', { 'down_blocks.1.resnets.0.conv1.down': {} as Digest }, { init: 'pissa' });
  const [out, inside] = [layer.shape[0], 9 * layer.shape[1]];
  const factors = {
    up: { shape: [out, 4], data: hashed('pissa up', [out, 4]) },
    down: { shape: [4, inside], data: hashed('pissa down', [4, inside]) },
  };
  const module = { target: layer.target, kind: 'lora', tensors: factors, rank: 4, alpha: 4 } as const;
  const { weight } = await deltaOf(module, {
    strength: 1,
    shape: layer.shape,
    base: () => new Float32Array(),
  });
  const base = weight as Float32Array;
  const parameters = await initialParameters([layer], 0, () => base);
  const start = trainedModule({ ...layer, init: 'kaiming' }, parameters, new Map());
  const taken = await deltaOf(start, { strength: 1, shape: layer.shape, base: () => base });
  const difference = Math.hypot(...(taken.weight as Float32Array).map((x, i) => x - base[i]));
  expect(difference / Math.hypot(...base)).toBeLessThan(1e-6);
});

describe.each(golden.dropped)('dropout in $name', row => {
  const { neuron, rank, module } = row.rates;
  const rates = { neuronDropout: neuron, rankDropout: rank, moduleDropout: module };
  const layers = layersOf(row.name, row.gradients, rates);

  test('gradients under the masks that PyTorch draws from the same streams', () =>
    expectGradients(layers, row, kept));
  test('made again in backward', () => expectGradients(layers, row, { ...large, recompute: true }));
  test('halves of the batch side by side, each with its part of the masks', async () => {
    const shape = { batch: 2, height: 8, width: 8, tokens: 7, recompute: false };
    const step = await openTrainStep({ unet: { config, weights, files: [] } }, layers, shape);
    const batch = {
      ...{ sample: given('x', [2, 4, 8, 8]), timesteps: f.tensor([2], Float32Array.of(17, 801)) },
      ...{ context: given('context', [2, 7, 48]), target: given('target', [2, 4, 8, 8]) },
      weights: f.tensor([2], Float32Array.of(0.5, 0.5)),
    };
    const parameters = await initialParameters(layers, 0, baseOf);
    setValues(parameters, row.gradients);
    const { gradients } = await step.run(batch, parameters, { seed: 7, step: 3, first: 0 });
    await step.release();
    expectAll(Object.fromEntries(gradients), row.gradients);
  });
});

describe.each(golden.files)('the file of $name', row => {
  const paths = Object.keys(row.deltas);
  const options = { ...usualOptions, ...optionsOf[row.name] } as TrainingOptions;
  const layers: TrainedLayer[] = listLayers(weights, 'unet')
    .filter(({ target }) => paths.includes(target.slice('unet.'.length)))
    .map(layer => ({ ...layer, ...options }));

  async function hashedParameters(): Promise<Map<string, f.Tensor>> {
    const parameters = await initialParameters(layers, 0, baseOf);
    const filed = (await modulesOf(parameters)).flatMap(({ target, tensors }) =>
      Object.entries(tensors).map(([role, tensor]) => [`${target}.${role}`, tensor] as const),
    );
    const shapes = filed.map(([name, { shape }]) => [name.slice('unet.'.length), { shape }]);
    setValues(new Map(filed), Object.fromEntries(shapes));
    return parameters;
  }
  const modulesOf = async (parameters: ReadonlyMap<string, f.Tensor>): Promise<LoraModule[]> =>
    layers.map(layer => trainedModule(layer, parameters, new Map()));
  const modules = async (): Promise<LoraModule[]> => modulesOf(await hashedParameters());
  const fail = (): never => {
    throw new Error('a product of factors needs no base');
  };

  test('has the tensors that LyCORIS saves, in their shapes', async () => {
    const { bytes } = serializeLora({ modules: await modules(), metadata: {} }, { dtype: 'float32' });
    const path = join(temporaryFolder(), 'x.safetensors');
    writeFileSync(path, bytes);
    const shapes = Object.fromEntries(
      [...openSafetensors(path).tensors].map(([key, { shape }]) => [key, shape]),
    );
    expect(shapes).toEqual(row.tensors);
  });

  test('norms are those by which LyCORIS limits, and a limit leaves ΔW in proportion', async () => {
    const parameters = await hashedParameters();
    const before = await modulesOf(parameters);
    const limited = layers.map(layer => ({ ...layer, maxNorm: row.norms[layer.target.slice(5)] / 3 }));
    for (const { target, ...layer } of layers) {
      const tensors = Object.fromEntries(
        [...parameters]
          .filter(([name]) => name.startsWith(`${target}.`))
          .map(([name, t]) => [name.slice(target.length + 1), t]),
      );
      const norm = deltaNorm({ target, ...layer }, tensors);
      expect(Math.abs(norm / row.norms[target.slice(5)] - 1)).toBeLessThan(1e-5);
    }
    const deltas = async (modules: readonly LoraModule[]): Promise<Float32Array[]> => {
      const bare = modules.map(({ tensors: { magnitude: _, ...tensors }, ...module }) => ({
        ...module,
        tensors,
      }));
      const all = bare.map((module, i) =>
        deltaOf(module, { strength: 1, shape: layers[i].shape, base: fail }),
      );
      return (await Promise.all(all)).map(({ weight }) => weight as Float32Array);
    };
    const whole = (await deltas(before)).map(delta => delta.map(x => x / 3));
    expect(limitNorms(limited, parameters)).toBe(layers.length);
    for (const [i, delta] of (await deltas(await modulesOf(parameters))).entries()) {
      const difference = Math.hypot(...delta.map((x, k) => x - whole[i][k]));
      expect(difference / Math.hypot(...delta)).toBeLessThan(1e-5);
    }
    expect(
      limitNorms(
        limited.map(layer => ({ ...layer, maxNorm: layer.maxNorm * 1.001 })),
        parameters,
      ),
    ).toBe(0);
  });

  test('changes weights as the trained modules do', async () => {
    for (const module of await modules()) {
      const layer = layers.find(({ target }) => target === module.target) as TrainedLayer;
      const { weight } = await deltaOf(module, {
        ...{ strength: 1, shape: layer.shape, base: () => baseOf(layer.target) },
      });
      expect(relativeError({ data: weight as Float32Array }, row.deltas[layer.target.slice(5)])).toBeLessThan(
        1e-5,
      );
    }
  });
});

describe.each(golden.steps)('five whole steps of $name', row => {
  const recipe = completeRecipe(
    {
      ...{ steps: 5, rank: 4, alpha: 2, batch: 2, accumulate: 2, seed: 7, targets: 'linear', flip: true },
      ...{ learningRate: 1e-3, schedule: 'cosine', warmupSteps: 2, weightDecay: 0.01, maxGradientNorm: 0.15 },
      ...{ captionDropout: 0.3, minSnrGamma: 5 },
    },
    'sd15',
    64,
  );
  const checkpoint = {
    family: 'sd15',
    unet: { config, weights, files: [] },
    scheduler: {
      ...{ trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, betaSchedule: 'scaled_linear' },
      ...{ predictionType: 'epsilon', rescaleZeroTerminalSnr: false },
    },
  } as unknown as Checkpoint;
  const item: TrainingItem = {
    ...{ path: 'a.png', caption: 'a', repeats: 1 },
    ...{ bucket: { width: 64, height: 64 }, originalSize: { width: 64, height: 64 } },
    views: [plainView(given('upright latent', [1, 4, 8, 8]))],
    mirroredViews: [plainView(given('mirrored latent', [1, 4, 8, 8]))],
  };
  const text = (name: string) => ({ context: given(name, [1, 7, 48]), pooled: undefined, truncated: '' });
  const texts = knownTexts({ a: text('caption'), '': text('no caption') });
  const layers = layersOf(row.name, row.parameters);

  test('losses, norms and all tensors equal LyCORIS with torch', async () => {
    expect(layers.map(({ target }) => target)).toEqual(
      chooseTargets(listLayers(weights, 'unet'), 'linear').map(({ target }) => target),
    );
    const input = { checkpoint, recipe, layers, items: [item], texts, session: {} };
    const state = await newRunState(input, '', 0);
    setValues(state.parameters, row.parameters);
    const reports: StepReport[] = [];
    await runLoop(input, state, { onStep: async report => void reports.push(report) });
    for (const [i, expected] of row.reports.entries()) {
      expect(Math.abs(reports[i].loss / expected.loss - 1), `loss ${i}`).toBeLessThan(5e-6);
      expect(Math.abs(reports[i].gradientNorm / expected.gradientNorm - 1), `norm ${i}`).toBeLessThan(2e-5);
    }
    const errors = Object.entries(row.parameters).map(([name, digest]) =>
      relativeError(state.parameters.get(`unet.${name}`) as f.Tensor, digest),
    );
    // AdamW divides by the size of the gradient, so tiny ones count as much as large ones.
    expect(Math.max(...errors)).toBeLessThan(5e-5);
  });
});
