/** Measurements against what is known of the picture: the blur that was put in, the encoder's quality, CIE's formulas. */
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../engine/index.ts';
import type { Likeness } from '../likeness/likeness.ts';
import { likenessOf } from '../likeness/likeness.ts';
import { colorName, labOf, type Rgb } from './colors.ts';
import { compositionOf, edgeMap } from './composition.ts';
import { exposureOf } from './exposure.ts';
import { fileFacts, isForeignColor } from './file-facts.ts';
import { commonGround, groundOf } from './ground.ts';
import { jpegQuality } from './jpeg.ts';
import { qualityFromPixels } from './jpeg-traces.ts';
import { type TrainedPixels, trainedPixels } from './levels.ts';
import { sharpnessOf } from './sharpness.ts';
import { effectiveNumber } from './variety.ts';

/** A picture by a function of place; levels 0 … 255. */
function draw(width: number, height: number, at: (x: number, y: number) => Rgb): TrainedPixels {
  const planes = new Float32Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [c, level] of at(x, y).entries())
        planes[c * width * height + y * width + x] = level / 127.5 - 1;
    }
  }
  return trainedPixels(planes, { width, height });
}

const grey = (level: number): Rgb => [level, level, level];

/** The Gaussian integral by Abramowitz and Stegun 7.1.26, to 1.5e-7. */
function normalShare(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x / Math.SQRT2));
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-(x * x) / 2);
  return x < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

describe('sharpness', () => {
  test.each([1, 1.5, 2, 3, 5])('a step that was blurred by σ = %f is √(2π)·σ pixels wide', sigma => {
    // Stripes of 64, far apart enough that their edges do not touch; pixels are integrals over their width.
    const step = (x: number): number => 40 + 170 * normalShare((x - 48.5) / sigma);
    const picture = draw(97, 60, x => grey(step(x)));
    const { edgeWidth = 0 } = sharpnessOf(picture, 40);
    // The steepest step lies between two pixels: less steep than the slope in the middle by σ⁻²/24.
    const expected = Math.sqrt(2 * Math.PI) * sigma;
    expect(Math.abs(edgeWidth - expected) / expected).toBeLessThan(0.06);
  });

  test('a hard edge is one pixel wide, and what is out of focus behind it does not count', () => {
    const hard = draw(96, 96, x => grey(x < 48 ? 30 : 220));
    expect(sharpnessOf(hard, 40).edgeWidth).toBe(1);
    const both = draw(96, 96, (x, y) =>
      grey(y < 30 ? (x < 48 ? 30 : 220) : 30 + 190 * normalShare((x - 48) / 8)),
    );
    expect(sharpnessOf(both, 20).edgeWidth).toBe(1);
  });

  test('a picture without edges says nothing', () => {
    expect(
      sharpnessOf(
        draw(64, 64, x => grey(100 + x / 8)),
        40,
      ).edgeWidth,
    ).toBeUndefined();
  });
});

