import { expect, test } from 'vitest';
import type { Family } from '../../models/index.ts';
import { blockIndices, blockNameOf, blockNames, blockWeightLists } from './blocks.ts';

// kohya's indexes themselves: test/golden/sd-scripts.test.ts.
test.each([
  ['sd15', 25, ['IN00', 'IN11', 'M00', 'OUT00', 'OUT11']],
  ['sd2', 25, ['IN00', 'IN11', 'M00', 'OUT00', 'OUT11']],
  ['sdxl', 23, ['EMB', 'IN00', 'IN08', 'M00', 'OUT00', 'OUT08', 'END']],
  ['pocket', 9, ['IN00', 'IN03', 'M00', 'OUT00', 'OUT03']],
] as const)('%s has %i blocks', (family, count, some) => {
  expect(blockNames(family)).toHaveLength(count);
  for (const name of some) expect(blockNames(family)).toContain(name);
});

test.each(['sd15', 'sd2', 'sdxl', 'pocket'] as const)(
  '%s: from names to indexes and back',
  (family: Family) => {
    const names = blockNames(family);
    for (const [index, name] of names.entries())
      expect(blockIndices(name.toLowerCase(), family)).toContain(index);
    expect(blockIndices('IN99', family)).toEqual([]);
    expect(blockIndices('MID', family)).toEqual(blockIndices('M00', family));
  },
);

/** LoRA Block Weight of A1111 calls SD's first transformers IN01 and OUT03, SDXL's IN04 and OUT00. */
test.each([
  ['sd15', 'unet.down_blocks.0.attentions.0.proj_in', 'IN01'],
  ['sd15', 'unet.up_blocks.1.attentions.0.proj_in', 'OUT03'],
  ['sd15', 'unet.up_blocks.3.attentions.2.proj_in', 'OUT11'],
  ['sd15', 'unet.conv_in', 'IN00'],
  ['sd15', 'unet.time_embedding.linear_1', undefined],
  ['sdxl', 'unet.down_blocks.1.attentions.0.proj_in', 'IN04'],
  ['sdxl', 'unet.up_blocks.0.attentions.0.proj_in', 'OUT00'],
  ['sdxl', 'unet.mid_block.resnets.1.conv1', 'M00'],
  ['sdxl', 'text_encoder_2.text_model.encoder.layers.0.mlp.fc1', 'BASE'],
] as const)('%s: %s is in %s', (family, target, name) => {
  expect(blockNameOf(target, family)).toBe(name);
});

test('its lists are told by their length', () => {
  expect(blockWeightLists('sd15').map(list => list.length)).toEqual([26, 17]);
  expect(blockWeightLists('sdxl').map(list => list.length)).toEqual([20, 12]);
  expect(blockWeightLists('pocket').map(list => list.length)).toEqual([10]);
  for (const family of ['sd15', 'sdxl'] as const)
    for (const list of blockWeightLists(family))
      for (const name of list.slice(1)) expect(blockNames(family)).toContain(name);
});
