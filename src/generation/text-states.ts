/** @file Prompts to text states, with LoRAs on the text encoder; each text is encoded once with each set of LoRAs. */
import type { SessionOptions } from '../engine/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  openTextConditioner,
  padText,
  parameterCount,
  type TextConditioner,
  withNewWords,
} from '../models/index.ts';
import { keepOne } from './keep-one.ts';
import type { LoraSet } from './lora-sets.ts';

/** 1,200 tokens of a prompt are read; a longer one is said to be cut. */
const mostChunks = 16;

/** Text encoders of more parameters are closed after every call: the UNet needs the memory, and opening takes a second. */
const keptParameters = 50_000_000;

/** More than any batch or grid needs; a server's cache must end somewhere. */
const keptTexts = 256;

export interface TextEncoder {
  /** States of the same length for all texts: shorter ones end with those of the empty text. */
  encode(texts: readonly string[], loras: LoraSet): Promise<EncodedText[]>;
  release(): Promise<void>;
}

export function openTextEncoder(checkpoint: Checkpoint, options: SessionOptions): TextEncoder {
  const conditioners = keepOne<TextConditioner>();
  const known = new Map<string, EncodedText>();
  const parts = [checkpoint.textEncoder, ...(checkpoint.textEncoder2 ? [checkpoint.textEncoder2] : [])];
  const isLarge = parts.reduce((sum, { weights }) => sum + parameterCount(weights), 0) > keptParameters;

  const open = (loras: LoraSet): Promise<TextConditioner> => {
    const { textEncoder, textEncoder2 } = checkpoint;
    const part = <P extends typeof textEncoder>(name: string, value: P): P => ({
      ...value,
      weights: loras.weights(name, value.weights),
    });
    const base = {
      ...checkpoint,
      textEncoder: part('text_encoder', textEncoder),
      textEncoder2: textEncoder2 && part('text_encoder_2', textEncoder2),
    };
    const knowing = loras.words.length > 0 ? withNewWords(base, loras.words) : base;
    return openTextConditioner(knowing, options, loras.hooks);
  };

  const encodeOne = async (text: string, loras: LoraSet): Promise<EncodedText> => {
    const key = JSON.stringify([loras.key, text]);
    const state = known.get(key);
    if (state) return state;
    const conditioner = await conditioners.get(loras.sessionKey, () => open(loras));
    const encoded = await conditioner.encode(text, { mostChunks, others: loras.feeds });
    const [oldest] = known.keys();
    if (known.size >= keptTexts && oldest !== undefined) known.delete(oldest);
    known.set(key, encoded);
    return encoded;
  };

  const encodeAll = async (texts: readonly string[], loras: LoraSet): Promise<EncodedText[]> => {
    const states: EncodedText[] = [];
    for (const text of texts) states.push(await encodeOne(text, loras));
    const lengths = states.map(({ context }) => context.shape[1]);
    const longest = Math.max(...lengths);
    if (lengths.every(length => length === longest)) return states;
    const empty = await encodeOne('', loras);
    return states.map(state => padText(state, empty, longest));
  };

  return {
    async encode(texts, loras) {
      const states = await encodeAll(texts, loras);
      if (isLarge) await conditioners.release();
      return states;
    },
    release: conditioners.release,
  };
}

/** SDXL was trained with zeros for no text; A1111 and diffusers give it zeros for an empty negative prompt. */
export function zeroStates({ context, pooled, truncated }: EncodedText): EncodedText {
  const zeros = ({ shape, data }: EncodedText['context']) => ({ shape, data: new Float32Array(data.length) });
  return { context: zeros(context), pooled: pooled && zeros(pooled), truncated };
}