describe('JPEG', () => {
  const random = randomStream(3, 'jpeg test');
  const side = 256;
  const rough = new Uint8Array(3 * side * side);
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [i % side, Math.floor(i / side)];
    const level = 128 + 50 * Math.sin(x / 9) + 40 * Math.cos((x + 2 * y) / 14) + 6 * random.normal();
    rough.set([level, level * 0.9, level * 0.8].map(Math.round), 3 * i);
  }
  const picture = (): Sharp => sharp(rough, { raw: { width: side, height: side, channels: 3 } });

  test.each([10, 25, 44, 60, 85, 95])(
    'quality %i is read from the tables that the encoder wrote',
    async quality => {
      const bytes = await picture().jpeg({ quality }).toBuffer();
      // Rounded and clipped entries of the table move the sum a little.
      expect(Math.abs((jpegQuality(bytes) ?? 0) - quality)).toBeLessThanOrEqual(quality === 10 ? 8 : 2);
      expect(jpegQuality(await picture().png().toBuffer())).toBeUndefined();
    },
  );

  test.each([12, 20, 30, 45, 60])(
    'quality %i is found in pixels that were saved as PNG since',
    async quality => {
      const damaged = await sharp(await picture().jpeg({ quality }).toBuffer())
        .png()
        .toBuffer();
      expect(Math.abs(((await qualityFromPixels(damaged)) ?? 0) - quality)).toBeLessThanOrEqual(2);
      const again = await sharp(damaged).jpeg({ quality: 97 }).toBuffer();
      expect(Math.abs(((await qualityFromPixels(again)) ?? 0) - quality)).toBeLessThanOrEqual(3);
    },
  );

  test('pixels that were never compressed, or well, show no steps', async () => {
    expect(await qualityFromPixels(await picture().png().toBuffer())).toBeUndefined();
    const good = await sharp(await picture().jpeg({ quality: 90 }).toBuffer())
      .png()
      .toBuffer();
    expect(await qualityFromPixels(good)).toBeUndefined();
    const blocks = draw(128, 128, (x, y) => grey(8 * ((Math.floor(x / 8) * 7 + Math.floor(y / 8) * 3) % 29)));
    const art = await sharp(Uint8Array.from(blocks.light), { raw: { width: 128, height: 128, channels: 1 } })
      .png()
      .toBuffer();
    expect(await qualityFromPixels(art)).toBeUndefined();
  });
});

test('CIELAB is that of the standard', () => {
  // Lindbloom's values for sRGB primaries at D65.
  const known: readonly (readonly [Rgb, readonly number[]])[] = [
    [
      [255, 0, 0],
      [53.24, 80.09, 67.2],
    ],
    [
      [0, 255, 0],
      [87.73, -86.18, 83.18],
    ],
    [
      [0, 0, 255],
      [32.3, 79.19, -107.86],
    ],
    [
      [255, 255, 255],
      [100, 0, 0],
    ],
    [
      [119, 119, 119],
      [50.03, 0, 0],
    ],
  ];
  for (const [rgb, lab] of known) {
    for (const [i, value] of labOf(rgb).entries()) expect(Math.abs(value - lab[i])).toBeLessThan(0.05);
  }
  const names = [
    '#c02a1f',
    '#e8842c',
    '#f2e05a',
    '#3f9e4d',
    '#2f63b8',
    '#8a4bb0',
    '#ffffff',
    '#777777',
    '#0a0a0a',
    '#6b4428',
  ];
  const rgbOf = (hex: string): Rgb =>
    [1, 3, 5].map(i => Number.parseInt(hex.slice(i, i + 2), 16)) as unknown as Rgb;
  expect(names.map(hex => colorName(labOf(rgbOf(hex))))).toEqual(
    'red orange yellow green blue purple white grey black brown'.split(' '),
  );
});

describe('exposure', () => {
  const figure = (ground: Rgb): TrainedPixels =>
    draw(64, 64, (x, y) => (Math.hypot(x - 32, y - 32) < 16 ? [60 + 2 * x, 90, 40 + 2 * y] : ground));

  test('a studio’s white ground is no burnt out picture', () => {
    expect(exposureOf(figure(grey(255))).burntOut).toBe(0);
    expect(exposureOf(figure(grey(255))).median).toBeLessThan(140);
  });

  test('white in the middle is', () => {
    const burnt = draw(64, 64, (x, y) => (Math.hypot(x - 32, y - 32) < 24 ? grey(255) : [120, 90, 60]));
    expect(exposureOf(burnt).burntOut).toBeCloseTo((Math.PI * 24 ** 2) / 64 ** 2, 1);
  });
});

