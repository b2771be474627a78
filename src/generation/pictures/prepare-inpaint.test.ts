import { expect, test } from 'vitest';
import { maskedContentOf } from './latent-mask.ts';
import { prepareInit } from './prepare-init.ts';
import { type InpaintRequest, prepareInpaint } from './prepare-inpaint.ts';
import { cropTensor, type Raster, rgbOf, tensorOf } from './raster.ts';

/** Without Vitest's walk over every element. */
const areEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function picture(width: number, height: number): Raster {
  const data = new Uint8Array(3 * width * height).map((_, i) => (i * 31 + Math.floor(i / 97)) % 256);
  return { width, height, data };
}

/** White between two columns. */
function stripe(width: number, height: number, from: number, to: number, level = 255): Raster {
  const data = new Uint8Array(width * height).map((_, i) =>
    i % width >= from && i % width < to ? level : 0,
  );
  return { width, height, data };
}

const plain = (width: number, height: number, level: number): Raster => ({
  ...{ width, height },
  data: new Uint8Array(3 * width * height).fill(level),
});

const request = (changes: Partial<InpaintRequest> = {}, settings = {}): InpaintRequest => ({
  picture: picture(96, 64),
  mask: stripe(96, 64, 40, 60),
  settings: { blur: 4, invert: false, content: 'fill', area: 'whole', padding: 8, ...settings },
  ...{ resize: 'stretch', width: 96, height: 64, latentScale: 8 },
  ...changes,
});

test.each(['whole', 'masked'] as const)(
  'area %s: what the soft mask does not reach stays as it was',
  area => {
    const given = request({}, { area });
    const before = new Uint8Array(given.picture.data);
    const finished = prepareInpaint(given).finish(plain(96, 64, 7));
    expect([finished.width, finished.height]).toEqual([96, 64]);
    const columnsKept = Array.from({ length: 96 }, (_, x) =>
      Array.from({ length: 64 }, (_, y) => 3 * (96 * y + x)).every(at =>
        [0, 1, 2].every(c => finished.data[at + c] === before[at + c]),
      ),
    );
    expect(columnsKept.indexOf(false)).toBeGreaterThanOrEqual(30); // the blur of 4 reaches 10 pixels
    expect(columnsKept.lastIndexOf(false)).toBeLessThan(70);
    expect(columnsKept.slice(42, 58)).not.toContain(true);
    expect([...finished.data.subarray(150, 153)]).toEqual([7, 7, 7]);
    expect(areEqual(given.picture.data, before)).toBe(true);
  },
);

test('pictures in Node’s buffers, whose slices are no copies, are left alone', () => {
  const { width, height, data } = picture(96, 64);
  const mask = stripe(96, 64, 40, 60);
  const buffers = {
    picture: { width, height, data: Buffer.from(data) },
    mask: { ...mask, data: Buffer.from(mask.data) },
  };
  const fromBuffers = prepareInpaint(request(buffers, { area: 'masked' })).finish(plain(96, 64, 7));
  expect(areEqual(buffers.picture.data, data)).toBe(true);
  expect(areEqual(buffers.mask.data, mask.data)).toBe(true);
  const fromArrays = prepareInpaint(request({}, { area: 'masked' })).finish(plain(96, 64, 7));
  expect(areEqual(fromBuffers.data, fromArrays.data)).toBe(true);
});

test('area masked draws a small mask in the full size and gives the whole picture back', () => {
  const given = request({
    width: 128,
    height: 128,
    picture: picture(300, 200),
    mask: stripe(300, 200, 100, 130),
  });
  const prepared = prepareInpaint({ ...given, settings: { ...given.settings, area: 'masked', blur: 0 } });
  expect(prepared.pixels.shape).toEqual([1, 3, 128, 128]);
  const share = prepared.latentMask.reduce((a, b) => a + b, 0) / prepared.latentMask.length;
  expect(share).toBeCloseTo(30 / 200, 1); // the stripe in a square as high as the picture
  const finished = prepared.finish(plain(128, 128, 9));
  expect([finished.width, finished.height]).toEqual([300, 200]);
  const changed = finished.data.reduce((sum, level, i) => sum + (level !== given.picture.data[i] ? 1 : 0), 0);
  expect(changed / 3 / 200).toBeGreaterThan(29);
  expect(changed / 3 / 200).toBeLessThanOrEqual(30);
});

test('the mask: binary in pixels and latents, turned around by `invert`', () => {
  const upright = prepareInpaint(request({}, { blur: 0 }));
  const inverted = prepareInpaint(request({}, { blur: 0, invert: true }));
  expect([...upright.mask.data].slice(38, 62)).toEqual([0, 0, ...new Array(20).fill(1), 0, 0]);
  expect(inverted.mask.data.every((x, i) => x === 1 - upright.mask.data[i])).toBe(true);
  expect([...upright.latentMask.subarray(0, 12)]).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]);
});

test('only content `original` leaves the pixels under the mask', () => {
  const original = prepareInpaint(request({}, { content: 'original' }));
  expect(areEqual(rgbOf(original.pixels).data, picture(96, 64).data)).toBe(true);
  const filled = rgbOf(prepareInpaint(request({}, { blur: 0 })).pixels).data;
  const differs = (x: number): boolean =>
    filled.subarray(3 * x, 3 * x + 3).some((v, c) => v !== picture(96, 64).data[3 * x + c]);
  expect([39, 45, 55, 60].map(differs)).toEqual([false, true, true, false]);
});

