/** @file Small data sets for tests, drawn on the spot. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomStream } from '../../src/engine/index.ts';
import { encodePng } from '../../src/files/index.ts';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'lora-test-'));
}

/** A picture of random coloured stripes. */
export function stripes(width: number, height: number, seed: number): Uint8Array {
  const random = randomStream(seed, 'stripes');
  const colors = Array.from({ length: 8 }, () => [0, 1, 2].map(() => random.integer(256)));
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) data.set(colors[Math.floor((i % width) / 8) % 8], 3 * i);
  return encodePng({ width, height, channels: 3, data });
}

/** A folder of captioned pictures, of two shapes so that there are two buckets. */
export function pictureFolder(count: number): string {
  const folder = join(temporaryFolder(), 'pictures');
  mkdirSync(folder);
  for (let i = 0; i < count; i++) {
    writeFileSync(join(folder, `${i}.png`), stripes(i % 3 === 2 ? 96 : 64, 64, i));
    writeFileSync(join(folder, `${i}.txt`), `a picture of stripes ${i}`);
  }
  return folder;
}
