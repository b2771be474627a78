/** @file From what a user asks for to complete settings, one a picture: names resolved, files found, sizes fitted, seeds given. */
import { resolve } from 'node:path';
import { resolveSampler, samplerRow } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import type { Checkpoint } from '../../models/index.ts';
import { type GivenLora, loraName } from '../find-lora.ts';
import { readMask } from '../pictures/read-mask.ts';
import { readPicture } from '../pictures/read-picture.ts';
import { hiresSize, type SizeRule, snapSize } from '../pictures/sizes.ts';
import { resolveUpscaler } from '../pictures/upscalers.ts';
import { expandPrompt, type Wildcards } from '../prompt/wildcards.ts';
import { presets } from './presets.ts';
import type {
  EmphasisRule,
  HiresSettings,
  InitSettings,
  InpaintSettings,
  NoiseSource,
  PictureSettings,
  PresetName,
  ResizeMode,
  SamplerOptions,
} from './schema.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** What is asked for; what is left out follows from the preset, the checkpoint or the picture to start from. */
export interface PictureWish {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly loras: readonly GivenLora[];
  readonly merge: boolean;
  /** Of the first picture; picture i has seed + i. */
  readonly seed: bigint;
  readonly count: number;
  readonly variation?: { readonly seed: bigint; readonly strength: number } | undefined;
  readonly noiseSize?: Size | undefined;
  readonly preset: PresetName;
  readonly noise?: NoiseSource | undefined;
  readonly emphasis?: EmphasisRule | undefined;
  /** As the preset counts it. */
  readonly clipSkip?: number | undefined;
  readonly sampler: string;
  readonly scheduler?: string | undefined;
  readonly samplerOptions?: SamplerOptions | undefined;
  readonly steps: number;
  readonly guidance: number;
  readonly guidanceRescale: number;
  readonly size?: Size | undefined;
  readonly init?:
    | { readonly path: string; readonly strength: number; readonly resize: ResizeMode }
    | undefined;
  readonly inpaint?: (Omit<InpaintSettings, 'mask'> & { readonly path: string }) | undefined;
  readonly hires?: HiresWish | undefined;
}

export interface HiresWish
  extends Omit<HiresSettings, 'width' | 'height' | 'upscaler' | 'steps' | 'prompt' | 'negativePrompt'> {
  readonly scale?: number | undefined;
  readonly toWidth?: number | undefined;
  readonly toHeight?: number | undefined;
  readonly upscaler: string;
  /** As many as the first pass unless given. */
  readonly steps?: number | undefined;
  readonly prompt?: string | undefined;
  readonly negativePrompt?: string | undefined;
}

export interface SettleOptions {
  readonly checkpoint: Checkpoint;
  readonly wildcards: Wildcards;
}

export interface Settled {
  readonly settings: PictureSettings[];
  /** What is worth telling, e.g. that a size was rounded. */
  readonly findings: readonly string[];
}

const sizeRule = ({ latentScale, unet }: Checkpoint): SizeRule => ({
  latentScale,
  levels: unet.config.channels.length,
});

/** The shape of a picture in the area that a checkpoint was made for. */
function sizeLike({ width, height }: Size, { resolution, latentScale }: Checkpoint): Size {
  const scale = Math.min(1, resolution / Math.sqrt(width * height));
  const round = (side: number): number =>
    Math.max(latentScale, Math.round((side * scale) / latentScale) * latentScale);
  return { width: round(width), height: round(height) };
}

function settleSize(
  wish: PictureWish,
  like: Size | undefined,
  checkpoint: Checkpoint,
  findings: string[],
): Size {
  const square = { width: checkpoint.resolution, height: checkpoint.resolution };
  const isPart = wish.inpaint?.area === 'masked';
  const wanted = wish.size ?? (like && !isPart ? sizeLike(like, checkpoint) : square);
  const { findings: snapped, ...size } = snapSize(wanted, sizeRule(checkpoint));
  findings.push(...snapped.map(({ message }) => message));
  if (!wish.size && like && !isPart && (size.width !== like.width || size.height !== like.height))
    findings.push(
      `drawn at ${size.width}×${size.height}, the picture to start from is ${like.width}×${like.height}; --size says otherwise`,
    );
  return size;
}

async function settleStart({
  init,
  inpaint,
}: PictureWish): Promise<{ init?: InitSettings; inpaint?: InpaintSettings; like?: Size }> {
  if (!init) {
    if (inpaint)
      throw usageError(
        'MASK_WITHOUT_PICTURE',
        'there is a mask, but no picture',
        'Give the picture with --init.',
      );
    return {};
  }
  const picture = await readPicture(init.path);
  const { width, height } = picture;
  const settled = {
    picture: { path: resolve(init.path), sha256: picture.sha256 },
    ...{ strength: init.strength, resize: init.resize },
  };
  if (!inpaint) return { init: settled, like: { width, height } };
  const { path, ...rest } = inpaint;
  const { sha256 } = await readMask(path);
  return {
    ...{ init: settled, like: { width, height } },
    inpaint: { ...rest, mask: { path: resolve(path), sha256 } },
  };
}

