/**
 * @file What one ground in a data set does to a LoRA, measured on the embedded model: trains on both sets of
 * tools/pocket/background_sets.py in the same way, draws pictures of the trigger word alone, and counts their grounds.
 *
 *   python tools/pocket/background_sets.py sets && node tools/consequence.ts sets
 *
 * Writes `sets/consequence.png` too: above what was drawn after one ground, below after many.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';

/** Plain grounds that the embedded model knows (tools/pocket/icons.py). */
const grounds: Readonly<Record<string, readonly number[]>> = {
  white: [255, 255, 255],
  gray: [185, 188, 195],
  yellow: [253, 228, 130],
  pink: [250, 195, 215],
  blue: [150, 200, 245],
  green: [165, 220, 165],
  orange: [252, 190, 130],
  purple: [205, 178, 238],
};

/** The plain ground whose colour the border has, or `other` for scenes and everything that is not plain. */
async function groundOf(path: string): Promise<string> {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const border: number[][] = [];
  for (let y = 0; y < info.height; y++)
    for (let x = 0; x < info.width; x++) {
      // The lower edge has feet in it.
      if (y >= 4 && x >= 4 && x < info.width - 4) continue;
      if (y > info.height * 0.7) continue;
      border.push([0, 1, 2].map(c => data[(y * info.width + x) * info.channels + c]));
    }
  const median = [0, 1, 2].map(c => border.map(p => p[c]).sort((a, b) => a - b)[border.length >> 1]);
  const spread =
    border.filter(p => Math.hypot(...p.map((v, c) => v - median[c])) > 40).length / border.length;
  const [[name, distance]] = Object.entries(grounds)
    .map(([known, colour]) => [known, Math.hypot(...colour.map((v, c) => v - median[c]))] as const)
    .sort((a, b) => a[1] - b[1]);
  return spread < 0.15 && distance < 40 ? name : 'other';
}

function lora(...words: string[]): void {
  const { status } = spawnSync('node', ['bin/lora.js', ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`lora ${words[0]} ended with ${status}`);
}

/** So many pictures of each set go on the sheet, in two rows. */
const shown = 20;
const cell = 96;

/** Pictures of both sets, one set above the other. */
async function drawSheet(folders: readonly string[], out: string): Promise<void> {
  const gap = 6;
  const columns = shown / 2;
  const parts = await Promise.all(
    folders.flatMap((path, set) =>
      readdirSync(path)
        .sort()
        .slice(0, shown)
        .map(async (name, i) => ({
          input: await sharp(join(path, name)).resize(cell, cell, { kernel: 'nearest' }).toBuffer(),
          left: (i % columns) * (cell + gap),
          top: (2 * set + Math.floor(i / columns)) * (cell + gap) + set * 2 * gap,
        })),
    ),
  );
  const width = columns * (cell + gap) - gap;
  const height = 4 * (cell + gap) + gap;
  const page = sharp({ create: { width, height, channels: 3, background: '#ffffff' } });
  await page.composite(parts).png({ palette: true, colours: 128 }).toFile(out);
}

const [folder, steps = '600', count = '24'] = process.argv.slice(2);
for (const set of ['one-ground', 'many-grounds']) {
  const file = join(folder, `${set}.safetensors`);
  const recipe = ['--batch', '4', '--rank', '16', '--lr', '1e-3', '--targets', 'linear', '--seed', '1'];
  if (!existsSync(file)) lora('train', join(folder, set), '--out', file, '--steps', steps, ...recipe);
  for (const [name, loras] of [
    ['with', ['--lora', file]],
    ['base', []],
  ] as const) {
    const out = join(folder, `${set}-${name}`);
    mkdirSync(out, { recursive: true });
    const drawing = [
      '--sampler',
      'DDIM',
      '--steps',
      '25',
      '--guidance',
      '4.5',
      '--seed',
      '1000',
      '--count',
      count,
    ];
    if (readdirSync(out).length === 0)
      lora('generate', 'a zorbi', ...loras, ...drawing, '--batch', '8', '--out', out);
    const found: Record<string, number> = {};
    for (const picture of readdirSync(out)) {
      const ground = await groundOf(join(out, picture));
      found[ground] = (found[ground] ?? 0) + 1;
    }
    const list = Object.entries(found).sort((a, b) => b[1] - a[1]);
    console.log(`${set}, ${name}: ${list.map(([ground, n]) => `${n} ${ground}`).join(', ')}`);
  }
}
await drawSheet(
  ['one-ground-with', 'many-grounds-with'].map(name => join(folder, name)),
  join(folder, 'consequence.png'),
);
