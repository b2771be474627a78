/** @file The model that metadata say a file is for. Tensors decide; this is shown where it says something else. */

type Metadata = Readonly<Record<string, string>>;

interface Row {
  readonly value: RegExp;
  readonly family: string;
}

/** First match wins: names of models begin like each other. */
const names: readonly Row[] = [
  { value: /^lora[-_]studio[-_]pocket/i, family: 'pocket' },
  { value: /refiner/i, family: 'SDXL refiner' },
  {
    value: /^(?:sdxl|stable-diffusion-xl|sd_xl|pony|illustrious|noobai|stabilityai\/stable-diffusion-xl)/i,
    family: 'SDXL',
  },
  { value: /^(?:sd_v2|sd2|sd 2|stable-diffusion-v2|stabilityai\/stable-diffusion-2)/i, family: 'SD 2.x' },
  { value: /^(?:sd_v1|sd_1|sd1|sd 1|stable-diffusion-v1|runwayml\/stable-diffusion-v1)/i, family: 'SD 1.x' },
  { value: /flux/i, family: 'Flux' },
  { value: /^(?:sd3|sd_3|sd 3|stable-diffusion-(?:v?3))/i, family: 'SD 3' },
  { value: /hunyuan/i, family: 'Hunyuan' },
  { value: /(?:^|[-_/ ])wan/i, family: 'Wan' },
  { value: /lumina/i, family: 'Lumina' },
  { value: /qwen/i, family: 'Qwen-Image' },
  { value: /chroma/i, family: 'Chroma' },
];

/** In the order of how far they are to be believed. */
const keys = ['ss_base_model_version', 'modelspec.architecture', 'baseModel', 'base_model'] as const;

const longest = 60;

/** The family by its name here; other words as they are written. */
export function familyByName(text: string): string {
  const value = text.trim();
  return names.find(row => row.value.test(value))?.family ?? value.slice(0, longest);
}

/** Undefined where metadata say nothing. */
export function claimedFamily(metadata: Metadata): string | undefined {
  for (const key of keys) {
    const value = Object.hasOwn(metadata, key) ? metadata[key].trim() : '';
    if (value !== '' && !/^(?:none|null|unknown|other)$/i.test(value)) return familyByName(value);
  }
  return /^true$/i.test(metadata.ss_v2 ?? '') ? 'SD 2.x' : undefined;
}
