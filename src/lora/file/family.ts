/** @file Which model family a LoRA was made for, told from its tensors: the width of the text states. */
import type { Shape } from '../../engine/index.ts';
import { splitKey } from './names.ts';

const widths: ReadonlyMap<number, string> = new Map([
  [768, 'SD 1.x'],
  [1024, 'SD 2.x'],
  [2048, 'SDXL'],
  [128, 'pocket'],
]);

/** Keys whose down matrix reads the text states. */
const readsText = /attn2[._](processor[._])?to_[kv]/;

/** A family name, or a description of what was found. */
export function guessFamily(shapes: Iterable<readonly [key: string, shape: Shape]>): string {
  for (const [key, shape] of shapes) {
    if (!readsText.test(key) || splitKey(key)?.role !== 'down') continue;
    return widths.get(shape[1]) ?? `a model with text states ${shape[1]} wide`;
  }
  return 'unknown (no layer that reads the text)';
}

export function familyOfContextWidth(width: number): string {
  return widths.get(width) ?? `a model with text states ${width} wide`;
}
