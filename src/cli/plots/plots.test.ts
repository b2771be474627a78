/** Pictures of LoRAs: what is drawn, by the numbers in it; and that a PNG has labels where no font is installed. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { node } from '../../../test/support/command-line.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { diffLoras, inspectLora } from '../../lora/index.ts';
import { checkPlotPath, colors, fitted, labelFonts, labelWidth, toSvg } from '../../workbench/index.ts';
import { ticksTo } from './axes.ts';
import { drawDifference } from './diff-plot.ts';
import { drawLora } from './lora-plot.ts';

const path = 'test/golden/data/inspect-lora.safetensors';
const other = 'test/golden/data/inspect-other.safetensors';
const heightsOf = (svg: string, color: string): number[] =>
  [...svg.matchAll(/height="([\d.]+)" fill="(#\w+)"/g)]
    .filter(([, height, fill]) => fill === color && Number(height) > 3)
    .map(([, height]) => Number(height));

describe('the picture of a LoRA', () => {
  test('has a bar a block, as high as its norm', async () => {
    const { facts } = await inspectLora(path);
    const svg = toSvg(drawLora(facts), 'title <&>');
    const down = facts.blocks.filter(({ section }) => section.startsWith('down'));
    const heights = heightsOf(svg, colors.blue);
    expect(heights.length).toBe(down.length);
    const perNorm = heights.map((height, i) => height / (down[i].norm ?? 0));
    expect(perNorm[1] / perNorm[0]).toBeCloseTo(1, 2); // coordinates have two digits
    expect(svg).toContain('<title>title &lt;&amp;&gt;</title>');
    expect(svg).not.toContain('<text');
  });

  test('of a file that holds NaN is still a picture', async () => {
    const { facts } = await inspectLora(path);
    const broken = { ...facts, blocks: facts.blocks.map(block => ({ ...block, norm: Number.NaN })) };
    expect(toSvg(drawLora(broken), '')).not.toContain('NaN');
  });
});

test('the picture of a difference has two bars a block and one for their distance', async () => {
  const difference = await diffLoras(path, other);
  const svg = toSvg(drawDifference(difference), '');
  const { blocks } = difference;
  expect(heightsOf(svg, colors.slate).length).toBe(blocks.length);
  // One more rectangle of each colour is its mark in the legend.
  expect(heightsOf(svg, colors.blue).length).toBe(blocks.length + 1);
  expect(heightsOf(svg, colors.orange).length).toBe(blocks.length + 1);
});

test('as PNG and SVG, without a font on the machine', async () => {
  const folder = temporaryFolder();
  const draw = (name: string): string => {
    const out = join(folder, name);
    const options = ['src/cli/main.ts', 'inspect', path, '--plot', out];
    execFileSync(node, options, { env: { ...process.env, FONTCONFIG_FILE: '/dev/null' }, stdio: 'ignore' });
    return out;
  };
  const { data, info } = await sharp(draw('a.png')).greyscale().raw().toBuffer({ resolveWithObject: true });
  // The title is in rows 24–48 of the drawing, drawn 1.5 times as large.
  const title = data.subarray(36 * info.width, 72 * info.width);
  expect(title.filter(level => level < 100).length).toBeGreaterThan(500);
  expect(readFileSync(draw('a.svg'), 'utf8')).toMatch(/^<svg /);
});

test('names of pictures, and files that are there', () => {
  const there = join(temporaryFolder(), 'a.png');
  writeFileSync(there, 'x');
  expect(existsSync(there)).toBe(true);
  expect(() => checkPlotPath(there)).toThrow(expect.objectContaining({ code: 'WRITE_EXISTS' }));
  expect(() => checkPlotPath('a.jpg')).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', exit: 'usage' }),
  );
});

test('letters: widths add up, compound letters and unknown ones have outlines', () => {
  const { regular } = labelFonts();
  expect(regular.width('ab')).toBeCloseTo(regular.width('a') + regular.width('b'), 10);
  for (const letter of ['ä', 'Δ', '‖', '猫']) expect(regular.outline(letter, 0, 0, 10)).toMatch(/^M.*Z$/);
  expect(regular.outline(' ', 0, 0, 10)).toBe('');
  const cut = fitted('a'.repeat(200), 100, 12);
  expect(cut.endsWith('…') && labelWidth(cut, 12) <= 100).toBe(true);
});

test.each(['regular', 'bold'] as const)(
  'round brackets of the %s font are round: no upright side',
  weight => {
    const font = labelFonts()[weight];
    const path = font.outline('(', 0, 0, 1000);
    expect(path.match(/Q/g)?.length).toBe(2);
    // Middles of its arcs: on the left of the tips by as much as can be seen, with a stroke between them.
    const [outer, inner] = [...path.matchAll(/([\d.-]+) [\d.-]+Q([\d.-]+) [\d.-]+ ([\d.-]+)/g)].map(
      ([, from, control, to]) => (Number(from) + 2 * Number(control) + Number(to)) / 4,
    );
    const tip = Number(/^M([\d.]+)/.exec(path)?.[1]);
    expect(tip - outer).toBeGreaterThan(200);
    expect(inner - outer).toBeGreaterThan(70);
    expect(font.width('(')).toBeCloseTo(font.width(')'), 10);
  },
);

test('ticks are round and reach the largest value', () => {
  expect(ticksTo(5.9)).toEqual([0, 2, 4, 6]);
  expect(ticksTo(0.031)).toEqual([0, 0.01, 0.02, 0.03, 0.04]);
  expect(ticksTo(150)).toEqual([0, 50, 100, 150]);
  expect(ticksTo(0)).toEqual([0, 1]);
});
