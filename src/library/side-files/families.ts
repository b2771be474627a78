/** @file What sites and programs call the families, in the words that are used here. */

/** The first that fits; models that are trained further on SDXL keep its shape. */
const known: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^(sd|stable[- ]?diffusion)?[-_ v]*1([._]\d)?\b/i, 'SD 1.x'],
  [/^(sd|stable[- ]?diffusion)[-_ v]*2([._]\d)?\b/i, 'SD 2.x'],
  [/^(sdxl|sd[-_ ]?xl|stable[- ]?diffusion[- ]?(v1[- ]?)?xl|pony|illustrious|noobai|noob ai)\b/i, 'SDXL'],
];

const saysNothing = /^(unknown|other|none|n\/a|any)?$/i;

/** `SDXL 1.0` → `SDXL`; a model that is none of ours keeps its name; undefined where nothing is said. */
export function claimedFamily(claim: string | undefined): string | undefined {
  const text = claim?.trim() ?? '';
  if (saysNothing.test(text)) return undefined;
  return known.find(([pattern]) => pattern.test(text))?.[1] ?? text.slice(0, 100);
}

/** The words that A1111 offers. */
export const a1111Families: Readonly<Record<string, string>> = {
  'SD 1.x': 'SD1',
  'SD 2.x': 'SD2',
  SDXL: 'SDXL',
};

/** The words that Civitai and LoRA-Manager have. */
export const civitaiFamilies: Readonly<Record<string, string>> = {
  'SD 1.x': 'SD 1.5',
  'SD 2.x': 'SD 2.1',
  SDXL: 'SDXL 1.0',
};
