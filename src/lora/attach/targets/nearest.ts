/** @file What somebody may have meant who named a layer that is not there. */
import { editDistance } from '../../../errors.ts';
import { presetNames } from './presets.ts';

/** From what a suggestion says to how it is written: ends of the layers' names, and words inside them. */
function vocabulary(targets: readonly string[]): Map<string, string> {
  const words = new Map(presetNames.map(name => [name, name]));
  const add = (word: string, text: string): void => {
    if (!words.has(word)) words.set(word, text);
  };
  for (const target of targets) {
    const path = target.split('.');
    for (const length of [1, 2, 3]) {
      const end = path.slice(-length).join('.');
      if (!/^\d/.test(end)) add(end, `*.${end}`);
    }
    for (const word of path.slice(1, -1)) if (!/^\d+$/.test(word)) add(word, `*.${word}.*`);
    add(target, target);
  }
  return words;
}

/** Further than this part of its letters from what was written, a suggestion is none. */
const mostOff = 0.5;

/** Up to three expressions that match and are written nearly like `wanted`. */
export function nearestTargets(wanted: string, targets: readonly string[]): string[] {
  const plain = wanted.toLowerCase().replace(/\.?\*\.?|[^\w.+]/g, '');
  if (plain === '') return [];
  const scored = [...vocabulary(targets)].map(([word, text]) => {
    const letters = Math.max(word.length, plain.length);
    return { text, off: editDistance(plain, word) / letters };
  });
  return scored
    .filter(({ off }) => off <= mostOff)
    .sort((a, b) => a.off - b.off)
    .slice(0, 3)
    .map(({ text }) => text);
}
