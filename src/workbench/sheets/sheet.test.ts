/** Sheets: what is where, pixel by pixel, at every size. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { encodePng } from '../../files/index.ts';
import { labelWidth } from '../drawing/svg.ts';
import { type HeadLines, headHeight, largest, layOut, leading, noteSize } from './layout.ts';
import { commonWords, linesOf } from './lines.ts';
import { drawSheet, type Sheet } from './sheet.ts';

const folder = temporaryFolder();
const paper = [0xfc, 0xfc, 0xfa];

/** A picture of one colour. */
function plainPicture(width: number, height: number, color: readonly [number, number, number]): string {
  const path = join(folder, `${width}x${height}-${color.join('-')}.png`);
  const data = new Uint8Array(3 * width * height).map((_, i) => color[i % 3]);
  writeFileSync(path, encodePng({ width, height, channels: 3, data }));
  return path;
}

const axis = (title: string, labels: readonly string[]) => ({
  title,
  values: labels.map(label => ({ label })),
});

const sheetOf = (change: Partial<Sheet>): Sheet => ({
  ...{ title: 'a cat', subtitle: '', caption: '64×64, seed 1' },
  ...{ x: axis('epoch', ['1', '2']), y: axis('strength', ['0.5', '1']) },
  ...{ picture: { width: 64, height: 64 }, files: [] },
  ...change,
});

async function pixels(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return (x: number, y: number): number[] => [
    ...data.subarray(info.channels * (y * info.width + x), info.channels * (y * info.width + x) + 3),
  ];
}

describe('a sheet', () => {
  const [red, green, blue] = [
    [255, 0, 0],
    [0, 160, 0],
    [0, 0, 255],
  ] as const;

  test('each picture is in its cell, undistorted; a missing one is a dash on grey', async () => {
    const files = [
      [plainPicture(64, 64, red), plainPicture(64, 64, green)],
      [plainPicture(64, 64, blue), undefined],
    ];
    const sheet = sheetOf({ files });
    const { png, width, height, scale } = await drawSheet(sheet);
    const layout = layOut(sheet, sheet.picture);
    expect([width, height, scale]).toEqual([layout.width, layout.height, 3]);
    expect(await sharp(png).metadata()).toMatchObject({ width, height, channels: 3 });
    const at = await pixels(png);
    const corners = (row: number, column: number): number[][] => {
      const [x, y] = [layout.left(column), layout.top(row)];
      return [at(x, y), at(x + 191, y), at(x, y + 191), at(x + 191, y + 191)];
    };
    expect(corners(0, 0)).toEqual(Array(4).fill(red));
    expect(corners(0, 1)).toEqual(Array(4).fill(green));
    expect(corners(1, 0)).toEqual(Array(4).fill(blue));
    expect(corners(1, 1)).toEqual(Array(4).fill([0xe4, 0xe4, 0xe0]));
    expect(at(layout.left(1) + 96, layout.top(1) + 96)).toEqual([0x6d, 0x70, 0x80]);
    // Nothing is drawn over the gap between two pictures.
    expect(at(layout.left(0) + 192 + 3, layout.top(0) + 96)).toEqual(paper);
  });

  test('pictures of different sizes are shown at one scale, each in the middle', async () => {
    const files = [[plainPicture(128, 64, red), plainPicture(64, 64, green)]];
    const sheet = sheetOf({ files, y: axis('', ['']), picture: { width: 128, height: 64 } });
    const { png, scale } = await drawSheet(sheet);
    const { left, top, cell } = layOut(sheet, sheet.picture);
    expect([scale, cell]).toEqual([2, { width: 256, height: 128 }]);
    const at = await pixels(png);
    const middle = top(0) + 64;
    expect([at(left(0), middle), at(left(0) + 255, middle)]).toEqual([red, red]);
    const row = [63, 64, 191, 192].map(x => at(left(1) + x, middle));
    expect(row).toEqual([paper, green, green, paper]);
  });

  test('a picture that is larger than was planned stays in its cell', async () => {
    const sheet = sheetOf({ files: [[plainPicture(300, 100, red)]], x: axis('', ['']), y: axis('', ['']) });
    const at = await pixels((await drawSheet(sheet)).png);
    const { left, top } = layOut(sheet, sheet.picture);
    expect([at(left(0) + 96, top(0) + 96), at(left(0) + 96, top(0) + 20)]).toEqual([red, paper]);
  });

  test('samples stand two over a column, each as large as its place allows', async () => {
    const samples = [
      {
        ...{ label: 'style', note: 'trained on' },
        files: [plainPicture(256, 256, red), plainPicture(16, 16, green), plainPicture(256, 256, blue)],
      },
      { label: 'character', files: Array(5).fill(plainPicture(256, 128, green)) },
    ];
    const files = [[plainPicture(64, 64, red), plainPicture(64, 64, green)]];
    const sheet = sheetOf({ files, y: axis('', ['']), samples });
    const layout = layOut(sheet, sheet.picture);
    const { sample, sampleLeft, sampleTop, left, top, cell, side, height, width } = layout;
    const { png, scale } = await drawSheet(sheet);
    expect(await sharp(png).metadata()).toMatchObject({ width, height });
    expect([scale, sample.width, sample.height]).toEqual([3, 92, 92]);
    // Rows have heads because samples do.
    expect(side).toBeGreaterThan(labelWidth('character', layout.type, true));
    const at = await pixels(png);
    const corners = (row: number, place: number): number[][] => {
      const [x, y] = [sampleLeft(place), sampleTop(row)];
      return [at(x, y), at(x + 91, y), at(x, y + 91), at(x + 91, y + 91)];
    };
    expect([0, 1, 2].map(place => corners(0, place))).toEqual(
      [red, green, blue].map(color => Array(4).fill(color)),
    );
    expect(sampleLeft(3) + sample.width).toBe(left(1) + cell.width);
    const middle = sampleTop(1) + 46;
    expect([at(sampleLeft(3) + 91, middle), at(sampleLeft(3) + 91, middle - 24)]).toEqual([green, paper]);
    // The fifth of four that fit is left out, and the grid begins below.
    expect(at(width - 2, middle)).toEqual(paper);
    expect(sampleTop(1) + sample.height).toBeLessThan(top(0));
    expect([at(left(0), top(0)), at(left(1), top(0))]).toEqual([red, green]);
  });

  test('the same pictures make the same bytes', async () => {
    const sheet = sheetOf({ files: [[plainPicture(64, 64, red), undefined]], y: axis('', ['']) });
    expect((await drawSheet(sheet)).png).toEqual((await drawSheet(sheet)).png);
  });
});

