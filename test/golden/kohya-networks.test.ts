/** @file An imported run trains what sd-scripts and LyCORIS would: the same layers, ranks, scales and rates. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rateFactorOf, type TrainedLayer, trainedTensors } from '../../src/lora/index.ts';
import { nameOf } from '../../src/lora/names/namings.ts';
import { architectures, encoderShapes } from '../../src/models/checkpoint/single/architectures.ts';
import { type Checkpoint, type Family, unetShapes } from '../../src/models/index.ts';
import { baseFacts, importKohya, planRun } from '../../src/training/index.ts';

interface Case {
  readonly family: Family;
  readonly arguments: string;
  readonly count: number;
  readonly sha256: string;
  readonly samples: readonly string[];
}

const cases = JSON.parse(readFileSync('test/golden/data/kohya-networks.json', 'utf8')) as readonly Case[];

/** As much of a published model as a plan looks at. */
function checkpointOf(family: Family): Checkpoint {
  const architecture = architectures.find(one => one.family === family);
  if (!architecture) throw new Error(family);
  const partOf = (shapes: ReadonlyMap<string, readonly number[]>) => ({
    weights: { names: () => shapes.keys(), shape: (name: string) => shapes.get(name) },
  });
  const [first, second] = architecture.text.map(kind => partOf(encoderShapes(kind)));
  return {
    ...{ family, resolution: family === 'sdxl' ? 1024 : 512, latentScale: 8 },
    scheduler: { predictionType: 'epsilon', rescaleZeroTerminalSnr: false, trainSteps: 1000 },
    unet: partOf(unetShapes(architecture.unet)),
    textEncoder: first,
    textEncoder2: second,
  } as unknown as Checkpoint;
}

const checkpoints: Partial<Record<Family, Checkpoint>> = {
  sd15: checkpointOf('sd15'),
  sdxl: checkpointOf('sdxl'),
};

/** As Python's `f"{x:.5e}"`. */
const shown = (value: number): string => value.toExponential(5).replace(/e([+-])(\d)$/, 'e$10$2');

function lineOf(layer: TrainedLayer, rate: number, family: Family): string {
  const roles = trainedTensors(layer).map(([role]) => role);
  const factors = roles.map(role => rateFactorOf(layer, role));
  const [slow, fast] = [Math.min(...factors), Math.max(...factors)].map(factor => shown(rate * factor));
  const name = nameOf(layer.target, family === 'sdxl' ? 'kohyaSdxl' : 'kohya', family);
  return `${name} ${layer.rank} ${shown(layer.alpha / layer.rank)} ${slow} ${fast}`;
}

test.each(cases)('$family $arguments', ({ family, arguments: words, count, sha256, samples }) => {
  const checkpoint = checkpoints[family] as Checkpoint;
  const { said } = importKohya({ text: words }).saidFor(baseFacts(checkpoint));
  const { recipe, layers } = planRun(checkpoint, said.given);
  const lines = layers.map(layer => lineOf(layer, recipe.learningRate, family)).sort();
  expect(lines).toEqual(expect.arrayContaining([...samples]));
  expect(lines).toHaveLength(count);
  expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(sha256);
});
