/** Graphs of ComfyUI's own nodes (their inputs as in its nodes.py and comfy_extras/), walked by hand. */
import { expect, test } from 'vitest';
import { validateFound } from '../found-settings.ts';
import { parseLooseJson } from '../json-values.ts';
import { readComfy } from './comfy.ts';
import { graphOfApi, graphOfWorkflow } from './comfy-graph.ts';

const node = (type: string, inputs: object = {}) => ({ class_type: type, inputs });
const read = (nodes: Record<string, unknown>) => validateFound(readComfy(graphOfApi(nodes)));

test('a sampler in parts: noise, guider, sampler and sigmas are nodes of their own', () => {
  const { settings, findings } = read({
    1: node('UNETLoader', { unet_name: 'base\\model.safetensors' }),
    2: node('RescaleCFG', { model: ['1', 0], multiplier: 0.7 }),
    3: node('LoraLoaderModelOnly', { model: ['2', 0], lora_name: 'alice.safetensors', strength_model: 0.6 }),
    4: node('CLIPTextEncodeSDXL', { clip: ['9', 0], text_g: 'a fox', text_l: 'a fox' }),
    5: node('ConditioningZeroOut', { conditioning: ['4', 0] }),
    6: node('CFGGuider', { model: ['3', 0], positive: ['4', 0], negative: ['5', 0], cfg: 4.5 }),
    7: node('RandomNoise', { noise_seed: ['8', 0] }),
    8: node('PrimitiveInt', { value: 99 }),
    10: node('KSamplerSelect', { sampler_name: 'dpmpp_2m_sde_gpu' }),
    11: node('KarrasScheduler', { steps: 30, sigma_max: 14.6, sigma_min: 0.03, rho: 7 }),
    12: node('EmptyLatentImage', { width: ['13', 0], height: 640, batch_size: 1 }),
    13: node('PrimitiveInt', { value: 512 }),
    14: node('SamplerCustomAdvanced', {
      ...{
        noise: ['7', 0],
        guider: ['6', 0],
        sampler: ['10', 0],
        sigmas: ['11', 0],
        latent_image: ['12', 0],
      },
    }),
    15: node('VAEDecodeTiled', { samples: ['14', 0], vae: ['1', 2] }),
    16: node('PreviewImage', { images: ['15', 0] }),
  });
  expect(findings).toEqual([]);
  expect(settings).toEqual({
    ...{ prompt: 'a fox', negativePrompt: '', seed: 99n, steps: 30, guidance: 4.5, guidanceRescale: 0.7 },
    ...{ sampler: 'dpmpp_2m_sde', scheduler: 'karras', width: 512, height: 640, clipSkip: 1 },
    ...{ model: { name: 'base/model' }, noise: 'cpu', preset: 'comfy' },
    loras: [{ name: 'alice', strength: 0.6, textStrength: 0, inPrompt: false }],
  });
});

test('both sides through one node keep apart; parts of a text are joined; rows of LoRAs that are on', () => {
  const { settings, findings, other } = read({
    1: node('CheckpointLoaderSimple', { ckpt_name: 'm.ckpt' }),
    2: node('Power Lora Loader (rgthree)', {
      ...{ model: ['1', 0], clip: ['1', 1], header: {}, lora_3: 'text' },
      lora_1: { on: true, lora: 'a.safetensors', strength: 0.5, strengthTwo: 0.25 },
      lora_2: { on: false, lora: 'b.safetensors', strength: 1 },
    }),
    3: node('StringConcatenate', { string_a: 'a fox', string_b: ['4', 0], delimiter: ', ' }),
    4: node('PrimitiveString', { value: 'snow' }),
    5: node('CLIPTextEncode', { clip: ['2', 1], text: ['3', 0] }),
    6: node('CLIPTextEncode', { clip: ['2', 1], text: 'bad' }),
    7: node('CLIPTextEncode', { clip: ['2', 1], text: 'worse' }),
    8: node('ConditioningConcat', { conditioning_to: ['6', 0], conditioning_from: ['7', 0] }),
    9: node('ControlNetApplyAdvanced', {
      positive: ['5', 0],
      negative: ['8', 0],
      strength: 1,
      image: ['10', 0],
    }),
    10: node('LoadImage', { image: 'pose.png' }),
    11: node('VAEEncodeForInpaint', { pixels: ['12', 0], mask: ['12', 1], grow_mask_by: 6 }),
    12: node('LoadImage', { image: 'photo.png' }),
    13: node('KSamplerAdvanced', {
      ...{ model: ['2', 0], positive: ['9', 0], negative: ['9', 1], latent_image: ['11', 0], noise_seed: 7 },
      ...{
        steps: 20,
        cfg: 8,
        sampler_name: 'uni_pc',
        scheduler: 'normal',
        start_at_step: 5,
        end_at_step: 10000,
      },
    }),
    14: node('VAEDecode', { samples: ['13', 0] }),
    15: node('SaveImage', { images: ['14', 0] }),
  });
  expect(settings).toMatchObject({
    prompt: 'a fox, snow',
    negativePrompt: 'bad',
    seed: 7n,
    init: { name: 'photo.png' },
  });
  expect(settings.loras).toEqual([{ name: 'a', strength: 0.5, textStrength: 0.25, inPrompt: false }]);
  expect(other).toEqual({ 'negative prompt 2': 'worse' });
  expect(findings.map(({ code }) => code)).toEqual(['COMFY_SEVERAL_PROMPTS', 'COMFY_MASK']);
});

