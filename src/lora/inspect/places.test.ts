import { expect, test } from 'vitest';
import { listLayers, openCheckpoint } from '../../models/index.ts';
import { coverageOf } from './coverage.ts';
import { blockOf, inModelOrder, layerOf } from './places.ts';

const attention = 'unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q';
const text = 'text_encoder_2.text_model.encoder.layers.30.self_attn.q_proj';

test('blocks and layers by name', () => {
  expect(blockOf(attention, 'sd15')).toBe('IN04'); // sd-scripts' index 4
  expect(blockOf(attention, undefined)).toBe('down_blocks.1');
  expect(blockOf('unet.mid_block.resnets.1.conv1', 'sdxl')).toBe('M00');
  expect(blockOf(text, 'sdxl')).toBe('te2 layers.30');
  expect([attention, text, 'unet.up_blocks.2.upsamplers.0.conv', 'unet.conv_in'].map(layerOf)).toEqual([
    ...['attn1.to_q', 'te2 q_proj', 'conv', 'conv_in'],
  ]);
  expect([blockOf('double_blocks.0.img_attn', undefined), layerOf('double_blocks.0.img_attn')]).toEqual([
    ...['other', 'other'],
  ]);
});

test('targets sort as the model runs', () => {
  const inOrder = [
    'unet.conv_in',
    'unet.down_blocks.0.attentions.1.proj_in',
    'unet.down_blocks.0.downsamplers.0.conv',
    attention,
    'unet.mid_block.attentions.0.proj_in',
    'unet.up_blocks.1.attentions.2.proj_in',
    'unet.up_blocks.2.attentions.0.proj_in',
    'unet.conv_out',
    'text_encoder.text_model.encoder.layers.2.mlp.fc1',
    'text_encoder.text_model.encoder.layers.11.mlp.fc1',
    text,
  ];
  expect([...inOrder].reverse().sort(inModelOrder)).toEqual(inOrder);
});

test('all default targets of the embedded model are counted as such', () => {
  const { unet, textEncoder } = openCheckpoint('pretrained/pocket');
  const layers = [...listLayers(unet.weights, 'unet'), ...listLayers(textEncoder.weights, 'text_encoder')];
  const targets = layers.map(({ target }) => target);
  const [ofUnet, ofText] = coverageOf(targets, 'pocket');
  expect(ofUnet.modules).toBe(ofUnet.of);
  expect(ofUnet.modules + ofUnet.others).toBe(targets.filter(target => target.startsWith('unet.')).length);
  expect(ofText).toMatchObject({ modules: ofText.of, others: 0 });
});
