/**
 * @file Embeddings of new words beside a LoRA (textual inversion, pivotal tuning): `bundle_emb.<word>.clip_l` and for
 * SDXL's second encoder `.clip_g`, as OneTrainer writes them and A1111, Forge and ComfyUI read them. [vectors, width]
 */
import { readTensor, type SafetensorsFile } from '../../files/index.ts';
import type { LoraEmbedding } from '../kinds/module.ts';
import type { LoraBase } from './base.ts';
import type { Skipped } from './group.ts';

type TextPart = keyof LoraEmbedding['vectors'];

const partOf: Readonly<Record<string, TextPart>> = {
  clip_l: 'text_encoder',
  clip_h: 'text_encoder',
  clip_g: 'text_encoder_2',
};
const encoderOf: Readonly<Record<TextPart, string>> = { text_encoder: 'clip_l', text_encoder_2: 'clip_g' };

const bundled = /^bundle_emb\.(.+)\.(clip_[lgh])$/s;

export const embeddingKey = (word: string, part: TextPart): string => `bundle_emb.${word}.${encoderOf[part]}`;

/** Width of a text encoder's states, told by its first attention layer. */
function widthOf({ layers }: LoraBase, part: TextPart): number | undefined {
  const isAttention = new RegExp(`^${part}\\..*self_attn\\.q_proj$`);
  return layers.find(({ target }) => isAttention.test(target))?.shape[1];
}

export interface ReadEmbeddings {
  readonly embeddings: readonly LoraEmbedding[];
  /** Keys that are used. */
  readonly used: ReadonlySet<string>;
  readonly skipped: readonly Skipped[];
}

/** Reads the embeddings of a file that fit the text encoders of a base. */
export function readEmbeddings(files: readonly SafetensorsFile[], base: LoraBase): ReadEmbeddings {
  const words = new Map<string, LoraEmbedding['vectors']>();
  const used = new Set<string>();
  const skipped: Skipped[] = [];
  for (const file of files) {
    for (const key of file.tensors.keys()) {
      const [, word, encoder] = bundled.exec(key) ?? [];
      if (word === undefined) continue;
      const part = partOf[encoder];
      const { shape, data } = readTensor(file, key);
      const width = widthOf(base, part);
      if (width === undefined || shape.length !== 2 || shape[1] !== width || shape[0] === 0) {
        const why = width === undefined ? `the base has no ${part}` : `the base reads [vectors, ${width}]`;
        skipped.push({ key, reason: `an embedding of shape [${shape}]; ${why}` });
        continue;
      }
      used.add(key);
      words.set(word, { ...words.get(word), [part]: { shape, data: data.slice() } });
    }
  }
  return { embeddings: [...words].map(([word, vectors]) => ({ word, vectors })), used, skipped };
}
