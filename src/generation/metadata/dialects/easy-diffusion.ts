/** @file Easy Diffusion: a chunk a field (PNG), or one JSON (Exif comment); keys of its API, or those of its page. */
import type { Candidates } from '../found-settings.ts';
import { asList, asText, entryOf, type JsonObject, leftOver } from '../json-values.ts';

/** What its page calls the fields of its API. */
const pageNames: Readonly<Record<string, string>> = {
  Prompt: 'prompt',
  'Negative Prompt': 'negative_prompt',
  Seed: 'seed',
  'Stable Diffusion model': 'use_stable_diffusion_model',
  'Clip Skip': 'clip_skip',
  'VAE model': 'use_vae_model',
  Sampler: 'sampler_name',
  Width: 'width',
  Height: 'height',
  Steps: 'num_inference_steps',
  'Guidance Scale': 'guidance_scale',
  'LoRA model': 'use_lora_model',
  'LoRA alpha': 'lora_alpha',
  'Prompt Strength': 'prompt_strength',
};
const taken = new Set(Object.values(pageNames));

export const isEasyDiffusion = (json: JsonObject): boolean =>
  (json.negative_prompt !== undefined && json.use_stable_diffusion_model !== undefined) ||
  json['Negative Prompt'] !== undefined;

const fileName = (value: unknown): string | undefined =>
  asText(value)
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\.(?:safetensors|ckpt)$/i, '') || undefined;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? asList(value) : [value]);

export function readEasyDiffusion(given: JsonObject): Candidates {
  const json = Object.fromEntries(
    Object.entries(given).map(([key, value]) => [entryOf(pageNames, key) ?? key, value]),
  );
  const strengths = listOf(json.lora_alpha);
  const loras = listOf(json.use_lora_model).flatMap((lora, i) => {
    const name = fileName(lora);
    return name === undefined || name === 'None'
      ? []
      : [{ name, strength: strengths[i] ?? 1, inPrompt: false }];
  });
  const [model, vae] = [fileName(json.use_stable_diffusion_model), fileName(json.use_vae_model)];
  const values = {
    ...{ prompt: json.prompt, negativePrompt: json.negative_prompt, seed: json.seed },
    ...{ steps: json.num_inference_steps, guidance: json.guidance_scale, sampler: json.sampler_name },
    ...{ width: json.width, height: json.height, scheduler: 'Automatic', denoising: json.prompt_strength },
    // A switch: the last layer but one.
    clipSkip: /^true$/i.test(String(json.clip_skip)) ? 2 : 1,
    model: model === undefined ? undefined : { name: model },
    vae: vae === undefined || vae === 'None' ? undefined : { name: vae },
    loras: loras.length > 0 ? loras : undefined,
    ...{ noise: 'cpu', preset: 'diffusers' },
  };
  return { values, other: leftOver(json, taken), findings: [] };
}
