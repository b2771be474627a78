/** Splits of real pictures with planted copies, over many seeds; what shuffling without looking does to the same. */
import { createHash } from 'node:crypto';
import sharp, { type Sharp } from 'sharp';
import { beforeAll, expect, test } from 'vitest';
import { describeLikeness, groupAlike } from '../../dataset/index.ts';
import { randomStream } from '../../engine/index.ts';
import { assertNoLeak, findLeaks, readLikenesses, withoutTrained } from './leaks.ts';
import { type Split, type SplitPicture, splitGroups, splitPictures } from './split.ts';

const seeds = Array.from({ length: 300 }, (_, seed) => seed);

async function pictureOf(path: string, bytes: Uint8Array, subset: string): Promise<SplitPicture> {
  const hash = createHash('sha256').update(bytes).digest('hex');
  return { path, hash, subset, likeness: await describeLikeness(bytes) };
}

/** Copies as they come into data sets: compressed again, smaller, cut, brighter, mirrored. */
const copies: readonly [name: string, change: (source: Sharp) => Sharp][] = [
  ['jpeg', picture => picture.jpeg({ quality: 60 })],
  ['smaller', picture => picture.resize(128, 128)],
  ['cut', picture => picture.extract({ left: 8, top: 4, width: 240, height: 244 })],
  ['brighter', picture => picture.modulate({ brightness: 1.05 })],
  ['mirrored', picture => picture.flop()],
];

/** 20 drawings of a character in poses of their own, of which the first five have a copy each, and one file twice. */
let pictures: SplitPicture[];
let drawings: SplitPicture[];
let groups: number[][];
/** Pairs of which one is a copy of the other, as the check of leaks sees them. */
let alike: ReadonlySet<string>;
beforeAll(async () => {
  drawings = [];
  const large: Buffer[] = [];
  for (let i = 1; i <= 20; i++) {
    const name = `${String(i).padStart(2, '0')}.png`;
    const bytes = await sharp(`examples/zorbi-character/${name}`).resize(256, 256).png().toBuffer();
    large.push(bytes);
    drawings.push(await pictureOf(name, bytes, i <= 15 ? 'many' : 'few'));
  }
  pictures = [...drawings];
  for (const [i, [name, change]] of copies.entries()) {
    const bytes = await change(sharp(large[i])).toBuffer();
    pictures.push(await pictureOf(`${name} of ${drawings[i].path}`, bytes, 'copies'));
  }
  pictures.push({ ...drawings[6], path: 'the same file again' });
  groups = groupAlike(pictures);
  const pairs = pictures.flatMap((_, b) => Array.from({ length: b }, (_, a) => [a, b]));
  const found = pairs.filter(([a, b]) => findLeaks(pictures, { training: [a], heldOut: [b] }).length > 0);
  alike = new Set(found.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]));
});

/** Held-out pictures of which a copy, or the picture itself, is trained on. */
const leaking = ({ training, heldOut }: Pick<Split, 'training' | 'heldOut'>): number =>
  heldOut.filter(out => training.some(index => index === out || alike.has(`${index} ${out}`))).length;

test('the planted copies are found, and nothing else', () => {
  const planted = [...[0, 1, 2, 3, 4].map(i => [i, 20 + i]), [6, 25]];
  const expected = planted.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]);
  expect(new Set(expected)).toEqual(alike);
});

test('whatever the seed, no picture and no copy of it is on both sides', () => {
  let out = 0;
  for (const seed of seeds) {
    const split = splitGroups(pictures, groups, { seed, share: 0.2 });
    expect(leaking(split)).toBe(0);
    const all = [...split.training, ...split.heldOut, ...split.setAside].sort((a, b) => a - b);
    expect(all).toEqual(pictures.map((_, i) => i));
    out += split.heldOut.length + split.setAside.length;
  }
  // 0.2 of 26 is 5.2; groups are taken whole, so some seeds hold out 4.
  expect(out / seeds.length).toBeGreaterThan(4.8);
  expect(out / seeds.length).toBeLessThanOrEqual(5);
});

/**
 * The rule of sd-scripts (library/train_util.py, split_train_val) where no validation seed is given: the list is
 * shuffled once for training, of which the first part is taken, and again for validation, of which the last is.
 */
function splitShuffledTwice(count: number, share: number, trial: number) {
  const order = (which: number): number[] => randomStream(3, 'shuffle', trial, which).permutation(count);
  return {
    training: order(0).slice(0, Math.ceil(count * (1 - share))),
    heldOut: order(1).slice(count - Math.round(count * share)),
  };
}

test('two shuffles put 90 % of what they hold out into training; one shuffle still leaks by copies', () => {
  const trials = 2000;
  let [twice, twiceWithoutCopies, once] = [0, 0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const order = randomStream(4, 'one shuffle', trial).permutation(26);
    twice += leaking(splitShuffledTwice(26, 0.1, trial));
    twiceWithoutCopies += leaking(splitShuffledTwice(20, 0.1, trial));
    once += leaking({ training: order.slice(3), heldOut: order.slice(0, 3) });
  }
  // 18 of 20 pictures are trained on. 4 standard deviations of a count out of 4000 are 0.02.
  expect(Math.abs(twiceWithoutCopies / (2 * trials) - 0.9)).toBeLessThan(0.02);
  expect(twice / (3 * trials)).toBeGreaterThan(0.9);
  // 12 of the 26 pictures have a twin, which is in training with a chance of 23/25.
  expect(Math.abs(once / (3 * trials) - (12 / 26) * (23 / 25))).toBeLessThan(0.03);
});

