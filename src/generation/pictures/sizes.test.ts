import { describe, expect, test } from 'vitest';
import { upscalers } from '../settings/schema.ts';
import { hiresSize, snapSize } from './sizes.ts';
import { resolveUpscaler, scalesLatent, upscaleLatents, upscalePixels, upscalerTable } from './upscalers.ts';

const sd15 = { latentScale: 8, levels: 4 };

describe('sizes', () => {
  test('the nearest multiple, with a word', () => {
    expect(snapSize({ width: 500, height: 512 }, sd15)).toEqual({
      ...{ width: 504, height: 512 },
      findings: [{ code: 'SIZE_SNAPPED', message: 'width 500 → 504: the model draws multiples of 8 pixels' }],
    });
    expect(snapSize({ width: 515, height: 771 }, sd15)).toMatchObject({ width: 512, height: 768 });
    expect(snapSize({ width: 64, height: 8192 }, sd15).findings).toEqual([]);
  });

  test.each([
    [0, 512],
    [-64, 512],
    [56, 512],
    [512.5, 512],
    [Number.NaN, 512],
    [Number.POSITIVE_INFINITY, 512],
    [8193, 512],
    [1e9, 512],
  ])('%s×%s is refused with the range', (width, height) => {
    const refused = expect.objectContaining({
      code: 'SIZE_INVALID',
      message: `width ${width}: give a whole number of pixels from 64 to 8192`,
    });
    expect(() => snapSize({ width, height }, sd15)).toThrowError(refused);
  });

  test('a UNet of fewer levels draws smaller pictures', () => {
    expect(snapSize({ width: 32, height: 40 }, { latentScale: 8, levels: 3 }).findings).toEqual([]);
    expect(() => snapSize({ width: 24, height: 40 }, { latentScale: 8, levels: 3 })).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('from 32 to 8192') }),
    );
  });
});

describe('hires fix', () => {
  const first = { width: 512, height: 768 };
  test('a scale; a side; both, of which what stands out is cut', () => {
    expect(hiresSize({ ...first, scale: 1.3 }, sd15)).toMatchObject({
      ...{ width: 664, height: 992 },
      findings: [
        { message: 'hires width 665 → 664: the model draws multiples of 8 pixels' },
        { message: 'hires height 998 → 992: the model draws multiples of 8 pixels' },
      ],
    });
    expect(hiresSize({ ...first, toWidth: 1024 }, sd15)).toMatchObject({ width: 1024, height: 1536 });
    expect(hiresSize({ ...first, toWidth: 1024, toHeight: 1024 }, sd15)).toEqual({
      ...{ width: 1024, height: 1024 },
      enlarged: { width: 1024, height: 1536 },
      crop: { left: 0, top: 256, width: 1024, height: 1024 },
      findings: [],
    });
  });

  test('a size that is no multiple is the nearest one, with a word', () => {
    const { width, findings } = hiresSize({ ...first, toWidth: 1021 }, sd15);
    expect(width).toBe(1024);
    expect(findings.map(({ message }) => message)).toEqual([
      'hires width 1021 → 1024: the model draws multiples of 8 pixels',
    ]);
  });

  test.each([
    [{ scale: 0 }, 'HIRES_SIZE_INVALID'],
    [{ scale: -2 }, 'HIRES_SIZE_INVALID'],
    [{ scale: Number.NaN }, 'HIRES_SIZE_INVALID'],
    [{ scale: Number.POSITIVE_INFINITY }, 'HIRES_SIZE_INVALID'],
    [{}, 'HIRES_SIZE_INVALID'],
    [{ scale: 2, toWidth: 1024 }, 'HIRES_SIZE_INVALID'],
    [{ scale: 100 }, 'SIZE_INVALID'],
    [{ scale: 0.01 }, 'SIZE_INVALID'],
    [{ toHeight: 0 }, 'SIZE_INVALID'],
    [{ toWidth: 8192 }, 'SIZE_INVALID'], // the other side would be 12288
  ])('%j is refused', (asked, code) => {
    expect(() => hiresSize({ ...first, ...asked }, sd15)).toThrowError(
      expect.objectContaining({ code, exit: 'usage' }),
    );
  });
});

describe('upscalers', () => {
  test('by our names, A1111’s, and in any writing', () => {
    for (const name of upscalers) {
      expect(resolveUpscaler(name)).toBe(name);
      expect(resolveUpscaler(upscalerTable[name].label)).toBe(name);
    }
    expect(resolveUpscaler('LATENT (Bicubic  antialiased)')).toBe('latent-bicubic-antialiased');
    expect(resolveUpscaler('None')).toBe('lanczos');
  });

  test.each([
    ['Lancsoz', 'there is no upscaler "Lancsoz"; meant was perhaps Lanczos'],
    ['R-ESRGAN 4x+', 'there is no upscaler "R-ESRGAN 4x+"'],
    ['', 'there is no upscaler ""'],
  ])('"%s" is refused with what there is', (name, message) => {
    const hint = expect.stringContaining('Latent (antialiased)');
    expect(() => resolveUpscaler(name)).toThrowError(
      expect.objectContaining({ code: 'UPSCALER_UNKNOWN', exit: 'usage', message, hint }),
    );
  });

  test('each enlarges what it says: a flat latent or picture stays flat', () => {
    const latents = { shape: [1, 4, 8, 12], data: new Float32Array(384).fill(0.75) };
    const picture = { width: 12, height: 8, data: new Uint8Array(288).fill(77) };
    for (const name of upscalers) {
      if (scalesLatent(name)) {
        const { shape, data } = upscaleLatents(latents, { width: 18, height: 16 }, name);
        expect(shape).toEqual([1, 4, 16, 18]);
        expect(data.every(x => Math.abs(x - 0.75) < 1e-6)).toBe(true);
      } else {
        const { width, height, data } = upscalePixels(picture, { width: 18, height: 16 }, name);
        expect([width, height, data.length]).toEqual([18, 16, 864]);
        expect(data.every(x => x === 77)).toBe(true);
      }
    }
  });
});