function settleHires(
  wish: PictureWish,
  size: Size,
  checkpoint: Checkpoint,
  findings: string[],
): HiresSettings | undefined {
  if (!wish.hires) return undefined;
  const { scale, toWidth, toHeight, upscaler, steps = wish.steps, sampler, scheduler, ...rest } = wish.hires;
  const {
    width,
    height,
    findings: found,
  } = hiresSize({ ...size, scale, toWidth, toHeight }, sizeRule(checkpoint));
  findings.push(...found.map(({ message }) => message));
  const choice = resolveSampler(
    sampler ?? wish.sampler,
    scheduler ?? (sampler ? undefined : wish.scheduler),
    presets[wish.preset].schedules,
  );
  const isOwn = sampler !== undefined || scheduler !== undefined;
  return {
    ...given(rest),
    ...{ width, height, upscaler: resolveUpscaler(upscaler), steps },
    ...(isOwn ? { sampler: choice.samplerLabel, scheduler: choice.schedulerLabel } : {}),
  };
}

/** Without what is undefined. */
function given<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Numbers that a sampler does not know would be ignored in silence elsewhere. */
function checkSamplerOptions(wish: PictureWish, choice: ReturnType<typeof resolveSampler>): void {
  const { options, label } = samplerRow(choice.sampler);
  const known: readonly string[] = options;
  for (const name of Object.keys(wish.samplerOptions ?? {})) {
    if (known.includes(name) || (name.startsWith('churn') && known.includes('churn'))) continue;
    const hint = known.length > 0 ? `It knows ${known.join(' and ')}.` : 'It has no such numbers.';
    throw usageError('SAMPLER_OPTION', `${name} has no effect on ${label}`, hint);
  }
}

function checkCount({ count, steps }: PictureWish): void {
  if (!Number.isInteger(count) || count < 1 || count > 100_000)
    throw usageError('COUNT_INVALID', `${count} pictures: give a whole number from 1 to 100000`);
  if (!Number.isInteger(steps) || steps < 1 || steps > 1000)
    throw usageError('STEPS_INVALID', `${steps} steps: give a whole number from 1 to 1000`);
}

/** Seeds go round at 2⁶⁴. */
const seedOf = (first: bigint, i: number): bigint => BigInt.asUintN(64, first + BigInt(i));

/** Completes settings. Throws what the parts throw: SAMPLER_UNKNOWN, SIZE_INVALID, PICTURE_NOT_FOUND, WILDCARD_NOT_FOUND … */
export async function settlePictures(
  wish: PictureWish,
  { checkpoint, wildcards }: SettleOptions,
): Promise<Settled> {
  checkCount(wish);
  const preset = presets[wish.preset];
  const findings: string[] = [];
  const choice = resolveSampler(wish.sampler, wish.scheduler, preset.schedules);
  checkSamplerOptions(wish, choice);
  const { like, ...start } = await settleStart(wish);
  const size = settleSize(wish, like, checkpoint, findings);
  const hires = settleHires(wish, size, checkpoint, findings);
  const shared = {
    model: { name: checkpoint.name, path: resolve(checkpoint.path) },
    loras: wish.loras.map(lora => given({ name: loraName(lora.path), ...lora, path: resolve(lora.path) })),
    ...{ merge: wish.merge, preset: wish.preset },
    ...{ noise: wish.noise ?? preset.noise, emphasis: wish.emphasis ?? preset.emphasis },
    clipSkip: (wish.clipSkip ?? preset.clipSkipFrom) + (1 - preset.clipSkipFrom),
    ...{ sampler: choice.samplerLabel, scheduler: choice.schedulerLabel },
    ...{ steps: wish.steps, guidance: wish.guidance, guidanceRescale: wish.guidanceRescale },
    ...size,
    ...start,
    ...given({ variation: undefined, noiseSize: wish.noiseSize, samplerOptions: wish.samplerOptions, hires }),
  };
  const settings = Array.from({ length: wish.count }, (_, i): PictureSettings => {
    const seed = seedOf(wish.seed, i);
    const { prompt, negativePrompt } = wish;
    const texts = chooseTexts({ prompt, negativePrompt }, seed, preset.syntax === 'plain', wildcards);
    // With a variation A1111 keeps the seed and counts the other one on.
    const { variation } = wish;
    const seeds = variation
      ? { seed: wish.seed, variation: { ...variation, seed: seedOf(variation.seed, i) } }
      : { seed };
    return { ...shared, ...texts, ...seeds };
  });
  return { settings, findings };
}

type Texts = Pick<PictureSettings, 'prompt' | 'negativePrompt'>;

/** Alternatives and wildcards, chosen by the picture's own seed. */
function chooseTexts(
  given: Texts,
  seed: bigint,
  isPlain: boolean,
  wildcards: Wildcards,
): Texts & Pick<PictureSettings, 'templates'> {
  if (isPlain) return given;
  const prompt = expandPrompt(given.prompt, { seed, wildcards });
  const negative = expandPrompt(given.negativePrompt, { seed, wildcards, role: 'negative' });
  if (!prompt.changed && !negative.changed) return given;
  return { prompt: prompt.text, negativePrompt: negative.text, templates: given };
}
