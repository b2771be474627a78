/** @file Prompts to what the UNet reads of them over a run. */
import type { SessionOptions, Tensor } from '../../engine/index.ts';
import { type Checkpoint, type EncodedText, padText, type SdxlClipSkip } from '../../models/index.ts';
import type { LoraSet } from '../lora-sets.ts';
import { characterAt } from '../prompt/character-at.ts';
import { type PromptPart, partsIn } from '../prompt/composed.ts';
import { findMistakes, type PromptFinding } from '../prompt/mistakes.ts';
import { type RunLength, scheduleOf } from '../prompt/schedule.ts';
import type { Preset } from '../settings/presets.ts';
import { type EncoderChoice, openChunkEncoder } from './chunk-encoder.ts';
import { emptyChunk, type TokenChunk } from './chunks.ts';
import { emphasize, type TextChunks } from './emphasis.ts';
import { commonMultiple, repeatLastToken, repeatTokens } from './lengths.ts';
import type { Conditioning, ConditioningPart, PictureTexts } from './phases.ts';
import { mostChunks, type ReadingRules, readText } from './read-text.ts';

/** How a program reads prompts; most of it is a row of `settings/presets.ts`. */
export interface TextRules extends ReadingRules, RunLength {
  /** A1111's count: 1 reads the last layer, 2 the one before. */
  readonly clipSkip: number;
  readonly sdxlClipSkip: SdxlClipSkip;
  readonly skipsLayersOf: Preset['skipsLayersOf'];
  readonly zerosForNoText: Preset['zerosForNoText'];
  /** Frees the memory of the encoders after the call; they are opened again when they are needed. */
  readonly rests?: boolean;
}

export interface PromptRequest {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** Whether the negative prompt is read: that of a picture without guidance is not, unless AND needs one (`isComposed`). */
  readonly guided: boolean;
  readonly loras: LoraSet;
  /** Where a character of the prompt stands in what was typed, with its LoRA tags; the same place unless said. */
  readonly positionOf?: ((at: number) => number) | undefined;
}

export interface PromptTexts extends PictureTexts {
  /** What did not fit into 16 chunks (one, where long prompts are cut); empty when all did. */
  readonly truncated: { readonly prompt: string; readonly negativePrompt: string };
  /** What looks like a mistake, and what was made of it. */
  readonly findings: {
    readonly prompt: readonly PromptFinding[];
    readonly negativePrompt: readonly PromptFinding[];
  };
}

export interface TextEncoder {
  /**
   * What the UNet reads of each prompt; all states of a call have one length. Throws PROMPT_SYNTAX and CLIP_SKIP_INVALID.
   */
  encode(prompts: readonly PromptRequest[], rules: TextRules): Promise<PromptTexts[]>;
  /** Frees the memory of the encoders; they are opened again when they are needed. */
  release(): Promise<void>;
}

/** What one prompt is, before its states are brought to the length of the others. */
interface RawTexts {
  readonly parts: readonly ConditioningPart[];
  readonly truncated: string;
}

const tokensOf = ({ context }: EncodedText): number => context.shape[1];
const withContext = (state: EncodedText, context: Tensor): EncodedText => ({ ...state, context });

/** All states of parts, changed. */
const mapStates = (
  parts: readonly ConditioningPart[],
  change: (state: EncodedText) => EncodedText,
): ConditioningPart[] =>
  parts.map(part => ({
    ...part,
    schedule: part.schedule.map(phase => ({ ...phase, state: change(phase.state) })),
  }));

const statesOf = (parts: readonly ConditioningPart[]): EncodedText[] =>
  parts.flatMap(({ schedule }) => schedule.map(({ state }) => state));

/** SDXL was trained with zeros for no text. */
function zeroStates(state: EncodedText): EncodedText {
  const zeros = ({ shape, data }: Tensor): Tensor => ({ shape, data: new Float32Array(data.length) });
  return { ...state, context: zeros(state.context), pooled: state.pooled && zeros(state.pooled) };
}