test('a leak is an error that names both pictures', () => {
  const sides = { training: [0, 1, 2], heldOut: [3, 20] };
  expect(() => assertNoLeak(pictures, sides)).toThrow(
    'jpeg of 01.png is held out, but 01.png, which is trained on, is nearly the same picture',
  );
});

test('the split depends on seed and content: not on names, and not on the order of files', () => {
  const alone = drawings.map((_, i) => [i]);
  const hashesOf = (order: readonly SplitPicture[], seed: number): string[] =>
    splitGroups(order, alone, { seed, share: 0.2 })
      .heldOut.map(i => order[i].hash)
      .sort();
  const other = randomStream(1, 'order')
    .permutation(drawings.length)
    .map(i => ({ ...drawings[i], path: `renamed ${i}` }));
  for (const seed of seeds) expect(hashesOf(other, seed)).toEqual(hashesOf(drawings, seed));
  const distinct = new Set(seeds.map(seed => hashesOf(drawings, seed).join()));
  expect(distinct.size).toBeGreaterThan(200);
});

test('every folder gives its share, and every picture has its turn', () => {
  const counts = new Map<number, number>();
  const alone = drawings.map((_, i) => [i]);
  for (const seed of seeds) {
    const { heldOut } = splitGroups(drawings, alone, { seed, share: 0.2 });
    expect(heldOut.filter(i => drawings[i].subset === 'many')).toHaveLength(3);
    expect(heldOut.filter(i => drawings[i].subset === 'few')).toHaveLength(1);
    for (const i of heldOut) counts.set(i, (counts.get(i) ?? 0) + 1);
  }
  // 60 of 300 expected each; 5 standard deviations of a binomial count are 35.
  for (const i of drawings.keys()) expect(Math.abs((counts.get(i) ?? 0) - 60)).toBeLessThan(35);
});

test.each([
  { count: 5, share: 0, out: 1 },
  { count: 5, share: 0.9, out: 2 },
  { count: 10, share: 0.1, out: 1 },
  { count: 10, share: 0.25, out: 3 },
])('$share of $count pictures holds out $out', ({ count, share, out }) => {
  expect(splitPictures(drawings.slice(0, count), { seed: 1, share }).heldOut).toHaveLength(out);
});

test('fewer than five different pictures: says so, and what to do instead', () => {
  const few = [...drawings.slice(0, 4), { ...drawings[0], path: 'again' }];
  const split = (): unknown => splitPictures(few, { seed: 1, share: 0.2 });
  expect(split).toThrow(
    '5 pictures, 4 of them different, are too few to hold some out: at least 5 different ones are needed',
  );
  expect(split).toThrow(
    expect.objectContaining({ code: 'VALIDATION_TOO_FEW', hint: expect.stringContaining('leaveOut') }),
  );
});

test('regularisation pictures are trained on, and so is what is like them', () => {
  const mixed = pictures.map((picture, i) => ({ ...picture, isRegularisation: i >= 20 }));
  for (const seed of seeds) {
    const { heldOut, setAside } = splitGroups(mixed, groups, { seed, share: 0.4 });
    // The first five have a copy among the regularisation pictures, and so has the seventh.
    for (const i of heldOut) expect(i === 5 || (i > 6 && i < 20)).toBe(true);
    expect(heldOut).toHaveLength(8);
    expect(setAside).toHaveLength(0);
  }
});

test('of a group that is held out one is measured, the others are set aside', () => {
  const twins = drawings.flatMap((picture, i) => [picture, { ...picture, path: `twin ${i}` }]);
  const split = splitPictures(twins, { seed: 3, share: 0.1 });
  expect(split.heldOut).toHaveLength(2);
  expect(split.setAside).toEqual(split.heldOut.map(i => i + 1));
  expect(split.different).toBe(20);
});

test('a validation folder loses what is trained on, each named with its twin', () => {
  const { kept, dropped } = withoutTrained(pictures.slice(18), drawings.slice(0, 18));
  expect(kept.map(({ path }) => path)).toEqual(['19.png', '20.png']);
  expect(dropped).toHaveLength(6);
  expect(dropped[0]).toEqual({
    ...{ trained: '01.png', heldOut: 'jpeg of 01.png', how: 'nearly the same picture' },
  });
  expect(dropped[5]).toEqual({ trained: '07.png', heldOut: 'the same file again', how: 'the same file' });
  expect(() => withoutTrained(pictures.slice(20), drawings)).toThrow(/all 6 pictures .* are trained on/);
});

test('likenesses are read from files in order; a file that is no picture is named', async () => {
  const paths = ['03.png', '01.png'].map(name => `examples/zorbi-character/${name}`);
  const both = await readLikenesses(paths);
  expect(both).toEqual((await readLikenesses(paths.toReversed())).toReversed());
  expect(both[0]).not.toEqual(both[1]);
  await expect(readLikenesses(['examples/zorbi-character/01.txt'])).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: expect.stringContaining('01.txt'),
  });
});
