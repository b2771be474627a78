/** @file A1111's extras: pictures enlarged without a model. Face restoration and upscalers that are models are refused by name. */
import sharp, { type Sharp } from 'sharp';
import { z } from 'zod';
import { badInput, LoraError, nearestWords, usageError } from '../../../errors.ts';
import { readPictureText } from '../../../generation/index.ts';
import { bytesOfBase64 } from '../base64-picture.ts';
import { withPngText } from './png-text.ts';

const share = z.number().min(0).max(1).nullish();
const side = z.number().int().min(1).max(16384).nullish();
const picture = z.string().max(90_000_000);
const shared = {
  resize_mode: z.union([z.literal(0), z.literal(1)]).nullish(),
  ...{
    gfpgan_visibility: share,
    codeformer_visibility: share,
    upscaling_resize: z.number().positive().nullish(),
  },
  ...{ upscaling_resize_w: side, upscaling_resize_h: side, upscaling_crop: z.boolean().nullish() },
  ...{ upscaler_1: z.string().max(200).nullish(), upscaler_2: z.string().max(200).nullish() },
  extras_upscaler_2_visibility: share,
};
export const extraSingleBody = z.object({ ...shared, image: picture });
export const extraBatchBody = z.object({
  ...shared,
  imageList: z.array(z.object({ data: picture, name: z.string().nullish() })).nullish(),
  /** As the npm client calls it. */
  image_list: z.array(z.object({ image: picture, name: z.string().nullish() })).nullish(),
});
type Asked = Omit<z.output<typeof extraSingleBody>, 'image'>;

/** What is made at most. */
const mostPixels = 40_000_000;

/** A1111's names; with none the picture stays as it is. */
const kernels = { Lanczos: 'lanczos3', Nearest: 'nearest' } as const;
export const extraUpscalers: readonly string[] = ['None', ...Object.keys(kernels)];
type Upscaler = keyof typeof kernels;

/** Throws UPSCALER_UNSUPPORTED. */
function upscalerOf(name: string | null | undefined): Upscaler | undefined {
  if (!name || name === 'None') return undefined;
  if (Object.hasOwn(kernels, name)) return name as Upscaler;
  const near = nearestWords(name, extraUpscalers);
  const meant = near.length > 0 ? ` Meant was perhaps ${near.join(' or ')}.` : '';
  const hint = `There are ${extraUpscalers.join(', ')}; upscalers that are models are not run.${meant}`;
  throw usageError('UPSCALER_UNSUPPORTED', `could not find upscaler named ${name}`, hint);
}

function refuseFaces({ gfpgan_visibility, codeformer_visibility }: Asked): void {
  const name = gfpgan_visibility ? 'GFPGAN' : codeformer_visibility ? 'CodeFormer' : undefined;
  if (name === undefined) return;
  throw usageError('FACES_UNSUPPORTED', `${name} is not run here`, 'Leave its visibility at 0.');
}

interface Target {
  readonly width: number;
  readonly height: number;
  readonly isCropped: boolean;
}

/** A1111 ends on multiples of 8 where it enlarges by a factor. */
function targetOf(asked: Asked, { width, height }: { width: number; height: number }): Target {
  const { upscaling_resize: by = 2, upscaling_resize_w: w, upscaling_resize_h: h } = asked;
  const toEights = (factor: number): Target => {
    const eights = (length: number): number => Math.max(8, Math.floor((length * factor) / 8) * 8);
    return { width: eights(width), height: eights(height), isCropped: false };
  };
  if ((asked.resize_mode ?? 0) === 0) return toEights(by ?? 2);
  const to = { width: w ?? 512, height: h ?? 512 };
  if (asked.upscaling_crop ?? true) return { ...to, isCropped: true };
  return toEights(Math.max(to.width / width, to.height / height));
}

function checkSize({ width, height }: Target): void {
  if (width * height <= mostPixels) return;
  const message = `${width}×${height} would be ${(width * height) / 1e6} megapixels`;
  throw usageError('PICTURE_TOO_LARGE', message, `Up to ${mostPixels / 1e6} are made here.`);
}

const enlarged = (bytes: Buffer, { width, height, isCropped }: Target, by: Upscaler): Sharp =>
  sharp(bytes, { limitInputPixels: mostPixels })
    .removeAlpha()
    .toColourspace('srgb')
    .resize(width, height, { fit: isCropped ? 'cover' : 'fill', kernel: kernels[by] });

/** What the picture says of how it was made stays in it. */
async function textOf(bytes: Buffer): Promise<string> {
  try {
    return (await readPictureText(bytes)).parameters ?? '';
  } catch (error) {
    if (error instanceof LoraError) return '';
    throw error;
  }
}

async function sizeOf(bytes: Buffer): Promise<{ width: number; height: number }> {
  try {
    return await sharp(bytes, { limitInputPixels: mostPixels }).metadata();
  } catch (cause) {
    throw badInput('PICTURE_UNREADABLE', 'the image cannot be read as a picture', undefined, cause);
  }
}

export interface Enlarged {
  readonly png: Buffer;
  /** As A1111 tells it, in HTML. */
  readonly told: string;
}

/** Throws UPSCALER_UNSUPPORTED, FACES_UNSUPPORTED, PICTURE_TOO_LARGE, PICTURE_UNREADABLE. */
export async function enlarge(image: string, asked: Asked): Promise<Enlarged> {
  refuseFaces(asked);
  const [first, second] = [upscalerOf(asked.upscaler_1), upscalerOf(asked.upscaler_2)];
  const bytes = bytesOfBase64(image);
  const size = await sizeOf(bytes);
  const text = await textOf(bytes);
  if (first === undefined) {
    const png = await sharp(bytes, { limitInputPixels: mostPixels }).png().toBuffer();
    return { png: withPngText(png, { parameters: text }), told: '<p>no upscaler: as it was</p>' };
  }
  const target = targetOf(asked, size);
  checkSize(target);
  const share = second === undefined ? 0 : (asked.extras_upscaler_2_visibility ?? 0);
  let done = enlarged(bytes, target, first);
  if (second !== undefined && share > 0) {
    const over = await enlarged(bytes, target, second).ensureAlpha(share).png().toBuffer();
    done = sharp(await done.png().toBuffer())
      .composite([{ input: over }])
      .removeAlpha();
  }
  const told = {
    'Postprocess upscale': `${size.width}x${size.height} to ${target.width}x${target.height}`,
    'Postprocess upscaler': first,
    ...(second !== undefined && share > 0 ? { 'Postprocess upscaler 2': second } : {}),
  };
  const postprocessing = Object.entries(told)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
  const png = withPngText(await done.png().toBuffer(), { parameters: text, postprocessing });
  return { png, told: `<p>${postprocessing}</p>` };
}
