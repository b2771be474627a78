/** @file Findings about the trigger word: in how many captions it is, and whether it means something already. */
import { holdsWord } from '../captions.ts';
import { type CaptionedPicture, hasOwnCaption } from './caption-findings.ts';
import type { WordKnowledge } from './captions.ts';
import { type Finding, finding } from './finding.ts';
import { thresholds } from './thresholds.ts';
import { isKindWord, wordsOf } from './words.ts';

export interface TriggerFacts {
  /** Undefined when none is given and none can be guessed. */
  readonly word: string | undefined;
  /** Whether it was given or is a word without meaning that most captions have. */
  readonly source: 'given' | 'guessed' | 'none';
  /** Captions of their own that have it, and all of them. */
  readonly present: number;
  readonly of: number;
  /** Tokens of the whole. */
  readonly tokens: number;
}

export type LookUp = (word: string) => WordKnowledge;

const guessShare = 0.6;
const fewestToGuess = 4;

/**
 * The made-up word that most captions have: of several tokens, and no kind of subject. Of several such words the one
 * nearest to the beginning, where trigger words stand.
 */
function guess(captions: readonly string[], lookUp: LookUp): string | undefined {
  if (captions.length < fewestToGuess) return undefined;
  const places = new Map<string, number[]>();
  for (const caption of captions) {
    const words = wordsOf(caption);
    for (const word of new Set(words)) places.set(word, [...(places.get(word) ?? []), words.indexOf(word)]);
  }
  const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
  const [best] = [...places]
    .filter(
      ([word, { length: count }]) =>
        count >= guessShare * captions.length && /^[\p{L}\p{N}]{2,}$/u.test(word),
    )
    .filter(([word]) => !isKindWord(word) && !/^\d+$/.test(word) && lookUp(word).tokens > 1)
    .sort((a, b) => mean(a[1]) - mean(b[1]) || b[1].length - a[1].length);
  return best?.[0];
}

const isKnown = ({ tokens, rank }: WordKnowledge): boolean => tokens === 1 && rank < thresholds.rareToken;

function missingFinding(without: readonly CaptionedPicture[], { word, source, of }: TriggerFacts): Finding[] {
  if (without.length === 0 || without.length === of) return [];
  const isGiven = source === 'given';
  const added = isGiven
    ? 'training puts it in front of those'
    : 'what these pictures show is learnt without it, and shows in prompts without it';
  return [
    finding({
      code: 'TRIGGER_MISSING',
      ...(isGiven ? { severity: 'low' } : {}),
      pictures: without.map(({ picture }) => picture.path),
      numbers: { count: without.length, of },
      text: `${without.length} of ${of} captions lack ${isGiven ? 'the trigger word' : 'what looks like the trigger word,'} "${word}"; ${added}.`,
      action: isGiven
        ? `Write "${word}" where it belongs in the sentence, or leave it to --trigger.`
        : `Write "${word}" into all captions, or give --trigger ${word}.`,
    }),
  ];
}

function knownFinding(word: string, lookUp: LookUp): Finding[] {
  const words = wordsOf(word);
  if (words.length === 0 || !words.every(part => isKindWord(part) || isKnown(lookUp(part)))) return [];
  return [
    finding({
      code: 'TRIGGER_KNOWN',
      pictures: [],
      numbers: { tokens: words.length },
      text: `The trigger word "${word}" means something to CLIP already: the LoRA works against that, and prompts that use the word in its old sense change.`,
      action: 'Choose a made-up word of two or three syllables that is in no dictionary.',
    }),
  ];
}

export function triggerFindings(
  pictures: readonly CaptionedPicture[],
  given: string | undefined,
  lookUp: LookUp,
): { facts: TriggerFacts; findings: Finding[] } {
  const own = pictures.filter(hasOwnCaption);
  const guessed = given
    ? undefined
    : guess(
        own.map(({ picture }) => picture.caption),
        lookUp,
      );
  const word = given ?? guessed;
  const without = word === undefined ? [] : own.filter(({ picture }) => !holdsWord(picture.caption, word));
  const facts: TriggerFacts = {
    word,
    source: given ? 'given' : guessed ? 'guessed' : 'none',
    present: own.length - (word === undefined ? own.length : without.length),
    of: own.length,
    tokens: word === undefined ? 0 : wordsOf(word).reduce((sum, part) => sum + lookUp(part).tokens, 0),
  };
  if (word === undefined) return { facts, findings: [] };
  const note = finding({
    code: 'TRIGGER_GUESSED',
    pictures: [],
    numbers: { present: facts.present, of: own.length },
    text: `"${word}" looks like the trigger word: ${facts.present} of ${own.length} captions have it, and CLIP does not know it. Give --trigger ${word} to be sure of it in every caption.`,
  });
  const known = given ? knownFinding(word, lookUp) : [];
  return { facts, findings: [...missingFinding(without, facts), ...known, ...(guessed ? [note] : [])] };
}
