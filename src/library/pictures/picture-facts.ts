/** @file What a picture of the history says of itself, as far as lists and searches need it. */
import { readFile } from 'node:fs/promises';
import { readHeader } from '../../dataset/index.ts';
import { LoraError } from '../../errors.ts';
import { namedLoras, type PictureText, readPictureText } from '../../generation/index.ts';

export interface NamedLora {
  readonly name: string;
  readonly strength: number;
  readonly hash?: string | undefined;
}

export interface PictureFacts {
  readonly width: number;
  readonly height: number;
  readonly prompt: string;
  readonly negativePrompt: string;
  /** As text: JSON holds no 64 bits. */
  readonly seed: string;
  readonly model: string;
  readonly loras: readonly NamedLora[];
}

/** Beside the prompt and of tags in it. */
export function lorasOf(text: PictureText): NamedLora[] {
  const found = text.settings.loras ?? [];
  if (!text.record) return found.map(({ name, strength, hash }) => ({ name, strength, hash }));
  const beside = text.record.settings.loras.map(({ name, strength, hash }) => ({ name, strength, hash }));
  const { tagged } = namedLoras(text);
  return [
    ...beside,
    ...tagged.map(({ name, hash }) => ({
      ...{ name, hash },
      strength: found.find(lora => lora.inPrompt && lora.name === name)?.strength ?? 1,
    })),
  ];
}

export function factsOfText(text: PictureText): Omit<PictureFacts, 'width' | 'height'> {
  const { record, settings } = text;
  const { prompt, negativePrompt, seed, model } = record?.settings ?? settings;
  return {
    ...{ prompt: prompt ?? '', negativePrompt: negativePrompt ?? '' },
    ...{ seed: seed === undefined ? '' : String(seed), model: model?.name ?? '', loras: lorasOf(text) },
  };
}

const nothingSaid = { prompt: '', negativePrompt: '', seed: '', model: '', loras: [] };

/** Reads a picture file; undefined for what is no picture. */
export async function readPictureFacts(path: string): Promise<PictureFacts | undefined> {
  try {
    const bytes = await readFile(path);
    const { width, height } = await readHeader(bytes);
    const said = await readPictureText(bytes).then(factsOfText, (error: unknown) => {
      if (error instanceof LoraError) return nothingSaid;
      throw error;
    });
    return { width, height, ...said };
  } catch {
    return undefined;
  }
}