test('an upscale by a factor; of several outputs the one that most samplers worked on', () => {
  const sampling = {
    model: ['1', 0],
    positive: ['2', 0],
    negative: ['2', 0],
    steps: 9,
    cfg: 3,
    scheduler: 'normal',
  };
  const { settings } = read({
    1: node('CheckpointLoaderSimple', { ckpt_name: 'm.safetensors' }),
    2: node('CLIPTextEncode', { clip: ['1', 1], text: 'x' }),
    3: node('EmptyLatentImage', { width: 320, height: 200, batch_size: 1 }),
    4: node('KSampler', { ...sampling, seed: 1, sampler_name: 'euler', denoise: 1, latent_image: ['3', 0] }),
    5: node('SaveImage', { images: ['6', 0] }),
    6: node('VAEDecode', { samples: ['4', 0] }),
    7: node('ImageScaleBy', { image: ['6', 0], upscale_method: 'lanczos', scale_by: 1.5 }),
    8: node('VAEEncode', { pixels: ['7', 0] }),
    9: node('KSampler', { ...sampling, seed: 2, sampler_name: 'lcm', denoise: 0.4, latent_image: ['8', 0] }),
    10: node('VAEDecode', { samples: ['9', 0] }),
    11: node('SaveImage', { images: ['10', 0] }),
  });
  expect(settings).toMatchObject({ seed: 1n, width: 320, height: 200, denoising: 0.4, sampler: 'euler' });
  expect(settings.hires).toMatchObject({ width: 480, height: 300, upscaler: 'lanczos', sampler: 'lcm' });
});

test('of a page: reroutes lead on, nodes that are passed by do nothing', () => {
  const graph = graphOfWorkflow({
    nodes: [
      { id: 1, type: 'CheckpointLoaderSimple', widgets_values: ['m.safetensors'] },
      {
        id: 2,
        type: 'LoraLoader',
        mode: 4,
        widgets_values: ['off.safetensors', 1, 1],
        inputs: [{ name: 'model', link: 1 }],
      },
      { id: 3, type: 'Reroute', inputs: [{ name: '', link: 2 }] },
      {
        id: 4,
        type: 'KSampler',
        widgets_values: [5, 'fixed', 8, 7, 'euler', 'normal', 1],
        inputs: [{ name: 'model', link: 3 }],
      },
      { id: 5, type: 'KSampler', mode: 2, widgets_values: [6, 'fixed', 8, 7, 'euler', 'normal', 1] },
    ],
    links: [
      [1, 1, 0, 2, 0, 'MODEL'],
      [2, 2, 0, 3, 0, 'MODEL'],
      [3, 3, 0, 4, 0, 'MODEL'],
    ],
  });
  expect(validateFound(readComfy(graph)).settings).toMatchObject({
    seed: 5n,
    steps: 8,
    model: { name: 'm' },
  });
  expect(validateFound(readComfy(graph)).settings.loras).toBeUndefined();
});

test('a graph without a sampler says so', () => {
  expect(read({ 1: node('SaveImage', { images: ['2', 0] }) }).findings).toEqual([
    { code: 'COMFY_NO_SAMPLER', message: 'none of the 1 nodes of the graph is a sampler' },
  ]);
});

test('JSON of Python: NaN, and seeds that no double holds', () => {
  expect(
    parseLooseJson(
      '{"a": NaN, "b": [-Infinity, 18446744073709551615, "NaN \\" 12345678901234567"], "c": 1.5}',
    ),
  ).toEqual({
    ...{ a: null, b: [null, '18446744073709551615', 'NaN " 12345678901234567'], c: 1.5 },
  });
  expect(parseLooseJson('{"a": ')).toBeUndefined();
  expect(parseLooseJson(`${'['.repeat(200)}${']'.repeat(200)}`)).toBeUndefined();
});
