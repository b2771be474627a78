/** @file Names of uploaded files become names that every file system holds and every tool shows. */
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pictureExtensions } from '../../dataset/index.ts';

const device = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;
const mostBytes = 120;

/** Characters that some file system refuses, or that a browser shows turned around. */
const refused = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029<>:"/\\|?*%]+/gu;

function cut(text: string): string {
  const letters = [...text];
  while (Buffer.byteLength(letters.join('')) > mostBytes) letters.pop();
  return letters.join('');
}

/** The last part of a name, without its ending, made safe: `../a?.png` → `a`; `picture` where nothing is left. */
export function safeStem(name: string): string {
  const last = name.toWellFormed().normalize('NFC').split(/[\\/]/).at(-1) ?? '';
  const stem = last.slice(0, last.length - extname(last).length) || last;
  const plain = cut(stem.replace(refused, '-').replace(/^[\s.-]+|[\s.]+$/gu, ''));
  // Before the first dot, Windows reads devices: `con.a` is one.
  const whole = device.test(plain.split('.')[0].trim()) ? `_${plain}` : plain;
  return whole.replace(/[\s.]+$/u, '') || 'picture';
}

export const endingOf = (name: string): string => extname(name.trim()).toLowerCase();

/** The picture of this stem, whatever its ending: `a.png` and `a.jpg` would share their caption. */
export function pictureOfStem(folder: string, stem: string): string | undefined {
  return pictureExtensions
    .flatMap(ending => [join(folder, stem + ending), join(folder, stem + ending.toUpperCase())])
    .find(path => existsSync(path));
}

/** `a`, `a-2`, `a-3` …: the first that no picture has. */
export function freeStem(folder: string, stem: string): string {
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? stem : `${stem}-${i}`;
    if (pictureOfStem(folder, candidate) === undefined) return candidate;
  }
}
