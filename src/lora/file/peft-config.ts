/** @file The configurations that PEFT's folders and Diffusers' headers have beside the tensors, written. */
import type { LoraModule } from '../kinds/module.ts';
import type { Part } from '../names/layers.ts';
import { peftPath, splitTarget } from '../names/namings.ts';

/** The value that most have, which is then said once. */
function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0][0];
}

/** A layer's path as a pattern that only it matches. */
const patternOf = (path: string): string => `^${path.replaceAll('.', '\\.')}`;

/** `usual`, and the layers that have another value. */
function patterns(
  modules: readonly { path: string; value: number }[],
  usual: number,
): Record<string, number> {
  const others = modules.filter(({ value }) => value !== usual);
  return Object.fromEntries(others.map(({ path, value }) => [patternOf(path), value]));
}

/** The fields of PEFT's LoraConfig that the modules of one part ask for. */
export function loraConfig(modules: readonly LoraModule[], alphaOf: (module: LoraModule) => number) {
  const paths = modules.map(({ target }) => peftPath(target));
  const ranks = modules.map(({ rank }, i) => ({ path: paths[i], value: rank }));
  const alphas = modules.map((module, i) => ({ path: paths[i], value: alphaOf(module) }));
  const [r, alpha] = [ranks, alphas].map(list => mostFrequent(list.map(({ value }) => value)));
  return {
    peft_type: 'LORA',
    r,
    lora_alpha: alpha,
    rank_pattern: patterns(ranks, r),
    alpha_pattern: patterns(alphas, alpha),
    target_modules: paths,
    use_dora: modules.some(({ tensors }) => tensors.magnitude !== undefined),
    lora_bias: modules.some(({ tensors }) => tensors.up_bias !== undefined),
    use_rslora: false,
    bias: 'none',
  };
}

/** Modules by their part, in the order of the parts. */
export function byPart(modules: readonly LoraModule[]): Map<Part, LoraModule[]> {
  const parts = new Map<Part, LoraModule[]>();
  for (const module of modules) {
    const { part } = splitTarget(module.target);
    parts.set(part, [...(parts.get(part) ?? []), module]);
  }
  return parts;
}
