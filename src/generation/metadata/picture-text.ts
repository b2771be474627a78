/** @file What is written into a picture: A1111's fields in A1111's order, with hashes that find the files again. */
import type { SamplerChoice } from '../../diffusion/index.ts';
import { hashFile, hashTensorData } from '../../files/index.ts';
import { mainFile } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { version } from '../../version.ts';
import { writeInfotext } from './infotext.ts';

export interface MentionedLora {
  /** As the prompt mentions it, or the file's name. */
  readonly name: string;
  readonly path: string;
  readonly strength: number;
  readonly textStrength?: number | undefined;
  /** Block weights as they were written. */
  readonly blocksText?: string | undefined;
  /** Given beside the prompt, so that the text needs a tag of it. */
  readonly isOption: boolean;
}

export interface PictureSettings {
  readonly checkpoint: Checkpoint;
  /** As it was typed, tags included. */
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly loras: readonly MentionedLora[];
  readonly sampler: SamplerChoice;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
}

/** First 10 digits of the file's sha256; left out for checkpoints of gigabytes, which would cost more than a picture. */
async function modelHash({ family, unet }: Checkpoint): Promise<string | undefined> {
  return family === 'pocket' ? (await hashFile(unet.files[0])).slice(0, 10) : undefined;
}

/** `name: first 12 digits of the hash of the tensor data`, as the Lora extension of A1111 writes them. */
async function loraHashes(loras: readonly MentionedLora[]): Promise<string | undefined> {
  const hashes = new Map<string, string>();
  for (const { name, path } of loras)
    hashes.set(name.replace(/[:,]/g, ''), (await hashTensorData(mainFile(path))).slice(0, 12));
  return hashes.size > 0 ? [...hashes].map(([name, hash]) => `${name}: ${hash}`).join(', ') : undefined;
}

/** The tag that asks for the same: text encoder first, as A1111 has it. */
function tagOf({ name, strength, textStrength = strength, blocksText }: MentionedLora): string {
  const strengths = textStrength === strength ? `${strength}` : `${textStrength}:${strength}`;
  return `<lora:${name}:${strengths}${blocksText === undefined ? '' : `:lbw=${blocksText}`}>`;
}

/** Hashes once; the function it returns writes the text of the picture with a seed. */
export async function openPictureText(settings: PictureSettings): Promise<(seed: number | bigint) => string> {
  const { checkpoint, sampler, loras, width, height } = settings;
  const tags = loras.filter(({ isOption }) => isOption).map(tagOf);
  const [hash, hashes] = await Promise.all([modelHash(checkpoint), loraHashes(loras)]);
  return seed =>
    writeInfotext({
      prompt: [settings.prompt, ...tags].join(' ').trim(),
      negativePrompt: settings.negativePrompt,
      fields: {
        Steps: settings.steps,
        Sampler: sampler.samplerLabel,
        'Schedule type': sampler.schedulerLabel,
        'CFG scale': settings.guidance,
        Seed: String(seed),
        Size: `${width}x${height}`,
        'Model hash': hash,
        Model: checkpoint.name,
        'Conditional mask weight': checkpoint.variant === 'inpaint' ? '1.0' : undefined,
        RNG: 'CPU',
        'Lora hashes': hashes,
        Version: `lora-studio ${version}`,
      },
    });
}
