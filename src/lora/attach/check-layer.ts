/** @file What makes no sense to train on a layer. */
import { usageError } from '../../errors.ts';
import type { LayerInfo } from '../../models/index.ts';
import type { TrainedLayer } from './trained-layer.ts';

/** Throws RANK_TOO_LARGE or RANK_INVALID when `rank` makes no sense for one of the layers. */
export function checkRank(rank: number, layers: readonly LayerInfo[]): void {
  if (!Number.isInteger(rank) || rank < 1) {
    throw usageError(
      'RANK_INVALID',
      `rank ${rank} is not a whole number of at least 1`,
      'Usual ranks are 4 to 64.',
    );
  }
  for (const { target, shape } of layers) {
    const full = Math.min(
      shape[0],
      shape.slice(1).reduce((a, b) => a * b, 1),
    );
    if (rank <= full) continue;
    const hint = `Choose a rank of at most ${full}, or leave this layer out with --targets.`;
    throw usageError(
      'RANK_TOO_LARGE',
      `rank ${rank} is above the size of ${target} [${shape}], which is ${full}`,
      hint,
    );
  }
}

interface Clash {
  readonly isOne: (layer: TrainedLayer) => boolean;
  readonly message: string;
  readonly hint: string;
}

const clashes: readonly Clash[] = [
  {
    isOne: ({ init, neuronDropout, rankDropout, moduleDropout }) =>
      init === 'pissa' && neuronDropout + rankDropout + moduleDropout > 0,
    message: 'PiSSA with dropout: it would leave out the principal parts of the weight at random',
    hint: 'Train PiSSA without dropout, or choose another init.',
  },
  {
    isOne: ({ decomposed, neuronDropout }) => decomposed !== false && neuronDropout > 0,
    message: 'DoRA with neuron dropout: a weight with a norm of its own has no branch to drop neurons of',
    hint: 'Use rank or module dropout.',
  },
  {
    isOne: ({ init, rank }) => init === 'orthogonal' && rank % 2 !== 0,
    message: 'the orthogonal init with an odd rank: it halves the ranks between down and up',
    hint: 'Choose an even rank.',
  },
];

/** Throws OPTIONS_CLASH for choices that do not go together on a layer. */
export function checkClashes(layer: TrainedLayer): void {
  const clash = clashes.find(({ isOne }) => isOne(layer));
  if (clash) throw usageError('OPTIONS_CLASH', `${layer.target}: ${clash.message}`, clash.hint);
}
