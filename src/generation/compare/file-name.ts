/** @file What the files of a grid are called: readable, safe on every system, never twice the same. */

/** Short enough for every file system, with an ending and an id behind it. */
const mostLetters = 100;

/** Letters, digits and little else; folders of LoRAs and quotes of prompts do not belong into a name. */
const safe = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[^\p{L}\p{N}.+×()-]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '');

/** `strength-0.6_epoch-2` of labels; shorter ones than they are where they are long. */
export function nameOfLabels(labels: readonly string[]): string {
  const each = Math.max(8, Math.floor(mostLetters / Math.max(1, labels.length)) - 1);
  const names = labels.map(label =>
    [...safe(label)]
      .slice(0, each)
      .join('')
      .replace(/[-.]+$/, ''),
  );
  return names.filter(name => name !== '').join('_');
}

export const fileName = (labels: readonly string[], id: string): string =>
  `${[nameOfLabels(labels), id].filter(part => part !== '').join('_')}.png`;