describe('the layout', () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `epoch ${i}`);

  test.each([
    [40, 1, 1024],
    [1, 40, 1024],
    [30, 30, 512],
    [100, 100, 64],
    [100, 100, 1536],
  ])('%i × %i pictures of %i fit on one sheet', (columns, rows, side) => {
    const sheet = sheetOf({ x: axis('epoch', many(columns)), y: axis('seed', many(rows)) });
    const { width, height, scale } = layOut(sheet, { width: side, height: side });
    expect(Math.max(width, height)).toBeLessThanOrEqual(largest.side);
    expect(width * height).toBeLessThanOrEqual(largest.area);
    expect(scale * side).toBeGreaterThan(64);
  });

  test('a sheet stays within limits of its own', () => {
    const sheet = sheetOf({ x: axis('', many(16)), y: axis('prompt', many(4)) });
    const limits = { side: 4096, area: 8e6 };
    const { width, height, scale } = layOut(sheet, { width: 512, height: 512 }, limits);
    expect(Math.max(width, height)).toBeLessThanOrEqual(limits.side);
    expect(width * height).toBeLessThanOrEqual(limits.area);
    // No smaller than it must be: one side is near its limit.
    expect(width).toBeGreaterThan(0.9 * limits.side);
    expect(scale).toBeGreaterThan(0.35);
  });

  test('heads that are as wide as their cells keep apart', () => {
    const fill = (width: number, type: number): string => {
      let text = 'wide';
      while (labelWidth(`${text} i`, type, true) <= width) text += ' i';
      return text;
    };
    const { type, cell } = layOut(sheetOf({}), { width: 64, height: 64 });
    const wide = fill(cell.width, type);
    expect(cell.width - labelWidth(wide, type, true)).toBeLessThan(0.7 * type);
    const { columns, left } = layOut(sheetOf({ x: axis('prompt', [wide, wide]) }), { width: 64, height: 64 });
    const widths = columns.map(({ label }) => Math.max(...label.map(line => labelWidth(line, type, true))));
    expect(columns[0].label.length).toBe(2);
    const pitch = left(1) - left(0);
    expect(pitch - (widths[0] + widths[1]) / 2).toBeGreaterThanOrEqual(type);
  });

  test('the name of rows stands beside the heads of columns where columns have no name', () => {
    const text = sheetOf({ x: axis('', ['1', '2']) });
    const [bare, named] = [text, { ...text, x: axis('epoch', ['1', '2']) }].map(sheet =>
      layOut(sheet, sheet.picture),
    );
    const { type, axisLine, top } = bare;
    expect(named.top(0) - top(0)).toBe(leading(noteSize(type)));
    expect(axisLine).toBeGreaterThan(top(0) - leading(type));
    expect(axisLine).toBeLessThan(top(0));
    expect(named.axisLine).toBeLessThan(named.top(0) - leading(type));
  });

  test('heads, titles and cells stay apart and on the sheet, whatever they say', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 80 });
    const head = fc.record({ label: word, note: fc.option(word, { nil: undefined }) });
    const heads = fc.array(head, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        ...[word, word, word],
        ...[heads, heads, fc.array(head, { maxLength: 2 })],
        ...[fc.integer({ min: 8, max: 1500 }), fc.integer({ min: 8, max: 1500 })],
        (title, subtitle, caption, x, y, samples, width, height) => {
          const text = { title, subtitle, caption, samples };
          const layout = layOut(
            { ...text, x: { title: 'epoch', values: x }, y: { title: 'strength', values: y } },
            { width, height },
          );
          const { type, margin, cell, sample, side, left, top, sampleTop } = layout;
          const widthOf = ({ label, note }: HeadLines): number =>
            Math.max(
              ...[0, ...label.map(line => labelWidth(line, type, true))],
              ...note.map(line => labelWidth(line, noteSize(type))),
            );
          // A cell may be narrower than one letter.
          for (const lines of layout.columns)
            expect(widthOf(lines)).toBeLessThanOrEqual(cell.width + 1.1 * type);
          for (const lines of [...layout.rows, ...layout.samples])
            expect(widthOf(lines)).toBeLessThanOrEqual(side - 0.5 * type);
          // One line each of label and note is always shown.
          const least = leading(type) + leading(noteSize(type));
          for (const lines of layout.rows)
            expect(headHeight(lines, type)).toBeLessThanOrEqual(Math.max(least, cell.height));
          for (const lines of layout.samples)
            expect(headHeight(lines, type)).toBeLessThanOrEqual(Math.max(least, sample.height));
          if (samples.length > 0)
            expect(sampleTop(samples.length - 1) + sample.height).toBeLessThan(
              layout.axisLine - noteSize(type),
            );
          expect(left(x.length - 1) + cell.width).toBeLessThanOrEqual(layout.width - margin);
          expect(top(y.length - 1) + cell.height).toBe(layout.height - margin);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test.each<[string, number, string[]]>([
  ['one two three', 1e9, ['one two three']],
  ['one two three', labelWidth('one two', 10), ['one two', 'three']],
  ['my-lora-v2', labelWidth('my-lora-', 10), ['my-lora-', 'v2']],
  ['', 100, []],
])('%j is broken where a reader would', (text, width, expected) =>
  expect(linesOf(text, width, 10, 4)).toEqual(expected),
);

test.each<[string[], string]>([
  [['a red cat at night', 'a blue cat at night'], 'a … cat at night'],
  [['a cat', 'a cat at night'], 'a cat …'],
  [['cat, night', 'dog, night'], '… night'],
  [['a a', 'a a a'], 'a a …'],
  [['a cat', 'two dogs'], ''],
  [['a cat', ''], ''],
])('what %j have in common', (texts, expected) => expect(commonWords(texts)).toBe(expected));

test('what does not fit ends with dots', () => {
  const lines = linesOf('one two three four five six', labelWidth('one two', 10), 10, 2);
  expect(lines.length).toBe(2);
  expect(lines[1]).toMatch(/^th.*…$/);
});
