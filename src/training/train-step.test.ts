/** A step that only looks gives the numbers of the step that trains, without its dropout. */
import { expect, test } from 'vitest';
import { randomStream, type Tensor, tensor } from '../engine/index.ts';
import { chooseTargets, initialParameters, type TrainedLayer, usualOptions } from '../lora/index.ts';
import { listLayers, openCheckpoint } from '../models/index.ts';
import { type EvaluationStep, openEvaluationStep, openTrainStep, type StepBatch } from './train-step.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const { weights, config } = checkpoint.unet;
const normals = (name: string, ...shape: number[]): Tensor => ({
  shape,
  data: randomStream(3, name).normals(shape.reduce((a, b) => a * b, 1)),
});
const batch: StepBatch = {
  sample: normals('sample', 2, config.inChannels, 8, 8),
  target: normals('target', 2, config.outChannels, 8, 8),
  timesteps: tensor([2], Float32Array.of(100, 700)),
  context: normals('context', 2, 7, config.contextWidth),
  weights: tensor([2], Float32Array.of(0.5, 0.5)),
};
const shape = { batch: 2, height: 8, width: 8, tokens: 7 };

const layersWith = (dropout: Partial<TrainedLayer>): TrainedLayer[] =>
  chooseTargets(listLayers(weights, 'unet'), 'mid_block*').map(layer => ({
    ...{ ...usualOptions, rank: 4, alpha: 4, ...layer },
    ...dropout,
  }));

/** A and B that both do something. */
async function parametersOf(layers: readonly TrainedLayer[]): Promise<Map<string, Tensor>> {
  const parameters = await initialParameters(layers, 1);
  for (const [name, { data }] of parameters) data.set(randomStream(5, name).normals(data.length));
  return parameters;
}

async function once<Result>(
  step: { run(batch: StepBatch, parameters: Map<string, Tensor>): Promise<Result>; release(): Promise<void> },
  parameters: Map<string, Tensor>,
): Promise<Result> {
  const result = await step.run(batch, parameters);
  await step.release();
  return result;
}

test('losses are those of the training step, bit for bit, and the prediction is what they are of', async () => {
  const layers = layersWith({});
  const parameters = await parametersOf(layers);
  const trained = await once(
    await openTrainStep(checkpoint, layers, { ...shape, recompute: false }),
    parameters,
  );
  const seen = await once<Awaited<ReturnType<EvaluationStep['run']>>>(
    await openEvaluationStep(checkpoint, layers, { ...shape, prediction: true }),
    parameters,
  );
  expect(seen.losses).toEqual(trained.losses);
  expect(seen.prediction?.shape).toEqual(batch.target.shape);
  const { data } = seen.prediction as Tensor;
  const half = data.length / 2;
  for (const i of [0, 1]) {
    const squares = data
      .subarray(i * half, (i + 1) * half)
      .map((x, k) => (x - batch.target.data[i * half + k]) ** 2);
    // Float32 sums in another order.
    expect(squares.reduce((a, b) => a + b, 0) / half / seen.losses.data[i]).toBeCloseTo(1, 5);
  }
});

test('dropout is off, and the prediction is left out unless it is asked for', async () => {
  const [plain, dropping] = [
    layersWith({}),
    layersWith({ neuronDropout: 0.5, rankDropout: 0.3, moduleDropout: 0.3 }),
  ];
  const parameters = await parametersOf(plain);
  const [expected, actual] = [
    await once(await openEvaluationStep(checkpoint, plain, shape), parameters),
    await once(await openEvaluationStep(checkpoint, dropping, shape), parameters),
  ];
  expect(actual).toEqual(expected);
  expect(actual).not.toHaveProperty('prediction');
});