/** A1111's parts of AND, all as long as the longest. */
function evenParts(parts: readonly ConditioningPart[]): readonly ConditioningPart[] {
  const longest = Math.max(...statesOf(parts).map(tokensOf));
  return mapStates(parts, state =>
    tokensOf(state) === longest ? state : withContext(state, repeatLastToken(state.context, longest)),
  );
}

/** How errors name a position in a prompt. */
type CharacterOf = (position: number) => number;
const asTyped =
  ({ positionOf = at => at }: PromptRequest): CharacterOf =>
  position =>
    characterAt(positionOf(position));

const choiceOf = (loras: LoraSet, { clipSkip, sdxlClipSkip }: TextRules): EncoderChoice => ({
  loras,
  layers: { clipSkip, sdxl: sdxlClipSkip },
});

/** The texts of a part over the steps. A1111 counts steps from 0, and changes after the one that it calls the last. */
function phasesOf(
  { text, position }: Pick<PromptPart, 'text' | 'position'>,
  rules: TextRules,
  characterOf: CharacterOf,
): { readonly until: number; readonly text: string }[] {
  const phases =
    rules.syntax === 'a1111'
      ? scheduleOf(text, rules, at => characterOf(position + at))
      : [{ lastStep: rules.steps, text }];
  const end = phases.length - 1;
  return phases.map((phase, i) => ({
    text: phase.text,
    until: i === end ? Number.POSITIVE_INFINITY : phase.lastStep + 1,
  }));
}

function isZero(text: string, { family, zerosForNoText }: Checkpoint, rules: TextRules): boolean {
  if (text.trim() !== '') return false;
  return rules.zerosForNoText === 'checkpoint'
    ? zerosForNoText
    : rules.zerosForNoText === 'always' && family === 'sdxl';
}

/** What looks like a mistake in a picture's prompts, by the places as typed. */
function findingsOf(request: PromptRequest, rules: TextRules): PromptTexts['findings'] {
  const { prompt, negativePrompt, guided, positionOf = at => at } = request;
  const found = findMistakes(prompt, rules, 'prompt', asTyped(request));
  return {
    prompt: found.map(finding => ({ ...finding, position: positionOf(finding.position) })),
    negativePrompt: guided ? findMistakes(negativePrompt, rules, 'negative prompt') : [],
  };
}

const paddedText =
  'prompts of a batch differ so much in length that shorter ones are filled up with empty text, which changes them a little';

