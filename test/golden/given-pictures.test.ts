/** Given pictures and masks against Forge, Pillow, OpenCV and PyTorch (tools/goldens/given_pictures.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Tensor } from '../../src/engine/index.ts';
import { encodePng } from '../../src/files/index.ts';
import { blurMask } from '../../src/generation/pictures/blur-mask.ts';
import { cropRegion } from '../../src/generation/pictures/crop-region.ts';
import { fillMasked } from '../../src/generation/pictures/fill-masked.ts';
import { fitPicture } from '../../src/generation/pictures/fit.ts';
import { type Interpolation, interpolate } from '../../src/generation/pictures/interpolate.ts';
import { maskedContentOf } from '../../src/generation/pictures/latent-mask.ts';
import { prepareInpaint } from '../../src/generation/pictures/prepare-inpaint.ts';
import { cropRaster, cropTensor, type Raster, rgbOf } from '../../src/generation/pictures/raster.ts';
import { decodeGivenMask, matchMask } from '../../src/generation/pictures/read-mask.ts';
import { decodeGivenPicture, readPicture } from '../../src/generation/pictures/read-picture.ts';
import { kernels, resample, resampleNearest } from '../../src/generation/pictures/resample.ts';
import { hiresSize } from '../../src/generation/pictures/sizes.ts';
import type { MaskedContent, ResizeMode } from '../../src/generation/settings/schema.ts';

type Pair = [number, number];
type Source = [name: string, box: [number, number, number, number]];
interface Golden {
  readonly resamples: {
    source: Source;
    size: Pair;
    filter: 'lanczos' | 'bicubic' | 'nearest';
    bytes: string;
  }[];
  readonly fits: { source: Source; size: Pair; mode: ResizeMode; bytes: string }[];
  readonly blurs: { ellipse: number[]; sigma: number; bytes: string }[];
  readonly regions: { size: Pair; rectangle: number[]; padding: number; target: Pair; region: number[] }[];
  readonly fills: { source: Source; ellipse: number[]; sigma: number; bytes: string }[];
  readonly inpaints: {
    source: Source;
    ellipse: number[];
    blur: number;
    invert: boolean;
    content: MaskedContent;
    area: 'whole' | 'masked';
    padding: number;
    size: Pair;
    resize: ResizeMode;
    pixels: string;
    mask: string;
    latentMask: string;
    latents: string;
    finished: string;
    finishedSize: Pair;
  }[];
  readonly interpolations: { how: Interpolation; size: Pair; values: number[] }[];
  readonly nearestRows: { how: Interpolation; side: number; rows: number[] }[];
  readonly hires: {
    width: number;
    height: number;
    scale?: number;
    toWidth?: number;
    toHeight?: number;
    enlarged: Pair;
    start: Pair;
    size: Pair;
  }[];
  readonly seeThrough: { width: number; height: number; bytes: string; luminance: string };
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('./data/given-pictures.json', import.meta.url), 'utf8'),
);

const digest = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex').slice(0, 16);
const digestFloats = (data: Float32Array): string => digest(new Uint8Array(data.buffer));

const examples = new Map<string, Promise<Raster>>();

async function open([name, [left, top, right, bottom]]: Source): Promise<Raster> {
  const path = fileURLToPath(new URL(`../../examples/${name}.png`, import.meta.url));
  const whole = examples.get(name) ?? readPicture(path);
  examples.set(name, whole);
  return cropRaster(await whole, { left, top, width: right - left, height: bottom - top });
}

function ellipse([width, height, cx, cy, rx, ry]: number[]): Raster {
  const isInside = (x: number, y: number): boolean =>
    (x - cx) ** 2 * ry ** 2 + (y - cy) ** 2 * rx ** 2 <= rx ** 2 * ry ** 2;
  const data = new Uint8Array(width * height).map((_, i) =>
    isInside(i % width, Math.floor(i / width)) ? 255 : 0,
  );
  return { width, height, data };
}

test('Pillow’s resize, byte for byte: Lanczos, bicubic, nearest', async () => {
  for (const { source, size, filter, bytes } of golden.resamples) {
    const [width, height] = size;
    const picture = await open(source);
    const resized =
      filter === 'nearest'
        ? resampleNearest(picture, { width, height })
        : resample(picture, { width, height }, kernels[filter]);
    expect(digest(resized.data), `${source} ${filter} ${size}`).toBe(bytes);
  }
});

test('Forge’s three resize modes, byte for byte', async () => {
  for (const { source, size, mode, bytes } of golden.fits) {
    const fitted = fitPicture(await open(source), size[0], size[1], mode);
    expect(digest(fitted.data), `${source} ${mode} ${size}`).toBe(bytes);
  }
});

test('OpenCV’s Gaussian blur of masks, byte for byte', () => {
  for (const { ellipse: oval, sigma, bytes } of golden.blurs)
    expect(digest(blurMask(ellipse(oval), sigma).data), `${oval} σ ${sigma}`).toBe(bytes);
});

test('the rectangle around a mask is Forge’s in 400 random cases', () => {
  expect(golden.regions).toHaveLength(400);
  for (const { size, rectangle, padding, target, region } of golden.regions) {
    const [width, height] = size;
    const [left, top, right, bottom] = rectangle;
    const data = new Uint8Array(width * height);
    for (let y = top; y < bottom; y++) data.fill(1, y * width + left, y * width + right);
    const found = cropRegion({ width, height, data }, padding, { width: target[0], height: target[1] });
    const corners = found && [found.left, found.top, found.left + found.width, found.top + found.height];
    expect(corners, JSON.stringify({ size, rectangle, padding, target })).toEqual(region);
  }
});

test('Forge’s fill of what is masked, byte for byte', async () => {
  for (const { source, ellipse: oval, sigma, bytes } of golden.fills) {
    const filled = fillMasked(await open(source), blurMask(ellipse(oval), sigma));
    expect(digest(filled.data), `${source} ${oval}`).toBe(bytes);
  }
});

const latentsLike = (factor: number, modulus: number): Float32Array =>
  Float32Array.from({ length: 4 * 32 * 32 }, (_, i) => ((i * factor) % modulus) / 32 - 1.5);

/** The top left of [1, 4, 32, 32]. */
function latentTensor(data: Float32Array, channels: number, width: number, height: number): Tensor {
  const { data: cut } = cropTensor({ shape: [1, 4, 32, 32], data }, { left: 0, top: 0, width, height });
  return { shape: [1, channels, height, width], data: cut.subarray(0, channels * width * height) };
}

