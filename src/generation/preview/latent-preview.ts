/** @file What an unfinished picture looks like, for next to nothing: a linear map from latent channels to colours. */
import type { Tensor } from '../../engine/index.ts';
import type { Pixels } from '../../files/index.ts';
import type { Family } from '../../models/index.ts';
import { latentColours } from './latent-colours.ts';

/** Each of `lines` runs of `count` numbers, `stride` apart, enlarged `scale` times: linear between the middles of pixels. */
function enlargeLines(
  data: Float32Array,
  lines: number,
  count: number,
  stride: number,
  scale: number,
): Float32Array {
  const out = new Float32Array(data.length * scale);
  for (let at = 0; at < count * scale; at++) {
    const place = Math.min(count - 1, Math.max(0, (at + 0.5) / scale - 0.5));
    const low = Math.floor(place);
    const high = Math.min(count - 1, low + 1);
    const share = place - low;
    for (let line = 0; line < lines; line++) {
      const from = line * count * stride;
      const to = (line * count * scale + at) * stride;
      for (let i = 0; i < stride; i++) {
        const below = data[from + low * stride + i];
        out[to + i] = below + (data[from + high * stride + i] - below) * share;
      }
    }
  }
  return out;
}

/** Enlarges a plane of `height` × `width` a whole number of times, bilinearly. */
function enlarged(plane: Float32Array, height: number, width: number, scale: number): Float32Array {
  const wide = enlargeLines(plane, height, width, 1, scale);
  return enlargeLines(wide, 1, height, width * scale, scale);
}

export interface LatentPreviewOptions {
  /** Sides are this many times those of the latent, between pixels linear; 1 unless said. */
  readonly scale?: number;
}

/**
 * A scaled latent [c, h, w], as samplers hold it, to a small picture: a pixel for each latent pixel. What was predicted
 * as the clean latent shows more than the noisy one.
 */
export function latentPreview(
  { shape: [channels, height, width], data }: Tensor,
  family: Family,
  { scale = 1 }: LatentPreviewOptions = {},
): Pixels {
  const { factors, bias } = latentColours[family];
  if (channels !== factors.length)
    throw new RangeError(`a latent of ${family} has ${factors.length} channels, not ${channels}`);
  const plane = height * width;
  const size = plane * scale ** 2;
  const out = new Uint8Array(3 * size);
  for (let colour = 0; colour < 3; colour++) {
    const levels = new Float32Array(plane).fill(bias[colour]);
    for (let c = 0; c < channels; c++) {
      const factor = factors[c][colour];
      for (let i = 0; i < plane; i++) levels[i] += factor * data[c * plane + i];
    }
    const full = scale === 1 ? levels : enlarged(levels, height, width, scale);
    for (let i = 0; i < size; i++)
      out[3 * i + colour] = Math.round(Math.min(1, Math.max(0, (full[i] + 1) / 2)) * 255);
  }
  return { width: width * scale, height: height * scale, channels: 3, data: out };
}
