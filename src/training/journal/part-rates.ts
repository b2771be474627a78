/** @file The learning rate of each part of the model, for the journal. */
import type { TrainedLayer } from '../../lora/index.ts';

/** The value that occurs most often; of several, the first. */
function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0];
}

/**
 * From the rate of a run to the rates of its parts (`unet`, `text_encoder`, `text_encoder_2`): those that most of a part's
 * layers have, without exceptions for blocks and without LoRA+. Undefined where all is trained at the one rate.
 */
export function openPartRates(
  layers: readonly Pick<TrainedLayer, 'target' | 'rateFactor'>[],
): (rate: number) => Readonly<Record<string, number>> | undefined {
  const byPart = Map.groupBy(layers, ({ target }) => target.slice(0, target.indexOf('.')));
  const factors = [...byPart].map(
    ([part, own]) => [part, mostCommon(own.map(({ rateFactor }) => rateFactor))] as const,
  );
  if (factors.every(([part, factor]) => factor === 1 && part === 'unet')) return () => undefined;
  return rate => Object.fromEntries(factors.map(([part, factor]) => [part, rate * factor]));
}
