/** @file What is made of the captions once before the first step: text states, or tokens for encoders that are trained. */
import { dirname } from 'node:path';
import type { TrainingItem } from '../dataset/index.ts';
import type { Tensor } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import type { TrainedLayer } from '../lora/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  type EncoderUse,
  encoderUses,
  openTextConditioner,
  padChunks,
  padText,
  type TextConditioner,
  type TextPartName,
  type TextSource,
  type TokenizedText,
  tokenizeText,
} from '../models/index.ts';
import type { PrepareOptions } from './prepare.ts';

/** What a step is fed of a caption. */
export interface CaptionText {
  /** States of the encoders that are not trained, side by side; undefined when all are. [1, tokens, width] */
  readonly context?: Tensor | undefined;
  /** SDXL only, unless its second encoder is trained. [1, projection] */
  readonly pooled?: Tensor | undefined;
  /** Ids for the encoders that are trained. */
  readonly tokens?: ReadonlyMap<TextPartName, TokenizedText> | undefined;
}

/** The encoders of a checkpoint that some of the layers belong to. */
export function trainedEncoders(source: TextSource, layers: readonly TrainedLayer[]): EncoderUse[] {
  return encoderUses(source).filter(({ name }) => layers.some(({ target }) => target.startsWith(`${name}.`)));
}

/** How many tokens the UNet reads of a caption. */
export function tokensOf({ context, tokens }: CaptionText): number {
  const [first] = tokens?.values() ?? [];
  return context?.shape[1] ?? first?.chunks.flat().length ?? 0;
}

function checkText({ context }: EncodedText, checkpoint: Checkpoint): void {
  const at = context.data.findIndex(x => !Number.isFinite(x));
  if (at < 0) return;
  const folder = dirname(checkpoint.textEncoder.files[0] ?? checkpoint.path);
  const message = `${folder}: the text encoder gives ${context.data[at]}`;
  throw badInput('TEXT_STATES_NOT_FINITE', message, 'The checkpoint is damaged; fetch it again.');
}

/** sd-scripts' longest `max_token_length`, 225 tokens. */
const mostChunks = 3;

interface ReadText {
  readonly states: EncodedText | undefined;
  readonly tokens: ReadonlyMap<TextPartName, TokenizedText>;
}

const chunksIn = ({ tokens }: ReadText): number =>
  Math.max(...[...tokens.values()].map(t => t.chunks.length));

/** A step's graph has one length of text: shorter captions end with the empty one. */
function padAll(
  texts: ReadonlyMap<string, ReadText>,
  trained: readonly EncoderUse[],
): Map<string, CaptionText> {
  const count = Math.max(...[...texts.values()].map(chunksIn));
  const empty = texts.get('') as ReadText;
  const pad = ({ states, tokens }: ReadText): CaptionText => {
    const tokensOfOne = (states?.context.shape[1] ?? 0) / chunksIn({ states, tokens });
    const padded = states && padText(states, empty.states as EncodedText, count * tokensOfOne);
    const ids = trained.map(({ name }) => {
      const [own, none] = [tokens, empty.tokens].map(all => all.get(name) as TokenizedText);
      return [name, padChunks(own, none, count)] as const;
    });
    return { ...padded, ...(ids.length > 0 ? { tokens: new Map(ids) } : {}) };
  };
  return new Map([...texts].map(([caption, text]) => [caption, pad(text)]));
}

/**
 * What a step is fed of each caption, and of the empty one, which dropout needs. Encoders that no layer belongs to read
 * each caption once, here; the others read it in every step.
 */
export async function encodeCaptions(
  items: readonly Pick<TrainingItem, 'caption'>[],
  { checkpoint, session, signal, onCount, onWarning }: PrepareOptions,
  layers: readonly TrainedLayer[] = [],
): Promise<Map<string, CaptionText>> {
  const uses = encoderUses(checkpoint);
  const trained = trainedEncoders(checkpoint, layers);
  const without = new Set(trained.map(({ name }) => name));
  const conditioner: TextConditioner | undefined =
    without.size < uses.length
      ? await openTextConditioner(checkpoint, session, () => ({}), without)
      : undefined;
  const captions = [...new Set(['', ...items.map(item => item.caption)])];
  const texts = new Map<string, ReadText>();
  try {
    for (const caption of captions) {
      signal?.throwIfAborted();
      const { tokens, truncated } = tokenizeText(uses, caption, mostChunks);
      const states = await conditioner?.encode(caption, { mostChunks });
      if (states) checkText(states, checkpoint);
      if (truncated.trim() !== '') {
        const message = `caption "${caption.slice(0, 60)}…" is too long: "${truncated.trim()}" is not read`;
        onWarning?.({ code: 'CAPTION_TRUNCATED', message });
      }
      texts.set(caption, { states, tokens });
      onCount?.('captions', texts.size, captions.length);
    }
  } finally {
    await conditioner?.release();
  }
  return padAll(texts, trained);
}
