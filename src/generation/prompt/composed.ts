/** @file Prompts that `AND` joins, each with a weight (composable diffusion, Liu et al. 2022), as A1111 reads them. */
import type { Preset } from '../settings/presets.ts';
import { pythonSpace, skipSpaceBack, wholeWord } from './python-text.ts';

export interface PromptPart {
  readonly text: string;
  readonly weight: number;
  /** Where it starts in the whole prompt. */
  readonly position: number;
}

const weightPattern = new RegExp(String.raw`:[${pythonSpace}]*([-+]?(?:\d+\.?|\d*\.\d+))$`);
/** No weight is longer; only so much of a text's end is looked at. */
const longestWeight = 400;
const andPattern = wholeWord('AND');

/** A part ends with `:weight` or with nothing; white space at its end is left out. */
function partOf(text: string, position: number): PromptPart {
  const end = skipSpaceBack(text, text.length);
  const tail = Math.max(0, end - longestWeight);
  const found = weightPattern.exec(text.slice(tail, end));
  if (!found) return { text: text.slice(0, end), weight: 1, position };
  return { text: text.slice(0, skipSpaceBack(text, tail + found.index)), weight: Number(found[1]), position };
}

/** The parts of a prompt; A1111's `get_multicond_prompt_list`. A `:2` at the end of a prompt is a weight even without AND. */
export function composedParts(prompt: string): PromptPart[] {
  const ands = [...prompt.matchAll(andPattern)].map(({ index }) => index);
  const starts = [0, ...ands.map(index => index + 'AND'.length)];
  return starts.map((start, i) => partOf(prompt.slice(start, ands[i] ?? prompt.length), start));
}

/** The parts of a prompt in a syntax: only A1111's has AND. */
export const partsIn = (prompt: string, syntax: Preset['syntax']): PromptPart[] =>
  syntax === 'a1111' ? composedParts(prompt) : [{ text: prompt, weight: 1, position: 0 }];

/** Weighted parts stand for differences from a prediction without them: they need one, whatever the guidance scale is. */
export function isComposed(prompt: string, syntax: Preset['syntax']): boolean {
  const parts = partsIn(prompt, syntax);
  return parts.length > 1 || parts[0].weight !== 1;
}
