/** @file model_index.json: which classes the parts of a checkpoint are of. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badConfig, readConfig } from './read-config.ts';

const tokenizers = ['CLIPTokenizer', 'CLIPTokenizerFast'];

/** Classes that a part may be of. Parts that nothing here needs (safety checker, image encoder) may be any. */
const partClasses: Readonly<Record<string, readonly string[]>> = {
  unet: ['UNet2DConditionModel'],
  vae: ['AutoencoderKL'],
  text_encoder: ['CLIPTextModel', 'CLIPTextModelWithProjection'],
  text_encoder_2: ['CLIPTextModelWithProjection'],
  tokenizer: tokenizers,
  tokenizer_2: tokenizers,
};

const schema = z.record(z.string(), z.unknown());
const partSchema = z.tuple([z.string(), z.string()]);

/** Throws CHECKPOINT_BAD_CONFIG when the folder is of another kind of model. A folder without the file is believed. */
export function checkModelIndex(folder: string): void {
  const path = join(folder, 'model_index.json');
  if (!existsSync(path)) return;
  const index = readConfig(path, schema, { requires_aesthetics_score: [null, false] });
  const hint = 'Supported are Stable Diffusion 1.x, 2.x and SDXL.';
  const pipeline = typeof index._class_name === 'string' ? ` (${index._class_name})` : '';
  if (!Object.hasOwn(index, 'unet')) throw badConfig(path, `the model${pipeline} has no unet`, hint);
  for (const [part, classes] of Object.entries(partClasses)) {
    if (!Object.hasOwn(index, part)) continue;
    const name = partSchema.safeParse(index[part]).data?.[1];
    if (name !== undefined && classes.includes(name)) continue;
    const why = `${part} is ${JSON.stringify(index[part])}, must be ${classes.join(' or ')}`;
    throw badConfig(path, why + pipeline, hint);
  }
}

const zerosSchema = z.object({ force_zeros_for_empty_prompt: z.boolean().default(true) });

/** SDXL's `force_zeros_for_empty_prompt`, which is true where nothing is said (StableDiffusionXLPipeline). */
export function readZerosForNoText(folder: string): boolean {
  const path = join(folder, 'model_index.json');
  return !existsSync(path) || readConfig(path, zerosSchema).force_zeros_for_empty_prompt;
}
