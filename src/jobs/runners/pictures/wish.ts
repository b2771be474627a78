/** @file What a picture job asks for, with paths in place of ids. */
import { usageError } from '../../../errors.ts';
import type { PictureWish } from '../../../generation/index.ts';
import type { Checkpoint } from '../../../models/index.ts';
import { defined } from '../../defined.ts';
import type { GeneratePayload } from '../../payloads/generate.ts';
import type { JobNames } from '../../runner.ts';

/** What of a payload decides pictures. */
export type WishedPicture = Omit<GeneratePayload, 'count' | 'batch' | 'previewEvery' | 'keep'>;

type GivenSeed = WishedPicture['seed'];

const randomSeed = (): bigint => BigInt(Math.floor(Math.random() * 2 ** 32));

/** −1 and none are any. Throws SEED_INVALID. */
export function seedOf(given: GivenSeed): bigint {
  if (given === undefined || given === -1) return randomSeed();
  const seed = BigInt(given);
  if (seed < 2n ** 64n) return seed;
  throw usageError('SEED_INVALID', `seed ${given} is not a whole number from 0 to 2⁶⁴ − 1`);
}

function sizeOf(
  { width, height, init }: WishedPicture,
  { resolution }: Pick<Checkpoint, 'resolution'>,
): PictureWish['size'] {
  if (width === undefined && height === undefined) return undefined;
  if (init && (width === undefined || height === undefined))
    throw usageError('SIZE_INVALID', 'width and height: give both, or neither for the shape of the picture');
  return { width: width ?? resolution, height: height ?? resolution };
}

export interface WishOptions {
  readonly names: JobNames;
  readonly checkpoint: Pick<Checkpoint, 'resolution'>;
  /** Chosen once for a job, however often it is tried. */
  readonly seeds: { readonly seed: bigint; readonly variationSeed: bigint };
  readonly count: number;
}

/** Throws CARD_*, UPLOAD_UNKNOWN, SIZE_INVALID. */
export function wishOf(
  payload: WishedPicture,
  { names, checkpoint, seeds, count }: WishOptions,
): PictureWish {
  const { init, inpaint, hires, variation } = payload;
  return {
    ...{ prompt: payload.prompt, negativePrompt: payload.negativePrompt, count, merge: false },
    loras: payload.loras.map(({ id, ...how }) => ({ path: names.lora(id).path, ...defined(how) })),
    seed: seeds.seed,
    variation:
      variation && variation.strength > 0
        ? { seed: seeds.variationSeed, strength: variation.strength }
        : undefined,
    ...{ noiseSize: payload.noiseSize, preset: payload.preset, noise: payload.noise },
    ...{ emphasis: payload.emphasis, clipSkip: payload.clipSkip },
    ...{ sampler: payload.sampler, scheduler: payload.scheduler },
    samplerOptions: payload.samplerOptions && defined(payload.samplerOptions),
    ...{ steps: payload.steps, guidance: payload.guidance, guidanceRescale: payload.guidanceRescale },
    size: sizeOf(payload, checkpoint),
    init: init && { path: names.upload(init.picture), strength: init.strength, resize: init.resize },
    inpaint: inpaint && {
      ...{ path: names.upload(inpaint.mask), blur: inpaint.blur, invert: inpaint.invert },
      ...{ content: inpaint.content, area: inpaint.area, padding: inpaint.padding },
    },
    hires: hires && defined(hires),
  };
}
