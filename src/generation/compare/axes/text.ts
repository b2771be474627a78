/** @file Axes that change the prompts: whole ones, search and replace, the order of phrases. */
import { readFileSync } from 'node:fs';
import { badInput } from '../../../errors.ts';
import type { PictureSettings } from '../../settings/schema.ts';
import { type Item, mostValues } from '../values.ts';
import { type AxisRow, type Reading, settingValue } from './row.ts';

/** Longer lists are no lists of prompts. */
const mostFileBytes = 2 ** 20;

/** The lines of a file, without empty ones and those that begin with #. */
function readLines(path: string): string[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw badInput('FILE_UNREADABLE', `${path} cannot be read: ${(cause as Error).message}`);
  }
  if (bytes.length > mostFileBytes)
    throw badInput(
      'PROMPTS_TOO_LONG',
      `${path} has ${bytes.length} bytes; a list of prompts has up to 1 MiB`,
    );
  const lines = bytes.toString('utf8').replace(/^\uFEFF/, '');
  return lines
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
}

/** Values as texts; `@file` stands for the lines of a file. */
function textsOf({ items, failAt }: Reading): string[] {
  return items.flatMap((item: Item) => {
    if (item.isQuoted || !item.text.startsWith('@')) return [item.text];
    const lines = readLines(item.text.slice(1));
    if (lines.length === 0) throw failAt(item, 'is a file without lines');
    return lines;
  });
}

const shown = (text: string): string => (text === '' ? '(nothing)' : text);

/** A prompt that was changed no longer comes from a template. */
const withPrompts = (
  prompts: Partial<Pick<PictureSettings, 'prompt' | 'negativePrompt'>>,
): Partial<PictureSettings> => ({ templates: undefined, ...prompts });

/** All orders of some things, the given one first, as Python's `permutations` has them. */
function ordersOf<T>(things: readonly T[]): T[][] {
  if (things.length <= 1) return [[...things]];
  return things.flatMap((first, i) => ordersOf(things.toSpliced(i, 1)).map(rest => [first, ...rest]));
}

const ordersCount = (count: number): number => (count <= 1 ? 1 : count * ordersCount(count - 1));

export interface Place {
  readonly at: number;
  readonly length: number;
}

/** Where phrases stand, none inside another. */
export function placesOf(text: string, phrases: readonly string[]): (Place | undefined)[] {
  const taken: Place[] = [];
  const longestFirst = phrases.map((phrase, i) => ({ phrase, i }));
  longestFirst.sort((a, b) => b.phrase.length - a.phrase.length);
  const places: (Place | undefined)[] = phrases.map(() => undefined);
  for (const { phrase, i } of longestFirst) {
    const isFree = (at: number): boolean =>
      taken.every(other => at + phrase.length <= other.at || at >= other.at + other.length);
    let at = text.indexOf(phrase);
    while (at >= 0 && !isFree(at)) at = text.indexOf(phrase, at + 1);
    if (at < 0) continue;
    places[i] = { at, length: phrase.length };
    taken.push({ at, length: phrase.length });
  }
  return places;
}

/** Puts phrases into the places, from left to right. */
export function fillPlaces(text: string, places: readonly Place[], phrases: readonly string[]): string {
  const sorted = places.toSorted((a, b) => a.at - b.at);
  let [done, end] = ['', 0];
  for (const [i, { at, length }] of sorted.entries()) {
    done += text.slice(end, at) + phrases[i];
    end = at + length;
  }
  return done + text.slice(end);
}

export const textAxes: readonly AxisRow[] = [
  {
    name: 'prompt',
    aliases: ['prompts'],
    values: 'whole prompts; @file for the lines of a file',
    isText: true,
    read: reading =>
      textsOf(reading).map(prompt => settingValue(shown(prompt), () => withPrompts({ prompt }))),
  },
  {
    name: 'negative',
    aliases: ['negative prompt'],
    values: 'negative prompts; @file for the lines of a file',
    isText: true,
    read: reading =>
      textsOf(reading).map(negativePrompt =>
        settingValue(shown(negativePrompt), () => withPrompts({ negativePrompt })),
      ),
  },
  {
    name: 'S/R',
    aliases: ['prompt s/r', 'search replace', 'search and replace'],
    values: 'what is searched in the prompts, then what it is replaced with; @file for the lines of a file',
    isText: true,
    read(reading) {
      const texts = textsOf(reading);
      const [search] = texts;
      if (search === '') throw reading.failAt(reading.items[0], 'is nothing to search for');
      return texts.map(text => ({
        label: shown(text),
        apply(draft) {
          const { prompt, negativePrompt } = draft.settings;
          if (!prompt.includes(search) && !negativePrompt.includes(search)) {
            const hint = `The prompt is: ${prompt}`;
            throw reading.failAt(reading.items[0], 'is in neither of the prompts', hint);
          }
          const replaced = {
            prompt: prompt.replaceAll(search, () => text),
            negativePrompt: negativePrompt.replaceAll(search, () => text),
          };
          return { ...draft, settings: { ...draft.settings, ...withPrompts(replaced) } };
        },
      }));
    },
  },
  {
    name: 'prompt order',
    aliases: ['order'],
    values: 'phrases of the prompt, which are put into every order',
    isText: true,
    read(reading) {
      const phrases = textsOf(reading);
      const count = ordersCount(phrases.length);
      if (count > mostValues) throw reading.fail(`has ${phrases.length} phrases, which have ${count} orders`);
      return ordersOf(phrases).map(ordered => ({
        label: ordered.join(', '),
        apply(draft) {
          const { prompt } = draft.settings;
          const places = placesOf(prompt, phrases);
          const lost = places.indexOf(undefined);
          if (lost >= 0)
            throw reading.failAt(reading.items[lost] ?? reading.items[0], `is not in the prompt "${prompt}"`);
          const change = withPrompts({ prompt: fillPlaces(prompt, places as Place[], ordered) });
          return { ...draft, settings: { ...draft.settings, ...change } };
        },
      }));
    },
  },
];
