/** A small inpainting checkpoint in the Diffusers layout: hashed weights around the embedded model's text encoder. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shape } from '../../src/engine/index.ts';
import { floatTensorBytes, serializeSafetensors } from '../../src/files/index.ts';
import { readUnetConfig, readVaeConfig } from '../../src/models/checkpoint/config-files.ts';
import { unetShapes } from '../../src/models/index.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { temporaryFolder } from './pictures.ts';

const pocket = 'pretrained/pocket';

/** The embedded model's configuration with other numbers, and hashed weights for it. */
function writePart<Config>(
  base: string,
  part: 'unet' | 'vae',
  changes: Readonly<Record<string, unknown>>,
  shapesOf: (config: Config) => ReadonlyMap<string, Shape>,
  read: (folder: string) => Config,
): void {
  const folder = join(base, part);
  mkdirSync(folder);
  const own = JSON.parse(readFileSync(join(pocket, part, 'config.json'), 'utf8'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...own, ...changes }));
  const tensors = [...shapesOf(read(folder))].map(([name, shape]) => ({
    ...{ name, shape, dtype: 'float32' as const },
    bytes: floatTensorBytes({ shape, data: hashed(name, shape) }, 'float32'),
  }));
  writeFileSync(join(folder, 'diffusion_pytorch_model.safetensors'), serializeSafetensors(tensors));
}

/** Writes it; its UNet reads 9 channels: latents of 4, a mask, masked latents of 4. */
export function writeInpaintBase(): string {
  const base = join(temporaryFolder(), 'tiny-inpainting');
  for (const part of ['text_encoder', 'tokenizer', 'scheduler', 'model_index.json'])
    cpSync(join(pocket, part), join(base, part), { recursive: true });
  const unet = { in_channels: 9, out_channels: 4, block_out_channels: [32, 64], norm_num_groups: 16 };
  writePart(base, 'unet', unet, unetShapes, readUnetConfig);
  const vae = { latent_channels: 4, block_out_channels: [8, 8, 16, 16], norm_num_groups: 4 };
  writePart(base, 'vae', vae, vaeShapes, readVaeConfig);
  return base;
}
