import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, test } from 'vitest';
import { align, inPlace } from './align.ts';
import { comparePictures, describeLikeness, groupAlike, type Likeness } from './likeness.ts';

const folders = ['examples/zorbi-character', 'examples/blueprint-style'];
const files = folders.flatMap(folder =>
  readdirSync(folder)
    .filter(name => /[02468]\.png$/.test(name))
    .map(name => join(folder, name)),
);
const originals = new Map(files.map(file => [file, new Uint8Array(readFileSync(file))]));
const bytesOf = (file: string): Uint8Array => originals.get(file) as Uint8Array;

/** All of 256×256. */
const changes: readonly [name: string, change: (picture: Sharp) => Sharp][] = [
  ['half as large', picture => picture.resize(128)],
  ['another shape', picture => picture.resize(200, 160, { fit: 'fill' })],
  ['JPEG of quality 20', picture => picture.jpeg({ quality: 20 })],
  ['a tenth brighter', picture => picture.linear(1.1, 0)],
  ['a tenth darker', picture => picture.linear(0.9, 0)],
  ['mirrored', picture => picture.flop()],
  [
    'cut by a twentieth on every side',
    picture => picture.extract({ left: 13, top: 13, width: 230, height: 230 }),
  ],
  ['cut by a twelfth in a corner', picture => picture.extract({ left: 21, top: 0, width: 235, height: 235 })],
  [
    'all at once',
    picture =>
      picture
        .extract({ left: 8, top: 12, width: 244, height: 240 })
        .flop()
        .linear(1.08, 0)
        .resize(180)
        .jpeg({ quality: 50 }),
  ],
];

const described = Promise.all(files.map(file => describeLikeness(bytesOf(file))));

describe('nearly the same pictures', () => {
  test.each(changes)('a copy that is %s is like its original, and like no other', async (_, change) => {
    const all = await described;
    const wrong: string[] = [];
    let found = 0;
    for (const [i, file] of files.entries()) {
      const copy = await describeLikeness(
        await change(sharp(bytesOf(file)).toColourspace('srgb')).toBuffer(),
      );
      if (comparePictures(all[i], copy)) found++;
      for (const [j, other] of all.entries()) {
        // All others are compared for some copies only, to save time.
        if (j !== i && (i + j) % 3 === 0 && comparePictures(other, copy))
          wrong.push(`${file} and ${files[j]}`);
      }
    }
    expect(wrong).toEqual([]);
    // Of the hardest copies, thin lines cut and moved at once, one may be missed.
    expect(found).toBeGreaterThanOrEqual(files.length - 1);
  });

  test('pictures of one figure in other poses and places are groups of their own', async () => {
    const pictures = (await described).map((likeness, i) => ({ hash: files[i], likeness }));
    expect(groupAlike(pictures)).toEqual(files.map((_, i) => [i]));
  });

  test('groups hold every picture once: copies beside their original, equal files without a look at them', async () => {
    const [a, b, c] = await described;
    const mirrored = await describeLikeness(await sharp(bytesOf(files[1])).flop().toBuffer());
    const pictures: [hash: string, likeness: Likeness][] = [
      ['a', a],
      ['b', b],
      ['c', c],
      ['a', c],
      ['m', mirrored],
    ];
    const groups = groupAlike(pictures.map(([hash, likeness]) => ({ hash, likeness })));
    // The file with the hash of the first is in its group, whatever it shows.
    expect(groups).toEqual([[0, 3], [1, 4], [2]]);
    expect(groupAlike([])).toEqual([]);
  });

  test('pictures of one colour are alike when the colour is', async () => {
    const flat = async (color: string, side: number): Promise<Likeness> => {
      const picture = sharp({ create: { width: side, height: side, channels: 3, background: color } });
      return describeLikeness(await picture.png().toBuffer());
    };
    const [grey, same, red, dot] = await Promise.all([
      flat('#777', 40),
      flat('#787878', 90),
      flat('#f00', 40),
      flat('#777', 1),
    ]);
    expect(comparePictures(grey, same)).toBeDefined();
    expect(comparePictures(grey, dot)).toBeDefined();
    expect(comparePictures(grey, red)).toBeUndefined();
    expect(comparePictures(grey, (await described)[0])).toBeUndefined();
  });

  test('the same drawing in another colour is another picture', async () => {
    const turned = await sharp(bytesOf(files[2])).removeAlpha().modulate({ hue: 150 }).png().toBuffer();
    expect(comparePictures((await described)[2], await describeLikeness(turned))).toBeUndefined();
  });
});

test('the placement of a cut is what was cut', async () => {
  const file = files[1];
  // 256 → 240 pixels from 6 on: the cut shows the part from 6/256 to 246/256.
  const cut = await sharp(bytesOf(file))
    .extract({ left: 6, top: 10, width: 240, height: 236 })
    .linear(0.9, 5)
    .toBuffer();
  const [whole, part] = [await describeLikeness(bytesOf(file)), await describeLikeness(cut)];
  const placement = align(part.light[0], whole.light[0], inPlace, 20);
  expect(placement).toBeDefined();
  // A pixel of the plane is 1/64; edges place it to a fifth of that.
  expect(Math.abs((placement?.stretchX ?? 0) - 240 / 256)).toBeLessThan(0.003);
  expect(Math.abs((placement?.stretchY ?? 0) - 236 / 256)).toBeLessThan(0.003);
  expect(Math.abs((placement?.shiftX ?? 0) - ((6 + 120) / 256 - 0.5))).toBeLessThan(0.003);
  expect(Math.abs((placement?.shiftY ?? 0) - ((10 + 118) / 256 - 0.5))).toBeLessThan(0.003);
  // Reading between pixels softens the second picture, which the contrast makes up for.
  expect(Math.abs((placement?.gain ?? 0) - 0.9)).toBeLessThan(0.06);
});
