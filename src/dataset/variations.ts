/** @file The forms of a picture: other hues or brightness, another part, a little nearer. What it is decides them, so that runs with other seeds find them in the cache. */
import { type RandomStream, randomStream } from '../engine/index.ts';
import type { BucketAssignment, Size } from './buckets.ts';
import type { ColourShift } from './colour.ts';
import type { PicturePlan } from './picture.ts';
import { hasVariants, type PictureRules } from './picture-rules.ts';

/** sd-scripts' `AugHelper`: a third of the pictures, half of these by hue. Its hues are halves of degrees. */
const colours = { share: 0.33, byHue: 0.5, mostDegrees: 16, gammas: [0.95, 1.05] } as const;

function drawColour(random: RandomStream): ColourShift | undefined {
  const isShifted = random.uniform() <= colours.share;
  const isHue = random.uniform() > 1 - colours.byHue;
  const at = random.uniform();
  if (!isShifted) return undefined;
  const [low, high] = colours.gammas;
  return isHue ? { hue: colours.mostDegrees * (2 * at - 1) } : { gamma: low + (high - low) * at };
}

const clamp = (x: number, most: number): number => Math.min(Math.max(0, x), most);

/** The picture scaled so that the bucket sees less of it: down to `1 - jitter` of what it sees whole. */
function drawNearer(
  { resized, bucket }: BucketAssignment,
  { cropJitter }: PictureRules,
  size: Size,
  noEnlarging: boolean,
  random: RandomStream,
): Size {
  const wanted = 1 / (1 - cropJitter * random.uniform());
  const most = Math.min(size.width / resized.width, size.height / resized.height);
  const factor = noEnlarging ? Math.max(1, Math.min(wanted, most)) : wanted;
  return {
    width: Math.max(bucket.width, Math.round(resized.width * factor)),
    height: Math.max(bucket.height, Math.round(resized.height * factor)),
  };
}

/** Where the crop starts along one axis of the picture: anywhere, or near where it was. */
function drawStart(
  axis: { start: number; before: number; now: number; side: number },
  { randomCrop, cropJitter }: PictureRules,
  random: RandomStream,
): number {
  const { start, before, now, side } = axis;
  const at = random.uniform();
  if (randomCrop) return Math.floor(at * (now - side + 1));
  const centre = ((start + side / 2) * now) / before;
  return clamp(Math.round(centre - side / 2 + cropJitter * side * (2 * at - 1)), now - side);
}

export interface VariedPicture extends Size {
  /** sha256 of the file, hex. */
  hash: string;
  rules: PictureRules;
}

export interface FormOptions {
  /** Forms do not come nearer than the picture's own pixels. */
  noEnlarging?: boolean;
}

const movesCrop = ({ randomCrop, cropJitter }: PictureRules): boolean => randomCrop || cropJitter > 0;

/** Form `index` of a picture; the crop is always inside the picture. */
export function drawForm(
  picture: VariedPicture,
  plan: BucketAssignment,
  index: number,
  { noEnlarging = false }: FormOptions = {},
): PicturePlan {
  const { hash, rules } = picture;
  const seed = Number.parseInt(hash.slice(0, 13), 16); // 52 bits, as many as a seed may have
  const stream = (purpose: string): RandomStream => randomStream(seed, purpose, index);
  const { bucket, resized: before, crop } = plan;
  const colour = rules.colour ? drawColour(stream('colour of a form')) : undefined;
  const moves = movesCrop(rules);
  const random = stream('crop of a form');
  const resized = moves ? drawNearer(plan, rules, picture, noEnlarging, random) : before;
  const axis = (start: number, side: 'width' | 'height'): number =>
    drawStart({ start, before: before[side], now: resized[side], side: bucket[side] }, rules, random);
  const moved = moves ? { left: axis(crop.left, 'width'), top: axis(crop.top, 'height') } : crop;
  return { bucket, resized, crop: moved, ...(colour ? { colour } : {}) };
}

/** All forms of a picture: the plain one, or as many as its rules say; some may be equal. */
export function planForms(
  picture: VariedPicture,
  plan: BucketAssignment,
  options: FormOptions = {},
): PicturePlan[] {
  const { rules } = picture;
  if (!hasVariants(rules)) return [plan];
  return Array.from({ length: rules.variants }, (_, index) => drawForm(picture, plan, index, options));
}

/** Where the crop of a form is in the scaled picture, which for mirrored forms is mirrored. */
export function cornerOf(
  { resized, bucket, crop, flip }: PicturePlan,
  rules: PictureRules,
): { left: number; top: number } {
  // A crop at the centre is as far from the right, but for a pixel; it has always been told this way.
  if (!flip || !hasVariants(rules) || !movesCrop(rules)) return crop;
  return { left: resized.width - bucket.width - crop.left, top: crop.top };
}