test('latent noise and latent nothing', () => {
  const latents = { shape: [1, 2, 1, 2], data: Float32Array.from([1, 2, 3, 4]) };
  const noise = { shape: [1, 2, 1, 2], data: Float32Array.from([-1, -2, -3, -4]) };
  const mask = Float32Array.from([0, 1]);
  expect([...maskedContentOf('latent-noise', latents, noise, mask).data]).toEqual([1, -2, 3, -4]);
  expect([...maskedContentOf('latent-nothing', latents, noise, mask).data]).toEqual([1, 0, 3, 0]);
  expect(maskedContentOf('fill', latents, noise, mask)).toBe(latents);
});

test('a mask of another size is scaled, of another shape refused', () => {
  const scaled = prepareInpaint(request({ mask: stripe(48, 32, 20, 30) }, { blur: 0 }));
  expect(scaled.findings).toEqual([
    { code: 'MASK_SCALED', message: 'the mask is scaled from 48×32 to 96×64, the size of its picture' },
  ]);
  expect(scaled.latentMask).toEqual(prepareInpaint(request({}, { blur: 0 })).latentMask);
  expect(() => prepareInpaint(request({ mask: stripe(64, 64, 20, 30) }))).toThrowError(
    expect.objectContaining({
      code: 'MASK_SIZE',
      exit: 'usage',
      message: 'the mask is 64×64, its picture 96×64',
    }),
  );
});

test('rounding of a small mask’s sides is no other shape', () => {
  const given = request({
    picture: picture(300, 200),
    mask: stripe(100, 67, 20, 50),
    width: 96,
    height: 64,
  });
  expect(prepareInpaint(given).findings.map(({ code }) => code)).toEqual(['MASK_SCALED']);
  const wrong = request({ picture: picture(200, 200), mask: stripe(202, 200, 20, 50) });
  expect(() => prepareInpaint(wrong)).toThrowError(expect.objectContaining({ code: 'MASK_SIZE' }));
});

test('a mask that leaves nothing to draw is an error, an all-white one is not', () => {
  const empty = expect.objectContaining({ code: 'MASK_EMPTY', exit: 'usage' });
  const white = stripe(96, 64, 0, 96);
  for (const area of ['whole', 'masked']) {
    expect(() => prepareInpaint(request({ mask: stripe(96, 64, 0, 0) }, { area }))).toThrowError(empty);
    expect(() => prepareInpaint(request({ mask: white }, { area, invert: true }))).toThrowError(empty);
    expect(() => prepareInpaint(request({ mask: stripe(96, 64, 0, 96, 100) }, { area }))).toThrowError(empty);
    const all = prepareInpaint(request({ mask: white }, { area }));
    expect(all.latentMask.every(x => x === 1)).toBe(true);
    expect(all.finish(plain(96, 64, 5)).data.every(x => x === 5)).toBe(true);
  }
  expect(() => prepareInpaint(request({ mask: stripe(96, 64, 40, 41) }))).toThrowError(
    expect.objectContaining({
      message: expect.stringContaining('nothing of it is left on 12×8 latent pixels'),
    }),
  );
});

test.each([-1, Number.NaN, 257, 1e9])('a blur of %s pixels is refused', blur => {
  expect(() => prepareInpaint(request({}, { blur }))).toThrowError(
    expect.objectContaining({
      ...{ code: 'MASK_BLUR_INVALID', exit: 'usage' },
      message: `mask blur ${blur}: give a number of pixels from 0 to 256`,
    }),
  );
});

test('img2img reads the fitted picture; a stretched one is told', () => {
  const given = { picture: picture(96, 64), width: 64, height: 64 };
  const stretched = prepareInit({ ...given, settings: { resize: 'stretch' } });
  expect(stretched.pixels.shape).toEqual([1, 3, 64, 64]);
  expect(stretched.findings.map(({ code }) => code)).toEqual(['PICTURE_STRETCHED']);
  expect(prepareInit({ ...given, settings: { resize: 'crop' } }).findings).toEqual([]);
  const same = prepareInit({
    picture: picture(96, 64),
    width: 96,
    height: 64,
    settings: { resize: 'stretch' },
  });
  expect(areEqual(rgbOf(same.pixels).data, picture(96, 64).data)).toBe(true);
  expect(same.findings).toEqual([]);
});

test('bytes to tensors and back, all 256 levels; what is outside −1 … 1 is clamped', () => {
  const levels = {
    width: 256,
    height: 1,
    data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  };
  const tensor = tensorOf(levels);
  expect([tensor.data[0], tensor.data[255]]).toEqual([-1, 1]);
  expect(rgbOf(tensor).data).toEqual(levels.data);
  expect([...rgbOf({ shape: [1, 3, 1, 1], data: Float32Array.from([-1.5, 0, 3]) }).data]).toEqual([
    0, 128, 255,
  ]);
});

test('a rectangle out of every plane', () => {
  const tensor = { shape: [1, 2, 3, 4], data: Float32Array.from({ length: 24 }, (_, i) => i) };
  const cut = cropTensor(tensor, { left: 1, top: 1, width: 2, height: 2 });
  expect(cut).toEqual({ shape: [1, 2, 2, 2], data: Float32Array.from([5, 6, 9, 10, 17, 18, 21, 22]) });
});
