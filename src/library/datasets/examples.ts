/** @file What the package's data sets are meant for: a goal and a word, and the licence that their README states. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GoalName } from '../../training/index.ts';

export interface Suggestion {
  readonly goal: GoalName;
  readonly trigger: string;
}

/** The words are those of their captions. */
const suggestions: Readonly<Record<string, Suggestion>> = {
  'zorbi-character': { goal: 'character', trigger: 'zorbi' },
  'blueprint-style': { goal: 'style', trigger: 'blueprint' },
};

export const suggestionOf = (name: string): Suggestion | undefined => suggestions[name];

/** `Licence: CC0 1.0 (public domain).` of a README beside the pictures. */
export function licenceOf(folder: string): string | undefined {
  try {
    const text = readFileSync(join(folder, 'README.md'), 'utf8').slice(0, 20_000);
    return /^.*\blicen[cs]e:\s*([^\n]{1,200}?)\.?\s*$/im.exec(text)?.[1];
  } catch {
    return undefined; // most data sets have none
  }
}
