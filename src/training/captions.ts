/** @file What is made of captions for the steps that see them: text states, or tokens for encoders that are trained. */
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { latentCache } from '../dataset/index.ts';
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
import { textFingerprint } from './fingerprint.ts';
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

/** The encoders of a checkpoint that some of the layers belong to, or that learn new words. */
export function trainedEncoders(source: TextSource, layers: readonly TrainedLayer[]): EncoderUse[] {
  return encoderUses(source).filter(
    ({ name, part }) =>
      part.tokenizer.newIds !== undefined || layers.some(({ target }) => target.startsWith(`${name}.`)),
  );
}

/** Captions for the steps that see them. */
export interface CaptionTexts {
  /** How many tokens the UNet reads of every caption. */
  readonly tokens: number;
  /** What a step is fed of each of these captions; those that were not seen before are read now. */
  get(captions: readonly string[]): Promise<readonly CaptionText[]>;
  release(): Promise<void>;
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
export const mostChunks = 3;

interface ReadText {
  readonly states: EncodedText | undefined;
  readonly tokens: ReadonlyMap<TextPartName, TokenizedText>;
}

const chunksIn = ({ tokens }: ReadText): number =>
  Math.max(...[...tokens.values()].map(t => t.chunks.length));

/** A step's graph has one length of text: shorter captions end with the empty one. */
function padderTo(
  count: number,
  empty: ReadText,
  trained: readonly EncoderUse[],
): (text: ReadText) => CaptionText {
  return ({ states, tokens }) => {
    const tokensOfOne = (states?.context.shape[1] ?? 0) / chunksIn({ states, tokens });
    const padded = states && padText(states, empty.states as EncodedText, count * tokensOfOne);
    const ids = trained.map(({ name }) => {
      const [own, none] = [tokens, empty.tokens].map(all => all.get(name) as TokenizedText);
      return [name, padChunks(own, none, count)] as const;
    });
    return { ...padded, ...(ids.length > 0 ? { tokens: new Map(ids) } : {}) };
  };
}

export interface TextOptions extends PrepareOptions {
  /** Captions that steps may see besides those that are read before the first one: variations of them, at their longest. */
  readonly longest?: readonly string[];
}

/** Captions that were met on the way are kept, the newest so many. */
const mostKept = 512;

/** States on disk: [1, tokens, width], and the pooled text beside. */
function openStateCache({ checkpoint, cacheFolder }: TextOptions, without: ReadonlySet<TextPartName>) {
  if (cacheFolder === undefined) return undefined;
  const cache = latentCache(join(cacheFolder, 'texts'));
  let encoders: string | undefined;
  const keyOf = (caption: string, what: string): string => {
    encoders ??= textFingerprint(checkpoint, without);
    return createHash('sha256')
      .update(JSON.stringify(['text', 1, encoders, caption, what]))
      .digest('hex');
  };
  const hasPooled = checkpoint.textEncoder2 !== undefined && !without.has('text_encoder_2');
  return {
    async get(caption: string): Promise<Omit<EncodedText, 'truncated'> | undefined> {
      const context = await cache.get(keyOf(caption, 'context'));
      const pooled = hasPooled ? await cache.get(keyOf(caption, 'pooled')) : undefined;
      return context && (pooled || !hasPooled) ? { context, pooled } : undefined;
    },
    async put(caption: string, { context, pooled }: EncodedText): Promise<void> {
      // A cache that cannot be written only costs time; latents have warned of it already.
      await cache.put(keyOf(caption, 'context'), context).catch(() => undefined);
      if (pooled) await cache.put(keyOf(caption, 'pooled'), pooled).catch(() => undefined);
    },
  };
}

/** Reads captions one by one; opens the encoders when the first one is not in the cache. */
function openReader(options: TextOptions, trained: readonly EncoderUse[]) {
  const { checkpoint, session, signal, onWarning } = options;
  const uses = encoderUses(checkpoint);
  const without = new Set(trained.map(({ name }) => name));
  const cache = openStateCache(options, without);
  let conditioner: TextConditioner | undefined;
  const encode = async (caption: string): Promise<Omit<EncodedText, 'truncated'>> => {
    const kept = await cache?.get(caption);
    if (kept) return kept;
    conditioner ??= await openTextConditioner(checkpoint, session, () => ({}), without);
    const states = await conditioner.encode(caption, { mostChunks });
    checkText(states, checkpoint);
    await cache?.put(caption, states);
    return states;
  };
  return {
    async read(caption: string): Promise<ReadText> {
      signal?.throwIfAborted();
      const { tokens, truncated } = tokenizeText(uses, caption, mostChunks);
      const states = without.size < uses.length ? { ...(await encode(caption)), truncated } : undefined;
      if (truncated.trim() !== '') {
        const message = `caption "${caption.slice(0, 60)}…" is too long: "${truncated.trim()}" is not read`;
        onWarning?.({ code: 'CAPTION_TRUNCATED', message });
      }
      return { states, tokens };
    },
    async close(): Promise<void> {
      await conditioner?.release();
      conditioner = undefined;
    },
  };
}

/**
 * Opens the captions of a run. Encoders that no layer belongs to read each of `captions` once, here, and what steps see
 * besides when it comes; the others read them in every step. Always holds the empty caption, which dropout needs.
 */
export async function openCaptionTexts(
  captions: readonly string[],
  options: TextOptions,
  layers: readonly TrainedLayer[] = [],
): Promise<CaptionTexts> {
  const trained = trainedEncoders(options.checkpoint, layers);
  const uses = encoderUses(options.checkpoint);
  const reader = openReader(options, trained);
  const first = [...new Set(['', ...captions])];
  const read = new Map<string, ReadText>();
  try {
    for (const caption of first) {
      read.set(caption, await reader.read(caption));
      options.onCount?.('captions', read.size, first.length);
    }
  } finally {
    await reader.close();
  }
  const longest = (options.longest ?? []).map(caption => ({
    tokens: tokenizeText(uses, caption, mostChunks).tokens,
    states: undefined,
  }));
  const count = Math.max(...[...read.values(), ...longest].map(chunksIn));
  const pad = padderTo(count, read.get('') as ReadText, trained);
  const texts = new Map([...read].map(([caption, text]) => [caption, pad(text)]));
  return withLater(
    texts,
    async caption => pad(await reader.read(caption)),
    () => reader.close(),
  );
}

/** Known texts, and those that `readLater` makes of other captions. */
function withLater(
  known: ReadonlyMap<string, CaptionText>,
  readLater: (caption: string) => Promise<CaptionText>,
  release: () => Promise<void>,
): CaptionTexts {
  const later = new Map<string, CaptionText>();
  const textOf = async (caption: string): Promise<CaptionText> => {
    const text = known.get(caption) ?? later.get(caption) ?? (await readLater(caption));
    if (known.has(caption)) return text;
    later.delete(caption);
    later.set(caption, text);
    if (later.size > mostKept) later.delete(later.keys().next().value as string);
    return text;
  };
  return {
    tokens: tokensOf(known.get('') as CaptionText),
    async get(captions) {
      const texts: CaptionText[] = [];
      for (const caption of captions) texts.push(await textOf(caption));
      return texts;
    },
    release,
  };
}
