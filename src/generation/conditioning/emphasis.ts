/** @file What weights of words do to the states of a text: each program has its own rule. */

import type { Tensor } from '../../engine/index.ts';
import { type ChunkStates, joinTokens, joinWidths } from '../../models/index.ts';
import type { EmphasisRule } from '../settings/schema.ts';

/** A chunk after the encoders, before its weights count. */
export interface WeightedStates extends ChunkStates {
  /** Of each token, by encoder. */
  readonly weights: readonly (readonly number[])[];
}

/** The chunks of a text. All texts of a group have as many. */
export type TextChunks = readonly WeightedStates[];

const isWeighted = (weights: readonly number[]): boolean => weights.some(weight => weight !== 1);

/** z·w, a row a token. */
function scaleTokens({ shape, data }: Tensor, weights: readonly number[]): Tensor {
  const width = shape[2];
  return { shape, data: data.map((x, i) => x * weights[Math.trunc(i / width)]) as Float32Array };
}

function mean(tensors: readonly Tensor[]): number {
  let sum = 0;
  let count = 0;
  for (const { data } of tensors) {
    for (const x of data) sum += x;
    count += data.length;
  }
  return sum / count;
}

/** A1111 ("Original"): z·w, then the mean of all texts that change into each other is what it was before. */
function keepingMean(tensors: readonly Tensor[], weights: readonly (readonly number[])[]): Tensor[] {
  const scaled = tensors.map((tensor, i) => scaleTokens(tensor, weights[i]));
  const [before, after] = [mean(tensors), mean(scaled)];
  const ratio = after === 0 ? 1 : before / after;
  return scaled.map(({ shape, data }) => ({ shape, data: data.map(x => x * ratio) }));
}

/** ComfyUI: (z − z₀)·w + z₀, where z₀ are the states of the empty text. */
function awayFromEmpty({ shape, data }: Tensor, weights: readonly number[], empty: Tensor): Tensor {
  const width = shape[2];
  const moved = Float32Array.from(data, (x, i) => {
    const weight = weights[Math.trunc(i / width)];
    return weight === 1 ? x : (x - empty.data[i]) * weight + empty.data[i];
  });
  return { shape, data: moved };
}

/** One encoder's states of one chunk, for every text of the group. */
function emphasizeChunk(
  rule: EmphasisRule,
  tensors: readonly Tensor[],
  weights: readonly (readonly number[])[],
  empty: Tensor,
): readonly Tensor[] {
  if (rule === 'none' || !weights.some(isWeighted)) return tensors;
  if (rule === 'a1111') return keepingMean(tensors, weights);
  return tensors.map((tensor, i) =>
    rule === 'comfy' ? awayFromEmpty(tensor, weights[i], empty) : scaleTokens(tensor, weights[i]),
  );
}

/**
 * The states of texts with their weights: [1, chunks · tokens, width] for each. The texts of a group are those that one
 * prompt has over the steps; A1111 takes its mean over all of them.
 */
export function emphasize(rule: EmphasisRule, group: readonly TextChunks[], empty: ChunkStates): Tensor[] {
  const [first] = group;
  const byChunk = first.map((_, c) =>
    empty.states.map((emptyStates, e) =>
      emphasizeChunk(
        rule,
        group.map(text => text[c].states[e]),
        group.map(text => text[c].weights[e]),
        emptyStates,
      ),
    ),
  );
  return group.map((_, t) =>
    empty.states.map((_, e) => joinTokens(byChunk.map(encoders => encoders[e][t]))).reduce(joinWidths),
  );
}
