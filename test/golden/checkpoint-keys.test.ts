/** Names of the LDM layout against diffusers' own conversion of single files (tools/goldens/checkpoint_keys.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { architectures, autoencoder, encoders } from '../../src/models/checkpoint/single/architectures.ts';
import { openClipName, type Stored } from '../../src/models/checkpoint/single/clip-names.ts';
import { ldmUnetName } from '../../src/models/checkpoint/single/unet-names.ts';
import { ldmVaeName } from '../../src/models/checkpoint/single/vae-names.ts';
import { clipShapes } from '../../src/models/clip/shapes.ts';
import type { Shapes } from '../../src/models/shapes.ts';
import { unetShapes } from '../../src/models/unet/shapes.ts';
import { vaeShapes } from '../../src/models/vae/shapes.ts';

const golden: Record<string, { count: number; sha256: string; example: string }> = JSON.parse(
  readFileSync(new URL('./data/checkpoint-keys.json', import.meta.url), 'utf8'),
);

function pairs(shapes: Shapes, nameOf: (name: string) => Stored): string[] {
  return [...shapes].map(([name, shape]) => {
    const { name: key, third } = nameOf(name);
    return `${name} [${shape.join(', ')}] = ${key}${third === undefined ? '' : `#${third}`}`;
  });
}

const parts = new Map([
  ['vae', pairs(vaeShapes({ ...autoencoder, scalingFactor: 1 }), name => ({ name: ldmVaeName(name, 4) }))],
  ['openClipH', pairs(clipShapes(encoders.openClipH, { projects: false }), openClipName)],
  ['openClipBigG', pairs(clipShapes(encoders.openClipBigG, { projects: true }), openClipName)],
  ...architectures
    .slice(0, 3)
    .map(({ name, unet }): [string, string[]] => [
      name,
      pairs(unetShapes(unet), tensor => ({ name: ldmUnetName(tensor, unet) })),
    ]),
]);

test.each(Object.entries(golden))('%s', (part, { count, sha256, example }) => {
  const made = parts.get(part) ?? [];
  expect(made).toContain(example);
  expect(made).toHaveLength(count);
  expect(new Set(made.map(pair => pair.split(' = ')[1])).size).toBe(count);
  expect(createHash('sha256').update(made.sort().join('\n')).digest('hex')).toBe(sha256);
});
