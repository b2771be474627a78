/** @file Which models a LoRA was made for: told by the sizes and the places of its modules, not by what a file says. */
import type { Shape } from '../../engine/index.ts';
import type { Family } from '../../models/index.ts';

/** What a module tells: its Diffusers path with the part in front, and the shape of its layer where that is known. */
export interface Place {
  readonly target: string;
  readonly shape: Shape | undefined;
}

export interface FamilyGuess {
  /** As people say it: `SDXL`, or `SD 1.x or SD 2.x` where nothing tells them apart. */
  readonly name: string;
  /** The families that it may be; none where it is another model. */
  readonly families: readonly Family[];
  /** The tensors that tell. */
  readonly because: string;
  /** Where it was told by the width of the text states. */
  readonly textWidth?: number;
}

const familyNames: Readonly<Record<Family, string>> = {
  sd15: 'SD 1.x',
  sd2: 'SD 2.x',
  sdxl: 'SDXL',
  pocket: 'pocket',
};
export const familyName = (family: Family): string => familyNames[family];

/** The family that people call so. */
export const familyNamed = (name: string): Family | undefined =>
  (Object.keys(familyNames) as Family[]).find(family => familyNames[family] === name);

/** Width of the text states that cross-attention reads. */
const textWidths: ReadonlyMap<number, Family | string> = new Map<number, Family | string>([
  [768, 'sd15'],
  [1024, 'sd2'],
  [2048, 'sdxl'],
  [128, 'pocket'],
  [1280, 'SDXL refiner'],
]);

function guess(families: readonly Family[], because: string): FamilyGuess {
  return { name: families.map(familyName).join(' or '), families, because };
}

function byTextWidth(textWidth: number, because: string): FamilyGuess {
  const known = textWidths.get(textWidth) ?? `a model with text states ${textWidth} wide`;
  const families = Object.hasOwn(familyNames, known) ? [known as Family] : [];
  return { name: families.map(familyName)[0] ?? known, families, because, textWidth };
}

/** A model by the width of its text states. */
export const familyOfContextWidth = (width: number): string => byTextWidth(width, '').name;

interface Evidence {
  readonly place: RegExp;
  /** Undefined: this module does not tell. */
  readonly tells: (shape: Shape | undefined) => readonly Family[] | undefined;
}

/** All widths of SD's UNets are multiples of this. */
const firstWidth = 320;
const isWide = (shape: Shape | undefined): shape is Shape =>
  shape !== undefined && shape[0] % firstWidth === 0;

/** Surest first. Layer names, sizes and depths are those of models/checkpoint/single/architectures.ts. */
const evidence: readonly Evidence[] = [
  { place: /^text_encoder_2\.|^unet\.add_embedding\./, tells: () => ['sdxl'] },
  // Only SDXL has more than one block in a transformer.
  { place: /^unet\..*\.transformer_blocks\.[1-9]/, tells: () => ['sdxl'] },
  {
    place: /^text_encoder\..*\.(?:self_attn\.|mlp\.fc1)/,
    tells: shape => (shape?.[1] === 1024 ? ['sd2'] : undefined),
  },
  // SD 1.x has convolutions where the later models have linear layers.
  {
    place: /^unet\..*\.proj_(?:in|out)$/,
    tells: shape => (isWide(shape) && shape.length === 4 ? ['sd15'] : undefined),
  },
  {
    place: /^unet\.down_blocks\.0\.attentions\.\d+\.proj_in$/,
    tells: shape => (isWide(shape) ? ['sd2'] : undefined),
  },
  {
    place: /^unet\.(?:down_blocks\.[03]\.attentions|(?:down|up)_blocks\.3)\./,
    tells: shape => (isWide(shape) ? ['sd15', 'sd2'] : undefined),
  },
  {
    place: /^text_encoder\..*\.(?:self_attn\.|mlp\.fc1)/,
    tells: shape => (shape?.[1] === 768 ? ['sd15', 'sdxl'] : undefined),
  },
];

const readsText = /^unet\..*\.attn2\.to_[kv]$/;

/** Undefined where no module tells. */
export function guessFamily(places: readonly Place[]): FamilyGuess | undefined {
  for (const { target, shape } of places) {
    if (readsText.test(target) && shape && shape.length === 2)
      return byTextWidth(shape[1], `${target} reads ${shape[1]} numbers`);
  }
  for (const { place, tells } of evidence) {
    for (const { target, shape } of places) {
      const families = place.test(target) ? tells(shape) : undefined;
      if (families) return guess(families, `${target}${shape ? ` [${shape}]` : ''}`);
    }
  }
  return undefined;
}

interface Claim {
  readonly key: string;
  readonly family: (value: string) => Family | undefined;
}

const byPattern =
  (...rows: readonly (readonly [RegExp, Family])[]) =>
  (value: string): Family | undefined =>
    rows.find(([pattern]) => pattern.test(value))?.[1];

/** What files say of themselves. */
const claims: readonly Claim[] = [
  {
    key: 'ss_base_model_version',
    family: byPattern([/^sdxl/i, 'sdxl'], [/^sd_v2/i, 'sd2'], [/^sd_(?:v1|1\.5)/i, 'sd15']),
  },
  {
    key: 'modelspec.architecture',
    family: byPattern(
      [/^stable-diffusion-xl/, 'sdxl'],
      [/^stable-diffusion-v2/, 'sd2'],
      [/^stable-diffusion-v1/, 'sd15'],
    ),
  },
  { key: 'ss_v2', family: byPattern([/^true$/i, 'sd2']) },
];

/** What the metadata says where it is not what the tensors say; undefined where both agree, or one is silent. */
export function familyDisagreement(
  tensors: FamilyGuess | undefined,
  metadata: Readonly<Record<string, string>>,
): string | undefined {
  if (!tensors) return undefined;
  for (const { key, family } of claims) {
    const claimed = Object.hasOwn(metadata, key) ? family(metadata[key]) : undefined;
    if (claimed && !tensors.families.includes(claimed))
      return `${key} says ${metadata[key]}, the tensors are of ${tensors.name} (${tensors.because})`;
  }
  return undefined;
}