test('Forge’s inpainting before and after the steps: pixels, masks, latents, the finished picture, byte for byte', async () => {
  const drawn = await open(['zorbi-character/01', [0, 0, 256, 256]]);
  for (const { source, ellipse: oval, size, resize, ...row } of golden.inpaints) {
    const [width, height] = size;
    const prepared = prepareInpaint({
      picture: await open(source),
      mask: ellipse(oval),
      settings: row,
      ...{ width, height, resize, latentScale: 8 },
    });
    const latents = latentTensor(latentsLike(37, 101), 4, width / 8, height / 8);
    const noise = latentTensor(latentsLike(53, 97), 4, width / 8, height / 8);
    const content = maskedContentOf(row.content, latents, noise, prepared.latentMask);
    const finished = prepared.finish(resampleNearest(drawn, { width, height }));
    const got = {
      pixels: digest(rgbOf(prepared.pixels).data),
      mask: digest(Uint8Array.from(prepared.mask.data)),
      latentMask: digest(Uint8Array.from(prepared.latentMask)),
      latents: digestFloats(content.data),
      finished: digest(finished.data),
      finishedSize: [finished.width, finished.height],
    };
    const { pixels, mask, latentMask, latents: wanted, finished: whole, finishedSize } = row;
    const name = JSON.stringify({ source, oval, size, resize, ...row });
    expect(got, name).toEqual({ pixels, mask, latentMask, latents: wanted, finished: whole, finishedSize });
  }
});

test('PyTorch’s interpolate in six modes', () => {
  const x = latentTensor(latentsLike(37, 101), 2, 7, 5);
  for (const { how, size, values } of golden.interpolations) {
    const scaled = interpolate(x, { width: size[0], height: size[1] }, how);
    const worst = values.reduce((most, value, i) => Math.max(most, Math.abs(value - scaled.data[i])), 0);
    // Values up to 1.6; PyTorch computes taps and sums in float32.
    expect(worst, `${how} ${size}`).toBeLessThanOrEqual(1e-6);
    expect(scaled.data).toHaveLength(values.length);
  }
});

test('PyTorch’s nearest rows where single precision decides', () => {
  for (const { how, side, rows } of golden.nearestRows) {
    const data = Float32Array.from({ length: side }, (_, i) => i);
    const scaled = interpolate({ shape: [1, 1, side, 1], data }, { width: 1, height: rows.length }, how);
    expect([...scaled.data], `${how} ${side} → ${rows.length}`).toEqual(rows);
  }
});

test('Forge’s size of hires fix in 200 random cases', () => {
  for (const { enlarged, start, size, ...request } of golden.hires) {
    const found = hiresSize(request, { latentScale: 8, levels: 4 });
    expect(
      {
        enlarged: [found.enlarged.width, found.enlarged.height],
        start: [found.crop.left, found.crop.top],
        size: [found.width, found.height],
      },
      JSON.stringify(request),
    ).toEqual({ enlarged, start, size });
  }
});

test('transparency on white as Forge flattens it, and Pillow’s luminance', async () => {
  const { width, height, bytes, luminance } = golden.seeThrough;
  const data = new Uint8Array(4 * width * height).map((_, n) => (n * 37 + Math.floor(n / 32) * 11) & 255);
  const flat = await decodeGivenPicture(encodePng({ width, height, channels: 4, data }), 'see-through.png');
  expect(digest(flat.data)).toBe(bytes);
  expect(flat.alpha).toEqual(data.filter((_, i) => i % 4 === 3));
  const opaque = encodePng({ width, height, channels: 3, data: flat.data });
  const mask = await decodeGivenMask(opaque, 'mask.png');
  expect(digest(mask.data)).toBe(luminance);
  expect(matchMask(mask, { width, height })).toEqual({ mask, findings: [] });
});
