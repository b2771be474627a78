/** @file Prompts to text states, with LoRAs on the text encoder; each text is encoded once with each set of LoRAs. */
import type { SessionOptions } from '../engine/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  openTextConditioner,
  type TextConditioner,
} from '../models/index.ts';
import { keepOne } from './keep-one.ts';
import type { LoraSet } from './lora-sets.ts';

/** More than any batch or grid needs; a server's cache must end somewhere. */
const keptTexts = 256;

export interface TextEncoder {
  encode(texts: readonly string[], loras: LoraSet): Promise<EncodedText[]>;
  release(): Promise<void>;
}

export function openTextEncoder(checkpoint: Checkpoint, options: SessionOptions): TextEncoder {
  const conditioners = keepOne<TextConditioner>();
  const known = new Map<string, EncodedText>();

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
    return openTextConditioner(base, options, loras.hooks);
  };

  const encodeOne = async (text: string, loras: LoraSet): Promise<EncodedText> => {
    const key = JSON.stringify([loras.key, text]);
    const state = known.get(key);
    if (state) return state;
    const conditioner = await conditioners.get(loras.sessionKey, () => open(loras));
    const encoded = await conditioner.encode(text, loras.feeds);
    const [oldest] = known.keys();
    if (known.size >= keptTexts && oldest !== undefined) known.delete(oldest);
    known.set(key, encoded);
    return encoded;
  };

  return {
    async encode(texts, loras) {
      const states: EncodedText[] = [];
      for (const text of texts) states.push(await encodeOne(text, loras));
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