describe('ground', () => {
  const withGround = (ground: (x: number) => Rgb): TrainedPixels =>
    draw(80, 60, (x, y) => (Math.abs(x - 40) < 18 && y > 10 ? [250, 220, 40] : ground(x)));

  test('is the colour of the border, also in light and shade', () => {
    const { lab, share } = groundOf(withGround(x => [150 + x, 20 + x / 8, 20 + x / 8]));
    expect(colorName(lab)).toBe('red');
    expect(share).toBeGreaterThan(0.9);
  });

  test('the one that most have is found among others', () => {
    const colors: Rgb[] = [
      [170, 30, 30],
      [180, 40, 35],
      [40, 60, 190],
      [160, 25, 30],
      [60, 160, 60],
    ];
    const common = commonGround(colors.map(color => groundOf(withGround(() => color))));
    expect(common?.members).toEqual([0, 1, 3]);
  });
});

test('composition: a subject in one place is alike, one that moves is not', () => {
  const random = randomStream(5, 'composition test');
  const picture = (x0: number, y0: number): TrainedPixels => {
    const tone = 40 + random.integer(150);
    return draw(96, 96, (x, y) =>
      Math.hypot(x - x0, y - y0) < 14 ? grey((x + y) % 4 < 2 ? 20 : 240) : grey(tone),
    );
  };
  const fixed = Array.from({ length: 8 }, () => edgeMap(picture(48, 52)));
  const moving = Array.from({ length: 8 }, () =>
    edgeMap(picture(18 + random.integer(60), 18 + random.integer(60))),
  );
  expect(compositionOf(fixed)?.alike).toBeGreaterThan(0.95);
  expect(compositionOf(moving)?.alike).toBeLessThan(0.4);
  expect(compositionOf([fixed[0]])).toBeUndefined();
});

describe('effective number', () => {
  /** Eight wide stripes of random colours. */
  const stripes = (seed: number): Likeness => {
    const random = randomStream(seed, 'variety');
    const colors = Array.from({ length: 16 }, () => [0, 1, 2].map(() => random.integer(256)));
    const rgb = new Uint8Array(3 * 64 * 64);
    for (let i = 0; i < 64 * 64; i++)
      rgb.set(colors[4 * Math.floor(i / 64 / 16) + Math.floor((i % 64) / 16)], 3 * i);
    return likenessOf(rgb);
  };

  test('n copies count one, n pictures that have nothing in common nearly n', () => {
    const one = stripes(1);
    expect(effectiveNumber([one, one, one, one], [1, 1, 1, 1])).toBeCloseTo(1, 6);
    const all = Array.from({ length: 10 }, (_, i) => stripes(i));
    const number = effectiveNumber(
      all,
      all.map(() => 1),
    );
    expect(number).toBeGreaterThan(9);
    expect(number).toBeLessThanOrEqual(10);
  });

  test('with no likeness it is exp of the entropy of how often each is shown', () => {
    const [white, black] = [255, 0].map(level => likenessOf(new Uint8Array(3 * 64 * 64).fill(level)));
    const [p, q] = [0.75, 0.25];
    expect(effectiveNumber([white, black], [3, 1])).toBeCloseTo(
      Math.exp(-p * Math.log(p) - q * Math.log(q)),
      6,
    );
  });
});

describe('files', () => {
  const plain = (): Sharp => sharp({ create: { width: 40, height: 30, channels: 3, background: '#4a7' } });

  test('place, rotation, profile and transparency are seen', async () => {
    const exif = { IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 3230/100' } };
    const placed = await fileFacts(await plain().withExif(exif).jpeg().toBuffer());
    expect(placed).toMatchObject({ hasPlace: true, orientation: 1, transparent: 0, format: 'jpeg' });
    const turned = await fileFacts(await plain().withMetadata({ orientation: 6 }).jpeg().toBuffer());
    expect(turned).toMatchObject({ hasPlace: false, orientation: 6 });
    const wide = await fileFacts(await plain().withIccProfile('p3').jpeg().toBuffer());
    expect(isForeignColor(wide)).toBe(true);
    expect(isForeignColor(await fileFacts(await plain().withIccProfile('srgb').jpeg().toBuffer()))).toBe(
      false,
    );
    const clear = await sharp({ create: { width: 40, height: 30, channels: 4, background: '#0000' } })
      .png()
      .toBuffer();
    expect((await fileFacts(clear)).transparent).toBe(1);
  });
});
