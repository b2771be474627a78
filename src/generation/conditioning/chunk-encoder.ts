/** @file Chunks through the text encoders of a checkpoint with LoRAs on them; each is read once with each set of LoRAs. */
import { isAllFinite, type SessionOptions } from '../../engine/index.ts';
import {
  type Checkpoint,
  type ChunkStates,
  type EncoderUse,
  encoderUses,
  type LayerChoice,
  openTextConditioner,
  type TextConditioner,
  withNewWords,
} from '../../models/index.ts';
import { keepSome } from '../keep-some.ts';
import type { LoraSet } from '../lora-sets.ts';
import { notFinite } from '../not-finite.ts';
import type { TokenChunk } from './chunks.ts';

/** More than any batch or grid needs; a server's cache must end somewhere. */
const keptChunks = 256;

/** A set of LoRAs, and the layer that is read. */
export interface EncoderChoice {
  readonly loras: LoraSet;
  readonly layers: LayerChoice;
}

export interface ChunkEncoder {
  /** The encoders, with tokenizers that know the words of the LoRAs. Throws CLIP_SKIP_INVALID. */
  uses(choice: EncoderChoice): EncoderUse[];
  /** Throws PICTURE_NOT_FINITE. @param chunk for each encoder */
  encode(chunk: readonly TokenChunk[], choice: EncoderChoice): Promise<ChunkStates>;
  /** Frees the memory of the encoders; they are opened again for the next chunk that is not known. */
  release(): Promise<void>;
}

/** Opens the encoders when a chunk is not known from before. */
export function openChunkEncoder(checkpoint: Checkpoint, options: SessionOptions): ChunkEncoder {
  const conditioners = keepSome<TextConditioner>(1);
  const known = new Map<string, ChunkStates>();
  const knowingWords = new WeakMap<LoraSet, Checkpoint>();

  /** Making tokenizers takes time, and every part of every prompt asks for them. */
  const knowing = (loras: LoraSet): Checkpoint => {
    if (loras.words.length === 0) return checkpoint;
    const known = knowingWords.get(loras) ?? withNewWords(checkpoint, loras.words);
    knowingWords.set(loras, known);
    return known;
  };

  const open = ({ loras, layers }: EncoderChoice): Promise<TextConditioner> => {
    const source = knowing(loras);
    const part = <P extends typeof source.textEncoder>(name: string, value: P): P => ({
      ...value,
      weights: loras.weights(name, value.weights),
    });
    const base = {
      ...source,
      textEncoder: part('text_encoder', source.textEncoder),
      textEncoder2: source.textEncoder2 && part('text_encoder_2', source.textEncoder2),
    };
    return openTextConditioner(base, options, loras.hooks, new Set(), layers);
  };

  return {
    uses: ({ loras, layers }) => encoderUses(knowing(loras), layers),
    async encode(chunk, choice) {
      const { loras, layers } = choice;
      const ids = chunk.map(one => one.ids);
      const key = JSON.stringify([loras.key, layers, ids]);
      const states = known.get(key);
      if (states) return states;
      const session = JSON.stringify([loras.sessionKey, layers]);
      const conditioner = await conditioners.get(session, () => open(choice));
      const encoded = await conditioner.encodeChunk(ids, loras.feeds);
      const tensors = [...encoded.states, ...(encoded.pooled ? [encoded.pooled] : [])];
      if (!tensors.every(({ data }) => isAllFinite(data))) throw notFinite('the text encoder gave NaN');
      const [oldest] = known.keys();
      if (known.size >= keptChunks && oldest !== undefined) known.delete(oldest);
      known.set(key, encoded);
      return encoded;
    },
    release: conditioners.release,
  };
}
