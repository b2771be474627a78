/** @file From what a user asks for to complete settings, one a picture: names resolved, files found, sizes fitted, seeds given. */
import { resolve } from 'node:path';
import { resolveSampler, type SamplerChoice, samplerRow } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import { type Checkpoint, encoderUses } from '../../models/index.ts';
import { type GivenLora, loraName } from '../find-lora.ts';
import { readMask } from '../pictures/read-mask.ts';
import { readPicture } from '../pictures/read-picture.ts';
import { hiresSize, type SizeRule, snapSize } from '../pictures/sizes.ts';
import { resolveUpscaler } from '../pictures/upscalers.ts';
import { expandPrompt, type Wildcards } from '../prompt/wildcards.ts';
import { presets } from './presets.ts';
import {
  type EmphasisRule,
  type HeldForm,
  type HiresSettings,
  type InitSettings,
  type InpaintSettings,
  type NoiseSource,
  type PartNames,
  type PictureSettings,
  type PresetName,
  pictureSettingsSchema,
  type ResizeMode,
  type SamplerOptions,
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
  /** How the checkpoint was opened and is to be held, for the record. */
  readonly parts?: PartNames | undefined;
  readonly baseWeights?: HeldForm | undefined;
  readonly tiledVae?: boolean | undefined;
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
  /** Absent: the texts are finished, nothing is chosen in them. */
  readonly wildcards?: Wildcards | undefined;
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

async function settleStart(
  { init, inpaint }: PictureWish,
  findings: string[],
): Promise<{ init?: InitSettings; inpaint?: InpaintSettings; like?: Size }> {
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
  if (init.strength === 0)
    findings.push('strength 0: nothing is drawn; the picture only passes through the autoencoder');
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
  if (wish.inpaint)
    throw usageError(
      'HIRES_INPAINT',
      'a second pass redraws the whole picture, a mask only a part',
      'Leave out --mask or --hires.',
    );
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

/** Whether a number has an effect on a sampler. */
export function knowsNumber({ sampler }: Pick<SamplerChoice, 'sampler'>, name: string): boolean {
  const known: readonly string[] = samplerRow(sampler).options;
  return known.includes(name.startsWith('churn') ? 'churn' : name);
}

/** Numbers that a sampler does not know would be ignored in silence elsewhere. */
function checkSamplerOptions(wish: PictureWish, choice: SamplerChoice): void {
  const { options, label } = samplerRow(choice.sampler);
  for (const name of Object.keys(wish.samplerOptions ?? {})) {
    if (knowsNumber(choice, name)) continue;
    const hint = options.length > 0 ? `It knows ${options.join(' and ')}.` : 'It has no such numbers.';
    throw usageError('SAMPLER_OPTION', `${name} has no effect on ${label}`, hint);
  }
}

const isWhole = (value: number, from: number, to: number): boolean =>
  Number.isInteger(value) && value >= from && value <= to;

function checkNumbers({ count, steps, hires, noiseSize }: PictureWish): void {
  if (!isWhole(count, 1, 100_000))
    throw usageError('COUNT_INVALID', `${count} pictures: give a whole number from 1 to 100000`);
  if (!isWhole(steps, 1, 1000))
    throw usageError('STEPS_INVALID', `${steps} steps: give a whole number from 1 to 1000`);
  if (!isWhole(hires?.steps ?? steps, 1, 1000))
    throw usageError(
      'STEPS_INVALID',
      `${hires?.steps} steps of the second pass: give a whole number from 1 to 1000`,
    );
  if (noiseSize && !(isWhole(noiseSize.width, 1, 8192) && isWhole(noiseSize.height, 1, 8192)))
    throw usageError(
      'SIZE_INVALID',
      `noise of ${noiseSize.width}×${noiseSize.height}: give whole numbers of pixels from 1 to 8192`,
    );
}

/** The count that settings hold. Throws CLIP_SKIP_INVALID, in numbers as the preset counts them. */
function settleClipSkip({ clipSkip, preset: name }: PictureWish, checkpoint: Checkpoint): number {
  const { clipSkipFrom: first, sdxlClipSkip: sdxl } = presets[name];
  const counted = (clipSkip ?? first) + 1 - first;
  const fits = (count: number): boolean => {
    try {
      return count >= 1 && count <= 12 && encoderUses(checkpoint, { clipSkip: count, sdxl }).length > 0;
    } catch {
      return false;
    }
  };
  if (clipSkip === undefined || fits(counted)) return counted;
  let most = 1;
  while (fits(most + 1)) most++;
  const last = most - 1 + first;
  throw usageError(
    'CLIP_SKIP_INVALID',
    `clip skip ${clipSkip}: the text encoder of ${checkpoint.name} allows ${first} to ${last}`,
    `${first} reads its last layer, ${first + 1} the one before; most models were made for one of the two.`,
  );
}

/** What the schema of settings would refuse is refused before the first step, not when the picture is written. */
function checkComplete(settings: PictureSettings): void {
  const { error } = pictureSettingsSchema.safeParse(settings);
  if (!error) return;
  const [{ path, message }] = error.issues;
  throw usageError('SETTINGS_INVALID', `${path.join('.')}: ${message}`);
}

/** Seeds go round at 2⁶⁴. */
const seedOf = (first: bigint, i: number): bigint => BigInt.asUintN(64, first + BigInt(i));

/** Completes settings. Throws what the parts throw: SAMPLER_UNKNOWN, SIZE_INVALID, CLIP_SKIP_INVALID, PICTURE_NOT_FOUND … */
export async function settlePictures(
  wish: PictureWish,
  { checkpoint, wildcards }: SettleOptions,
): Promise<Settled> {
  checkNumbers(wish);
  const preset = presets[wish.preset];
  const findings: string[] = [];
  const choice = resolveSampler(wish.sampler, wish.scheduler, preset.schedules);
  checkSamplerOptions(wish, choice);
  const { like, ...start } = await settleStart(wish, findings);
  const size = settleSize(wish, like, checkpoint, findings);
  const hires = settleHires(wish, size, checkpoint, findings);
  const shared = {
    model: { name: checkpoint.name, path: resolve(checkpoint.path) },
    loras: wish.loras.map(lora => given({ name: loraName(lora.path), ...lora, path: resolve(lora.path) })),
    ...{ merge: wish.merge, preset: wish.preset },
    ...{ noise: wish.noise ?? preset.noise, emphasis: wish.emphasis ?? preset.emphasis },
    clipSkip: settleClipSkip(wish, checkpoint),
    ...{ sampler: choice.samplerLabel, scheduler: choice.schedulerLabel },
    ...{ steps: wish.steps, guidance: wish.guidance, guidanceRescale: wish.guidanceRescale },
    ...size,
    ...start,
    ...given({ variation: undefined, noiseSize: wish.noiseSize, samplerOptions: wish.samplerOptions, hires }),
    ...given({ parts: wish.parts, baseWeights: wish.baseWeights, tiledVae: wish.tiledVae }),
  };
  const settings = Array.from({ length: wish.count }, (_, i): PictureSettings => {
    const seed = seedOf(wish.seed, i);
    const { prompt, negativePrompt } = wish;
    const isFinished = preset.syntax === 'plain';
    const texts = chooseTexts({ prompt, negativePrompt }, seed, isFinished, wildcards);
    const second = chooseSecond(hires, seed, isFinished, wildcards);
    // With a variation A1111 keeps the seed and counts the other one on.
    const { variation } = wish;
    const seeds = variation
      ? { seed: wish.seed, variation: { ...variation, seed: seedOf(variation.seed, i) } }
      : { seed };
    return { ...shared, ...texts, ...seeds, ...given({ hires: second }) };
  });
  checkComplete(settings[0]);
  return { settings, findings };
}

type Texts = Pick<PictureSettings, 'prompt' | 'negativePrompt'>;

/** Alternatives and wildcards, chosen by the picture's own seed. */
function chooseTexts(
  given: Texts,
  seed: bigint,
  isPlain: boolean,
  wildcards: Wildcards | undefined,
): Texts & Pick<PictureSettings, 'templates'> {
  if (isPlain || !wildcards) return given;
  const prompt = expandPrompt(given.prompt, { seed, wildcards });
  const negative = expandPrompt(given.negativePrompt, { seed, wildcards, role: 'negative' });
  if (!prompt.changed && !negative.changed) return given;
  return { prompt: prompt.text, negativePrompt: negative.text, templates: given };
}

/** The same for the prompts that the second pass has of its own. */
function chooseSecond(
  hires: HiresSettings | undefined,
  seed: bigint,
  isPlain: boolean,
  wildcards: Wildcards | undefined,
): HiresSettings | undefined {
  if (!hires) return undefined;
  const texts = { prompt: hires.prompt ?? '', negativePrompt: hires.negativePrompt ?? '' };
  const { prompt, negativePrompt } = chooseTexts(texts, seed, isPlain, wildcards);
  return {
    ...hires,
    ...(hires.prompt === undefined ? {} : { prompt }),
    ...(hires.negativePrompt === undefined ? {} : { negativePrompt }),
  };
}
