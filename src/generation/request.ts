/** @file What a generator is asked for, and what it gives back. */
import type { SamplerChoice } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import type { Checkpoint } from '../models/index.ts';
import type { ChosenLora } from './lora-sets.ts';
import type { PreparedInpaint } from './pictures/prepare-inpaint.ts';
import type { DrawingRules } from './settings/presets.ts';
import type { MaskedContent, SamplerOptions, Upscaler } from './settings/schema.ts';

export interface PictureRequest {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** Where a character of the prompt stands in what was typed, with its LoRA tags. */
  readonly positionOf?: ((at: number) => number) | undefined;
  /** 0 … 2⁶⁴ − 1 */
  readonly seed: number | bigint;
  /** LoRAs of this picture, in place of the request's. */
  readonly loras?: readonly ChosenLora[] | undefined;
  /** Other noise that the start noise is turned towards, by a share. */
  readonly variation?: { readonly seed: bigint; readonly strength: number } | undefined;
  /** In the second pass, where they differ. */
  readonly second?:
    | {
        readonly prompt: string;
        readonly negativePrompt: string;
        readonly positionOf?: ((at: number) => number) | undefined;
        /** In place of those of the first pass; their steps count on from it. */
        readonly loras?: readonly ChosenLora[] | undefined;
      }
    | undefined;
}

/** Drawn once more, larger. */
export interface SecondPass {
  readonly width: number;
  readonly height: number;
  readonly upscaler: Upscaler;
  readonly steps: number;
  readonly strength: number;
  readonly sampler: SamplerChoice;
  readonly guidance: number;
}

export interface GenerateRequest {
  /** Pictures made together in one batch; each has its own prompt, seed and, where it says so, LoRAs. */
  readonly pictures: readonly PictureRequest[];
  readonly loras: readonly ChosenLora[];
  /** Add the LoRAs into copies of the weights instead of attaching them. */
  readonly merge: boolean;
  readonly sampler: SamplerChoice;
  readonly samplerOptions?: SamplerOptions | undefined;
  readonly steps: number;
  readonly guidance: number;
  readonly guidanceRescale?: number | undefined;
  readonly width: number;
  readonly height: number;
  /** The start noise is that of a picture of this size, set into the middle. */
  readonly noiseSize?: { readonly width: number; readonly height: number } | undefined;
  readonly rules?: DrawingRules | undefined;
  /** A picture [1, 3, height, width] in −1 … 1 to start from, and how much of it is drawn anew. */
  readonly init?: { readonly pixels: Tensor; readonly strength: number } | undefined;
  /** The part of `init` that is drawn anew. */
  readonly inpaint?:
    | (Pick<PreparedInpaint, 'mask' | 'latentMask'> & { readonly content: MaskedContent })
    | undefined;
  readonly second?: SecondPass | undefined;
  /** False: the UNet is closed before pictures are decoded, which takes less memory. */
  readonly keepsUnet?: boolean | undefined;
  /** Everything is open and the first step begins. */
  readonly onBegin?: (() => void) | undefined;
  readonly onStep?: ((event: DrawingStep) => void) | undefined;
  /** Each picture as soon as it is decoded, by its place in the request. */
  readonly onPicture?: ((index: number, picture: Picture) => Promise<void> | void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** After each step of the sampler. */
export interface DrawingStep {
  /** Counted from 1, over both passes. */
  readonly step: number;
  readonly steps: number;
  /** What the pictures would be if the run ended here: latents [n, c, h, w]; a batch may be drawn in groups. */
  readonly denoised: Tensor;
  /** Which pictures of the request they are. */
  readonly pictures: readonly number[];
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
  /** The final latent [c, h/8, w/8]. */
  readonly latent: Tensor;
  /** What of the prompts did not fit into the text encoder; empty when all did. */
  readonly truncated: { readonly prompt: string; readonly negativePrompt: string };
  /** What is worth telling, e.g. brackets in the prompt that do not close. */
  readonly findings: readonly string[];
}

type Checked = Pick<
  GenerateRequest,
  'pictures' | 'width' | 'height' | 'steps' | 'guidance' | 'guidanceRescale' | 'init' | 'second'
>;

const isWholeIn = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high;

function checkShare(name: string, value: number | undefined): void {
  if (value === undefined || (value >= 0 && value <= 1)) return;
  throw usageError('STRENGTH_INVALID', `${name} ${value}: give a number from 0 to 1`);
}

/** Throws SIZE_INVALID, STEPS_INVALID, GUIDANCE_INVALID, STRENGTH_INVALID or SEED_INVALID for what cannot be drawn. */
export function checkRequest(
  { pictures, width, height, steps, guidance, guidanceRescale, init, second }: Checked,
  { latentScale }: Pick<Checkpoint, 'latentScale'>,
): void {
  const sizes = second ? [width, height, second.width, second.height] : [width, height];
  for (const [i, side] of sizes.entries()) {
    if (Number.isInteger(side) && side > 0 && side % latentScale === 0) continue;
    const name = i % 2 === 0 ? 'width' : 'height';
    throw usageError('SIZE_INVALID', `${name} ${side} is not a positive multiple of ${latentScale}`);
  }
  for (const count of second ? [steps, second.steps] : [steps]) {
    if (!isWholeIn(count, 1, 1000))
      throw usageError('STEPS_INVALID', `${count} steps: give a whole number from 1 to 1000`);
  }
  for (const scale of second ? [guidance, second.guidance] : [guidance]) {
    if (!Number.isFinite(scale)) throw usageError('GUIDANCE_INVALID', `guidance ${scale} is not a number`);
  }
  checkShare('guidance rescale', guidanceRescale);
  checkShare('strength', init?.strength);
  checkShare('strength of the second pass', second?.strength);
  for (const { seed, variation } of pictures) {
    checkShare('strength of the variation', variation?.strength);
    for (const each of variation ? [seed, variation.seed] : [seed]) {
      const isWhole = typeof each === 'bigint' || Number.isSafeInteger(each);
      if (isWhole && each >= 0 && each < 2n ** 64n) continue;
      throw usageError('SEED_INVALID', `seed ${each} is not a whole number from 0 to 2⁶⁴ − 1`);
    }
  }
}
