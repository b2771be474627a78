/** @file An autoencoder alone in a file. Those of SD 1.x, SD 2.x and SDXL have the same shapes. */
import type { SafetensorsFile } from '../../files/index.ts';
import type { TableFacts } from './file-facts.ts';

const marks = ['decoder.mid.block_1.norm1.weight', 'decoder.mid_block.resnets.0.norm1.weight'];
const prefixes = ['', 'first_stage_model.', 'vae.'];
/** Parts that a VAE alone does not have. */
const others = /diffusion_model\.|\.attn2\.|cond_stage_model\.|conditioner\.|text_model\.|lora_/;

/** Channels of the latents → models with such. */
const byChannels: Readonly<Record<number, { family: string; families?: readonly string[] }>> = {
  4: { family: 'SD 1.x, SD 2.x or SDXL', families: ['SD 1.x', 'SD 2.x', 'SDXL'] },
  16: { family: 'Flux or SD 3', families: ['Flux', 'SD 3'] },
};

/** Undefined for what is no autoencoder, or more than one. */
export function vaeFacts({ tensors }: SafetensorsFile): TableFacts | undefined {
  const prefix = prefixes.find(start => marks.some(mark => tensors.has(start + mark)));
  if (prefix === undefined) return undefined;
  for (const name of tensors.keys()) if (others.test(name)) return undefined;
  const channels = tensors.get(`${prefix}decoder.conv_in.weight`)?.shape[1] ?? 0;
  const known = Object.hasOwn(byChannels, channels) ? byChannels[channels] : { family: 'unknown' };
  return { use: 'vae', kind: '', ...known, findings: [] };
}