/** Opens the text encoders of a checkpoint when they are first needed. */
export function openTextEncoder(checkpoint: Checkpoint, options: SessionOptions): TextEncoder {
  const encoder = openChunkEncoder(checkpoint, options);

  const encodeChunks = async (
    chunks: readonly (readonly TokenChunk[])[],
    choice: EncoderChoice,
  ): Promise<TextChunks> => {
    const states: TextChunks[number][] = [];
    for (const chunk of chunks)
      states.push({ ...(await encoder.encode(chunk, choice)), weights: chunk.map(({ weights }) => weights) });
    return states;
  };

  /** The texts that one prompt has over the steps; shorter ones end with the empty text, as in A1111. */
  const encodeGroup = async (
    texts: readonly string[],
    loras: LoraSet,
    rules: TextRules,
  ): Promise<EncodedText[]> => {
    const choice = choiceOf(loras, rules);
    const uses = encoder.uses(choice);
    const reads = new Map([...new Set(texts)].map(text => [text, readText(uses, text, rules)]));
    const count = Math.max(...[...reads.values()].map(({ chunks }) => chunks.length));
    const none = uses.map(({ part }) => emptyChunk(part.tokenizer));
    const encoded = new Map<string, TextChunks>();
    for (const [text, { chunks }] of reads) {
      const padded = [...chunks, ...Array.from({ length: count - chunks.length }, () => none)];
      encoded.set(text, await encodeChunks(padded, choice));
    }
    const group = texts.map(text => encoded.get(text) as TextChunks);
    const empty = rules.emphasis === 'comfy' ? await encoder.encode(none, choice) : group[0][0];
    return emphasize(rules.emphasis, group, empty).map((context, i) => ({
      ...{ context, pooled: group[i][0].pooled },
      truncated: reads.get(texts[i])?.truncated ?? '',
    }));
  };

  const encodePart = async (
    part: PromptPart,
    loras: LoraSet,
    rules: TextRules,
    characterOf: CharacterOf,
  ): Promise<ConditioningPart> => {
    const phases = phasesOf(part, rules, characterOf);
    const states = await encodeGroup(
      phases.map(phase => phase.text),
      loras,
      rules,
    );
    const schedule = phases
      .map(({ until }, i) => ({ until, state: states[i] }))
      .filter((_, i) => phases[i + 1]?.text !== phases[i].text);
    return { weight: part.weight, schedule };
  };

  const encodeParts = async (
    parts: readonly PromptPart[],
    loras: LoraSet,
    rules: TextRules,
    characterOf = characterAt,
  ): Promise<RawTexts> => {
    const encoded: ConditioningPart[] = [];
    for (const part of parts) encoded.push(await encodePart(part, loras, rules, characterOf));
    const truncated = statesOf(encoded).find(state => state.truncated !== '')?.truncated ?? '';
    return { parts: rules.syntax === 'a1111' ? evenParts(encoded) : encoded, truncated };
  };

  const encodeOne = async (request: PromptRequest, rules: TextRules) => {
    const { prompt, negativePrompt, guided, loras } = request;
    const positive = await encodeParts(partsIn(prompt, rules.syntax), loras, rules, asTyped(request));
    if (!guided) return { positive, negative: undefined };
    const own = rules.skipsLayersOf === 'prompt' ? { ...rules, clipSkip: 1 } : rules;
    const negative = await encodeParts([{ text: negativePrompt, weight: 1, position: 0 }], loras, own);
    if (!isZero(negativePrompt, checkpoint, rules)) return { positive, negative };
    return { positive, negative: { ...negative, parts: mapStates(negative.parts, zeroStates) } };
  };

  /** Brings all texts of a call to one length; `repeats` tells whether by repeating them. */
  const openLengthener = (all: readonly RawTexts[], rules: TextRules) => {
    const chunkTokens = checkpoint.textEncoder.tokenizer.maxTokens;
    const lengths = all.flatMap(({ parts }) => statesOf(parts).map(tokensOf));
    const multiple = commonMultiple(lengths);
    const repeats = multiple <= mostChunks * chunkTokens;
    const lengthen = async ({ parts }: RawTexts, loras: LoraSet): Promise<Conditioning> => {
      if (repeats)
        return { parts: mapStates(parts, one => withContext(one, repeatTokens(one.context, multiple))) };
      const [empty] = await encodeGroup([''], loras, rules);
      const longest = Math.max(...lengths);
      return { parts: mapStates(parts, one => padText(one, empty, longest)) };
    };
    return { repeats, lengthen };
  };

  const encodeAll = async (prompts: readonly PromptRequest[], rules: TextRules): Promise<PromptTexts[]> => {
    const findings = prompts.map(request => findingsOf(request, rules));
    const raw = [];
    for (const one of prompts) raw.push(await encodeOne(one, rules));
    const all = raw.flatMap(({ positive, negative }) => [positive, ...(negative ? [negative] : [])]);
    const { repeats, lengthen } = openLengthener(all, rules);
    const padded: PromptFinding[] = repeats ? [] : [{ position: 0, text: paddedText }];
    const texts: PromptTexts[] = [];
    for (const [i, { positive, negative }] of raw.entries()) {
      const { loras } = prompts[i];
      texts.push({
        positive: await lengthen(positive, loras),
        negative: negative && (await lengthen(negative, loras)),
        truncated: { prompt: positive.truncated, negativePrompt: negative?.truncated ?? '' },
        findings: { ...findings[i], prompt: [...findings[i].prompt, ...padded] },
      });
    }
    return texts;
  };

  return {
    async encode(prompts, rules) {
      try {
        return await encodeAll(prompts, rules);
      } finally {
        if (rules.rests) await encoder.release();
      }
    },
    release: encoder.release,
  };
}
