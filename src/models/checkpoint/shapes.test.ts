/** The shape tables against diffusers' and transformers' own state dicts (tools/goldens/models.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { writeConfig } from '../../../test/support/configs.ts';
import { clipShapes } from '../clip/shapes.ts';
import { openCheckpoint } from '../index.ts';
import { vaeShapes } from '../vae/shapes.ts';
import { readClipConfig, readVaeConfig } from './config-files.ts';
import { clipName } from './names.ts';

interface Golden {
  readonly config: Record<string, unknown>;
  readonly shapes: Record<string, number[]>;
}
const goldens: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('../../../test/golden/data/models.json', import.meta.url), 'utf8'),
);

test('shapes of an autoencoder follow from its config', () => {
  const { config, shapes } = goldens.vae;
  expect(Object.fromEntries(vaeShapes(readVaeConfig(writeConfig(config))))).toEqual(shapes);
  const bare = {
    ...config,
    use_quant_conv: false,
    use_post_quant_conv: false,
    mid_block_add_attention: false,
  };
  const left = Object.entries(shapes).filter(([name]) => !/quant_conv|attentions/.test(name));
  expect(Object.fromEntries(vaeShapes(readVaeConfig(writeConfig(bare))))).toEqual(Object.fromEntries(left));
});

test.each([
  ['clip', false],
  ['openclip', true],
])('shapes of the text encoder %s follow from its config', (name, projects) => {
  const { config, shapes } = goldens[name];
  // The goldens leave out what only the tables need.
  const whole = { ...config, vocab_size: 100, intermediate_size: 96, projection_dim: 40 };
  const nameOf = clipName({ projects });
  const expected = Object.entries(shapes).map(([key, shape]) => [nameOf(key), shape]);
  const actual = clipShapes(readClipConfig(writeConfig(whole)), { projects });
  expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expected));
});

test('every tensor of the embedded model is in a table', () => {
  const { vae, textEncoder } = openCheckpoint('pretrained/pocket');
  expect([...vae.weights.names()].sort()).toEqual([...vaeShapes(vae.config).keys()].sort());
  const names = [...clipShapes(textEncoder.config, { projects: false }).keys()];
  expect([...textEncoder.weights.names()].sort()).toEqual(names.sort());
});
