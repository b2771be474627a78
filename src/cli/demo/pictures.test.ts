/** The demo's sheet shows the files that the demo wrote, each under its LoRAs and beside its prompt. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { layOut, openPocket } from '../../workbench/index.ts';
import { writePictures, writeSheet } from './pictures.ts';
import { columns, rows, sets } from './plan.ts';

/** A colour of its own for each place. */
const colorAt = (row: number, column: number): number[] => [40 * row, 60 * column, 100];

test('every picture is in its row and column, pictures of both training sets above', async () => {
  const out = temporaryFolder();
  const drawn = columns.map(({ uses }, column) => ({
    ...{ uses, loras: [] },
    pictures: rows.map((_, row) => {
      const data = new Uint8Array(3 * 64 * 64).map((_, i) => colorAt(row, column)[i % 3]);
      return { width: 64, height: 64, data };
    }),
  }));
  const folder = await writePictures(openPocket(), out, drawn, 'cpu');
  expect(readdirSync(folder).length).toBe(rows.length * columns.length);
  expect(readdirSync(folder)).toContain('a-blueprint-of-a-zorbi--style-and-character.png');
  const path = await writeSheet(out, drawn);
  const { data, info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [
    ...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3),
  ];
  const layout = layOut(
    {
      ...{ title: 'LoRA', subtitle: '', caption: '64×64' },
      samples: sets.map(({ name }) => ({ label: `${name} LoRA`, note: 'trained on' })),
      x: { title: '', values: columns.map(({ label }) => ({ label })) },
      y: { title: 'prompt', values: rows.map(({ prompt }) => ({ label: prompt, note: 'seed 21' })) },
    },
    { width: 64, height: 64 },
  );
  expect([info.width, info.height, info.channels]).toEqual([layout.width, layout.height, 3]);
  for (const [row] of rows.entries())
    for (const [column] of columns.entries())
      expect(at(layout.left(column) + 96, layout.top(row) + 96)).toEqual(colorAt(row, column));
  for (const [row, set] of sets.entries()) {
    const { width, height } = layout.sample;
    const place = { left: layout.sampleLeft(1), top: layout.sampleTop(row) };
    const shown = await sharp(path)
      .extract({ ...place, width, height })
      .raw()
      .toBuffer();
    const sample = readFileSync(join(set.folder, '02.png'));
    const expected = await sharp(sample)
      .removeAlpha()
      .resize(width, height, { kernel: 'lanczos3', fit: 'fill' })
      .toColourspace('srgb')
      .raw()
      .toBuffer();
    expect(shown.equals(expected), set.name).toBe(true);
  }
});
