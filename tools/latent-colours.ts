/**
 * @file Fits the colours of latents that live previews are drawn with (src/generation/preview/latent-colours.ts): least
 * squares of decoded pictures, averaged over what a latent pixel stands for, against their latents. With a folder, also
 * writes each preview beside its true picture there.
 *
 *     node tools/latent-colours.ts <checkpoint> <folder of pictures> ... [--out folder]
 */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import type { Tensor } from '../src/engine/index.ts';
import { encodePng } from '../src/files/index.ts';
import { latentPreview } from '../src/generation/preview/latent-preview.ts';
import { openCheckpoint, openVaeDecoder, openVaeEncoder } from '../src/models/index.ts';

const { positionals, values } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const [base, ...folders] = positionals;
const checkpoint = openCheckpoint(base);
const { resolution, latentScale } = checkpoint;
const encoder = openVaeEncoder(checkpoint);
const decoder = openVaeDecoder(checkpoint);

/** A picture as [1, 3, side, side] in −1 … 1. */
async function readPicture(path: string): Promise<Tensor> {
  const side = resolution;
  const bytes = await sharp(path)
    .flatten({ background: '#fff' })
    .resize(side, side)
    .removeAlpha()
    .raw()
    .toBuffer();
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => {
    const plane = side * side;
    return bytes[(i % plane) * 3 + Math.floor(i / plane)] / 127.5 - 1;
  });
  return { shape: [1, 3, side, side], data };
}

/** Each channel averaged over squares of latentScale² pixels: what a preview should show. */
function averaged({ shape: [, channels, height, width], data }: Tensor): Float32Array {
  const [rows, columns] = [height / latentScale, width / latentScale];
  const out = new Float32Array(channels * rows * columns);
  for (let i = 0; i < data.length; i++) {
    const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
    const to = (c * rows + Math.floor(y / latentScale)) * columns + Math.floor(x / latentScale);
    out[to] += data[i] / latentScale ** 2;
  }
  return out;
}

/** Solves the normal equations A·x = b by Gauss–Jordan with pivots; `b` has one column a colour. */
function solve(a: number[][], b: number[][]): number[][] {
  const rows = a.map((row, i) => [...row, ...b[i]]);
  for (let i = 0; i < rows.length; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, k) => (Math.abs(row[i]) > Math.abs(rows[best][i]) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot], rows[i]];
    rows[i] = rows[i].map(value => value / rows[i][i]);
    for (let k = 0; k < rows.length; k++)
      if (k !== i) rows[k] = rows[k].map((value, j) => value - rows[k][i] * rows[i][j]);
  }
  return rows.map(row => row.slice(a.length));
}

const paths = folders.flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.png'))
    .map(name => join(folder, name)),
);
const channels = checkpoint.vae.config.latentChannels;
const normal = Array.from({ length: channels + 1 }, () => new Array<number>(channels + 1).fill(0));
const right = Array.from({ length: channels + 1 }, () => new Array<number>(3).fill(0));
const pictures: { latent: Tensor; decoded: Tensor }[] = [];
for (const path of paths) {
  const { shape, data } = await encoder.encode(await readPicture(path));
  const decoded = await decoder.decode({ shape, data });
  const colours = averaged(decoded);
  const plane = shape[2] * shape[3];
  for (let p = 0; p < plane; p++) {
    const inputs = [...Array.from({ length: channels }, (_, c) => data[c * plane + p]), 1];
    for (const [i, x] of inputs.entries()) {
      for (const [j, y] of inputs.entries()) normal[i][j] += x * y;
      for (let colour = 0; colour < 3; colour++) right[i][colour] += x * colours[colour * plane + p];
    }
  }
  pictures.push({ latent: { shape: shape.slice(1), data }, decoded });
}
await encoder.release();
await decoder.release();

const fitted = solve(normal, right).map(row => row.map(value => Number(value.toFixed(4))));
console.log(`${paths.length} pictures`);
console.log('factors', JSON.stringify(fitted.slice(0, channels)));
console.log('bias', JSON.stringify(fitted[channels]));

if (values.out !== undefined) {
  mkdirSync(values.out, { recursive: true });
  for (const [i, { latent, decoded }] of pictures.entries()) {
    const side = resolution;
    const preview = latentPreview(latent, checkpoint.family, { scale: latentScale });
    const data = new Uint8Array(2 * side * side * 3);
    for (let y = 0; y < side; y++) {
      data.set(preview.data.subarray(y * side * 3, (y + 1) * side * 3), 2 * y * side * 3);
      for (let x = 0; x < 3 * side; x++) {
        const value = decoded.data[((x % 3) * side + y) * side + Math.floor(x / 3)];
        data[(2 * y + 1) * side * 3 + x] = Math.round(Math.min(1, Math.max(0, (value + 1) / 2)) * 255);
      }
    }
    writeFileSync(
      join(values.out, `${String(i).padStart(2, '0')}.png`),
      encodePng({ width: 2 * side, height: side, channels: 3, data }),
    );
  }
}
