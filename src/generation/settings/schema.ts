/**
 * @file Everything that decides the pixels of a picture, as plain data: what the command line settles, what is written
 * into pictures and read out of them, what a comparison varies, and what a request over HTTP holds.
 */
import { z } from 'zod';

/** A whole number of up to 64 bits. JSON readers hold numbers above 2⁵³ only as text. */
const seed = z
  .union([z.bigint(), z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)])
  .transform(BigInt);
const side = z.number().int().positive();
const share = z.number().min(0).max(1);
const sha256 = z.string().regex(/^[0-9a-f]{10,64}$/);

/** A file that the picture was made with: found again by its hash when it has moved. */
const file = z.strictObject({ path: z.string(), sha256 });

/** A LoRA that is given beside the prompt; those of tags stand in the prompt. */
const givenLora = z.strictObject({
  name: z.string(),
  path: z.string(),
  /** Of its tensor data, 12 digits or more (AutoV3). */
  hash: sha256.optional(),
  strength: z.number(),
  /** On the text encoder(s); as on the UNet unless said. */
  textStrength: z.number().optional(),
  /** Weights by block, as written. */
  blocks: z.string().optional(),
  /** The first step with it and the first without it again, as written: `5`, or `0.25` of the steps. */
  start: z.string().optional(),
  stop: z.string().optional(),
});

/** How another program reads prompts and draws noise; see `presets.ts`. */
export const presetNames = ['lora', 'a1111', 'comfy', 'diffusers'] as const;
export const noiseSources = ['cpu', 'philox'] as const;
export const emphasisRules = ['a1111', 'a1111-nonorm', 'comfy', 'none'] as const;
/** What masked content starts from: a blur of what is around it, the picture itself, noise, or nothing. */
export const maskedContents = ['fill', 'original', 'latent-noise', 'latent-nothing'] as const;
export const resizeModes = ['stretch', 'crop', 'fill'] as const;
/** How a UNet is held in less memory than its file has it; that changes the last digits of every number. */
const heldForms = ['float16', 'int8'] as const;
export const upscalers = [
  'latent',
  'latent-antialiased',
  'latent-bicubic',
  'latent-bicubic-antialiased',
  'latent-nearest',
  'latent-nearest-exact',
  'lanczos',
  'nearest',
] as const;

/** Numbers of k-diffusion's samplers; what a sampler does not know has no effect and is refused. */
const samplerOptions = z.strictObject({
  eta: z.number().min(0).optional(),
  noise: z.number().min(0).optional(),
  /** Karras et al. 2022, algorithm 2. */
  churn: z.number().min(0).optional(),
  churnFrom: z.number().min(0).optional(),
  churnTo: z.number().positive().optional(),
});

const init = z.strictObject({
  ...{ picture: file, strength: share },
  /** Where its shape is not that of the picture. */
  resize: z.enum(resizeModes),
});

const inpaint = z.strictObject({
  mask: file,
  /** Standard deviation of the Gauss that softens the mask, pixels. */
  blur: z.number().nonnegative(),
  invert: z.boolean(),
  content: z.enum(maskedContents),
  /** `masked`: only the rectangle around the mask is drawn, in the full size, and put back. */
  area: z.enum(['whole', 'masked']),
  /** Pixels around that rectangle. */
  padding: z.number().int().nonnegative(),
});

const hires = z.strictObject({
  ...{ width: side, height: side, upscaler: z.enum(upscalers) },
  /** Of the second pass. */
  ...{ steps: z.number().int().positive(), strength: share },
  sampler: z.string().optional(),
  scheduler: z.string().optional(),
  guidance: z.number().optional(),
  prompt: z.string().optional(),
  negativePrompt: z.string().optional(),
});

/** A second start noise that the first is turned towards (A1111: variation seed). */
const variation = z.strictObject({ seed, strength: share });

/** What stood in place of the base's own: names of files and folders, and what its UNet was said to predict. */
const parts = z.strictObject({
  vae: z.string().optional(),
  textEncoders: z.array(z.string()).optional(),
  tokenizer: z.string().optional(),
  prediction: z.string().optional(),
});

export const pictureSettingsSchema = z.strictObject({
  model: z.strictObject({ name: z.string(), path: z.string().optional(), hash: sha256.optional() }),
  /** Absent where the base has its own. */
  parts: parts.optional(),
  baseWeights: z.enum(heldForms).optional(),
  /** Decoded and encoded in tiles whatever the size. */
  tiledVae: z.boolean().optional(),
  /** As typed, tags included; alternatives and wildcards are chosen already. */
  ...{ prompt: z.string(), negativePrompt: z.string() },
  /** What the prompts were before alternatives and wildcards were chosen; absent where that changed nothing. */
  templates: z.strictObject({ prompt: z.string(), negativePrompt: z.string() }).optional(),
  loras: z.array(givenLora),
  /** Add the LoRAs into copies of the weights instead of attaching them. */
  merge: z.boolean(),
  seed,
  variation: variation.optional(),
  /** The noise is that of this size, set into the middle (A1111: seed resize). */
  noiseSize: z.strictObject({ width: side, height: side }).optional(),
  preset: z.enum(presetNames),
  noise: z.enum(noiseSources),
  emphasis: z.enum(emphasisRules),
  /** A1111's count: 1 reads the last layer of the text encoder, 2 the one before. */
  clipSkip: z.number().int().min(1).max(12),
  /** As A1111 shows them: `DPM++ 2M`, `Karras`. */
  ...{ sampler: z.string(), scheduler: z.string() },
  samplerOptions: samplerOptions.optional(),
  ...{ steps: z.number().int().min(1).max(1000), guidance: z.number() },
  /** Share of the guided prediction that gets the spread of the unguided one (Lin et al. 2023, §3.4); 0 = off. */
  guidanceRescale: share,
  ...{ width: side, height: side },
  init: init.optional(),
  inpaint: inpaint.optional(),
  hires: hires.optional(),
});

export type PictureSettings = z.output<typeof pictureSettingsSchema>;
export type LoraSettings = z.output<typeof givenLora>;
export type InitSettings = z.output<typeof init>;
export type InpaintSettings = z.output<typeof inpaint>;
export type HiresSettings = z.output<typeof hires>;
export type SamplerOptions = z.output<typeof samplerOptions>;
export type PartNames = z.output<typeof parts>;
export type HeldForm = (typeof heldForms)[number];
export type PresetName = (typeof presetNames)[number];
export type NoiseSource = (typeof noiseSources)[number];
export type EmphasisRule = (typeof emphasisRules)[number];
export type MaskedContent = (typeof maskedContents)[number];
export type ResizeMode = (typeof resizeModes)[number];
export type Upscaler = (typeof upscalers)[number];
