/** @file What in a prompt looks like a mistake: programs say nothing of it, and draw something else than was meant. */
import type { Preset } from '../settings/presets.ts';
import type { EmphasisRule } from '../settings/schema.ts';
import { parseAttention } from './attention.ts';
import { characterAt } from './character-at.ts';
import { composedParts } from './composed.ts';
import { wholeWord } from './python-text.ts';
import { scheduleOf } from './schedule.ts';

export interface PromptFinding {
  /** Characters before it in the prompt. */
  readonly position: number;
  readonly text: string;
}

export interface MistakeRules {
  readonly syntax: Preset['syntax'];
  readonly emphasis: EmphasisRule;
  readonly steps: number;
}

/** No more are told of one prompt. */
const mostFindings = 20;

const closes: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

interface Open {
  readonly position: number;
  readonly bracket: string;
  /** The last colon in it, not those of brackets within. */
  colon: number | undefined;
}

/** Something that is written like a weight or a step but is none: one word after the last colon. */
const isLikeNumber = (text: string): boolean => /^\s*[^\s()[\]:|]{1,12}\s*$/.test(text);
const weight = /^\s*[+-]?[.\d]+\s*$/;
const step = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;

/** What a bracket says of itself when it closes. */
function bracketFinding(text: string, { bracket, colon, position }: Open, close: number): string | undefined {
  if (colon === undefined || close - colon > 40) return undefined;
  const end = text.slice(colon + 1, close);
  const shown = text.slice(position, close + 1).slice(0, 60);
  if (bracket === '(') {
    if (weight.test(end))
      return Number(end) === 0 ? `${shown} has the weight 0: the words are not read` : undefined;
    return isLikeNumber(end)
      ? `"${end.trim()}" in ${shown} is not a weight; the words get 1.1 times the attention`
      : undefined;
  }
  if (step.test(end))
    return Number(end) < 0 ? `step ${end.trim()} in ${shown} is before the first step` : undefined;
  return isLikeNumber(end) ? `"${end.trim()}" in ${shown} is not a step; it is read as text` : undefined;
}

/** Brackets that do not meet, and weights and steps that are none. */
function bracketFindings(text: string, square: boolean): PromptFinding[] {
  const findings: PromptFinding[] = [];
  let open: Open[] = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '(' || (square && character === '['))
      open.push({ position: at, bracket: character, colon: undefined });
    else if (character === ':') {
      const last = open.at(-1);
      if (last) last.colon = at;
    } else if (character === ')' || (square && character === ']')) {
      const last = open.at(-1);
      if (last && closes[last.bracket] === character) {
        open.pop();
        const found = bracketFinding(text, last, at);
        if (found !== undefined) findings.push({ position: last.position, text: found });
      } else {
        findings.push({ position: at, text: `"${character}" closes nothing` });
        for (const { position, bracket } of open)
          findings.push({ position, text: `"${bracket}" is not closed before a bracket of the other kind` });
        open = [];
      }
    }
  }
  for (const { position, bracket } of open)
    findings.push({ position, text: `"${bracket}" is not closed; it goes on to the end` });
  return findings;
}

/** A part of AND, or a whole prompt, that ends with `:number` has that as its weight. */
function partFindings(prompt: string): PromptFinding[] {
  const parts = composedParts(prompt);
  return parts.flatMap(({ weight: value, text, position }): PromptFinding[] => {
    const isAlone = parts.length === 1;
    if (isAlone && value !== 1)
      return [
        { position, text: `the prompt ends with ":${value}", which is read as the weight of all of it` },
      ];
    if (isAlone) return [];
    if (value === 0) return [{ position, text: 'this part of AND has the weight 0' }];
    if (text.trim() === '') return [{ position, text: 'this part of AND is empty' }];
    const broken = /:\s*([^\s:()[\]]{1,12})$/.exec(text.slice(-40));
    return broken
      ? [
          {
            position,
            text: `"${broken[1]}" at the end of this part of AND is not a weight; it is read as text`,
          },
        ]
      : [];
  });
}

/** A `|` or a backslash out of place: A1111 then reads no `[a:b:3]` in the whole prompt. */
function lostSchedule(
  prompt: string,
  steps: number,
  characterOf: (position: number) => number,
): PromptFinding[] {
  const at = prompt.search(/\|/);
  if (at < 0 || !/\[[^[\]]*:[^[\]]*\]/.test(prompt.slice(0, 4000))) return [];
  const isLost = composedParts(prompt).every(
    ({ text, position }) => scheduleOf(text, { steps }, at => characterOf(position + at)).length === 1,
  );
  const text = '"|" outside of [a|b]: with it, nothing in the prompt changes over the steps';
  return isLost ? [{ position: at, text }] : [];
}

/** BREAK in brackets is a word with a negative weight in A1111. */
function brokenBreaks(prompt: string, characterOf: (position: number) => number): PromptFinding[] {
  const isBroken = parseAttention(prompt, characterOf).some(
    ({ text, isBreak }) => !isBreak && wholeWord('BREAK').test(text),
  );
  const at = prompt.search(wholeWord('BREAK'));
  const text = 'BREAK within brackets does not end a chunk: it is read as a word of negative weight';
  return isBroken && at >= 0 ? [{ position: at, text }] : [];
}

/**
 * What looks like a mistake in a prompt, in the order of the places. Negative prompts know no AND. Throws PROMPT_SYNTAX.
 *
 * @param characterOf how an error names a position in the prompt
 */
export function findMistakes(
  prompt: string,
  { syntax, emphasis, steps }: MistakeRules,
  kind: 'prompt' | 'negative prompt',
  characterOf = characterAt,
): PromptFinding[] {
  if (syntax === 'plain') return [];
  const isA1111 = syntax === 'a1111';
  const found = [
    ...(emphasis === 'none' ? [] : bracketFindings(prompt, isA1111)),
    ...(isA1111 && emphasis !== 'none' ? brokenBreaks(prompt, characterOf) : []),
    ...(isA1111 ? lostSchedule(prompt, steps, characterOf) : []),
    ...(isA1111 && kind === 'prompt' ? partFindings(prompt) : []),
  ];
  return found.sort((a, b) => a.position - b.position).slice(0, mostFindings);
}
