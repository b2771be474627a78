/** @file Which layers are meant by an expression of `expression.ts`. */
import { usageError } from '../../../errors.ts';
import type { Family, LayerInfo } from '../../../models/index.ts';
import { type Condition, meets, parseTargets, type Term } from './expression.ts';
import { nearestTargets } from './nearest.ts';
import { presetMatcher, targetPresets } from './presets.ts';

export interface ChooseOptions {
  /** What errors call the expression; `--targets`. */
  readonly option?: string;
  /** Whose blocks are meant by names such as `IN04`. */
  readonly family?: Family;
  /** Preset that exclusions alone take away from; all layers unless said. */
  readonly start?: string;
}

function noLayer({ text }: Condition, option: string, targets: readonly string[]): Error {
  const near = nearestTargets(text, targets);
  const hint =
    near.length > 0
      ? `Near to it: ${near.join(', ')}`
      : `Use ${targetPresets.join(', ')}, block:mid, or a glob such as *.attn2.to_k`;
  return usageError('TARGET_UNKNOWN', `${option} ${text} matches no layer`, hint);
}

/** The layers of a term. Throws TARGET_UNKNOWN when one of its conditions matches nothing, or all together do not. */
function layersOf(term: Term, layers: readonly LayerInfo[], option: string): LayerInfo[] {
  for (const condition of term.conditions) {
    if (layers.some(({ target }) => condition.matches(target))) continue;
    throw noLayer(
      condition,
      option,
      layers.map(({ target }) => target),
    );
  }
  const hits = layers.filter(({ target }) => meets(target, term));
  if (hits.length > 0) return hits;
  const message = `${option} ${term.text} matches no layer: each part does, but no layer is in all of them`;
  throw usageError('TARGET_UNKNOWN', message);
}

/**
 * Layers that `expression` means, in their own order. Every part of it must match a layer, and everything left out must
 * have been chosen, so that a slip of the pen is never a LoRA of less than was meant.
 */
export function chooseTargets<Layer extends LayerInfo>(
  layers: readonly Layer[],
  expression: string,
  { option = '--targets', family, start }: ChooseOptions = {},
): Layer[] {
  const terms = parseTargets(expression, option, family);
  const isInStart = (start === undefined ? undefined : presetMatcher(start)) ?? (() => true);
  const wanted = terms.filter(({ isExclusion }) => !isExclusion);
  const chosen = new Set<LayerInfo>(
    wanted.length > 0
      ? wanted.flatMap(term => layersOf(term, layers, option))
      : layers.filter(({ target }) => isInStart(target)),
  );
  const left = new Set(chosen);
  for (const term of terms.filter(({ isExclusion }) => isExclusion)) {
    const hits = layersOf(term, layers, option);
    for (const layer of hits) left.delete(layer);
    if (hits.some(layer => chosen.has(layer))) continue;
    const message = `${option} ${term.text} leaves nothing out: none of its layers is among those that ${expression} chooses`;
    throw usageError('TARGET_UNKNOWN', message);
  }
  if (left.size === 0) throw usageError('TARGET_UNKNOWN', `${option} ${expression} leaves no layer to train`);
  return layers.filter(layer => left.has(layer));
}
