/**
 * @file The Python clients that people use, against a real studio: webuiapi (A1111's API) and openai. Where
 * LORA_TEST_PYTHON names a Python that has `webuiapi aiohttp openai`; .ci/run makes one.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningStudio, startClientStudio } from './client-studio.ts';

const python = process.env.LORA_TEST_PYTHON;
if (!python) {
  console.error(
    'the Python clients are skipped: LORA_TEST_PYTHON names no Python (with webuiapi, aiohttp and openai in it)',
  );
}

let studio: RunningStudio;

// biome-ignore lint/suspicious/noExplicitAny: what the scripts saw, in many shapes
type Saw = any;

async function run(script: string): Promise<Saw> {
  const file = new URL(`python/${script}`, import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(python ?? '', [file, studio.address, studio.token], {
    ...{ timeout: 170_000, maxBuffer: 32 << 20, env: { ...process.env, NO_PROXY: '127.0.0.1' } },
  });
  return JSON.parse(stdout);
}

const infoKeys = [
  ...['all_negative_prompts', 'all_prompts', 'all_seeds', 'all_subseeds', 'batch_size', 'cfg_scale'],
  ...['clip_skip', 'denoising_strength', 'extra_generation_params', 'face_restoration_model', 'height'],
  ...['index_of_first_image', 'infotexts', 'is_using_inpainting_conditioning', 'job_timestamp'],
  ...['negative_prompt', 'prompt', 'restore_faces', 'sampler_name', 'sd_model_hash', 'sd_model_name'],
  ...['sd_vae_hash', 'sd_vae_name', 'seed', 'seed_resize_from_h', 'seed_resize_from_w', 'steps', 'styles'],
  ...['subseed', 'subseed_strength', 'version', 'width'],
];

describe.skipIf(!python)('Python', () => {
  let sd: Saw;
  let ai: Saw;
  beforeAll(async () => {
    studio = await startClientStudio();
    sd = await run('webuiapi_client.py');
    ai = await run('openai_client.py');
  }, 240_000);
  afterAll(async () => studio?.stop(), 30_000);

  describe('webuiapi', () => {
    test('finds what there is', () => {
      const { lists } = sd;
      expect(lists.samplers).toEqual(expect.arrayContaining(['Euler a', 'DPM++ 2M', 'DPM++ SDE', 'UniPC']));
      expect(lists.schedulers).toEqual(expect.arrayContaining(['automatic', 'karras', 'sgm_uniform']));
      expect(lists.upscalers).toEqual(['None', 'Lanczos', 'Nearest']);
      expect(lists.latent).toContain('Latent (bicubic antialiased)');
      expect(lists.models[0]).toMatchObject({ title: 'pocket', model_name: 'pocket' });
      expect(lists.loras[0]).toMatchObject({ name: 'zorbi', alias: 'zorbi-blue', path: 'zorbi.safetensors' });
      expect(lists.scripts).toEqual({ txt2img: [], img2img: [] });
      expect(lists.memory).toEqual(['cuda', 'ram']);
      expect(JSON.stringify(sd)).not.toContain(studio.token);
      expect(sd.idle).toMatchObject({ progress: 0, state: { job_count: 0 }, current_image: null });
    });

    test('draws: one, the same again, a batch, with a LoRA, larger', () => {
      expect(sd.txt2img.sizes).toEqual([[64, 64]]);
      expect(sd.txt2img.keys).toEqual(infoKeys);
      expect(sd.txt2img.texts).toEqual(sd.txt2img.info.infotexts);
      expect(sd.txt2img.texts[0]).toMatch(
        /^a zorbi\nNegative prompt: grey\nSteps: 2, Sampler: Euler a, .*Seed: 7/,
      );
      expect(sd['same seed']).toBe(0);
      expect(sd.batch.info).toMatchObject({
        all_seeds: [7, 8, 9, 10],
        batch_size: 2,
        index_of_first_image: 0,
      });
      expect(sd.batch.sizes).toHaveLength(4);
      expect(sd.batch.info.extra_generation_params['Not applied']).toBe('styles');
      expect(sd.lora.difference).toBeGreaterThan(1);
      expect(sd.lora.texts[0]).toMatch(/Lora hashes: "zorbi: [0-9a-f]{12}"/);
      expect(sd.hires.sizes).toEqual([[128, 128]]);
      expect(sd.hires.texts[0]).toMatch(/Denoising strength: 0.6, .*Hires upscale: 2, Hires steps: 2/);
    });

    test('gets a grid before pictures that are saved, and only then', () => {
      expect(sd.grid.sizes).toEqual([[128, 64], [64, 64], [64, 64]]); // biome-ignore format: sizes
      expect(sd.grid.info).toMatchObject({ index_of_first_image: 1, all_seeds: [7, 8] });
      expect(sd.grid.info.infotexts).toHaveLength(3);
      expect(sd.grid.texts[0]).toBe(sd.grid.texts[1]);
    });

    test('starts from pictures and masks', () => {
      expect(sd.img2img.difference).toBeGreaterThan(1);
      expect(sd.img2img.echo).toEqual({ init_images: null, mask: null, steps: 2, cfg_scale: 7 });
      const two = sd['img2img of two'];
      expect(two.info.all_seeds).toEqual([7, 8]);
      expect(two.echo.init_images).toHaveLength(2);
      expect(new Set(two.texts.map((text: string) => /Init image hash: (\w+)/.exec(text)?.[1])).size).toBe(2);
      expect(sd['too many']).toMatchObject({ status: 422, body: { error: 'INIT_TOO_MANY' } });
      expect(sd.inpaint.kept).toBe(0);
      expect(sd.inpaint.drawn).toBeGreaterThan(1);
      expect(sd['larger mask'].sizes).toEqual([[64, 64]]);
      expect(sd['other mask']).toMatchObject({ status: 422, body: { error: 'MASK_SIZE' } });
    });

    test('reads pictures: ours, foreign ones, silent ones', () => {
      expect(sd['png info'].info).toBe(sd.txt2img.texts[0]);
      expect(sd['png info'].parameters).toMatchObject({ Prompt: 'a zorbi', Seed: '7', 'Size-1': '64' });
      expect(sd['foreign png info'].parameters).toMatchObject({
        ...{ Prompt: "somebody else's", 'Negative prompt': 'blurry', 'Schedule type': 'Karras' },
        ...{ 'Size-1': '512', 'Size-2': '768', 'Model hash': '6ce0161689', 'Clip skip': '1' },
      });
      expect(sd['silent png info']).toEqual({ info: '', items: {}, parameters: {} });
    });

    test('enlarges pictures; what needs a model is refused by name', () => {
      expect(sd.extra.sizes).toEqual([[128, 128]]);
      expect(sd.extra.texts).toEqual(sd.txt2img.texts);
      expect(sd.extra.html).toContain('Lanczos');
      expect(sd['extra to'].sizes).toEqual([[96, 48]]);
      expect(sd['extra batch'].sizes).toHaveLength(2);
      expect(sd['extra none'].sizes).toEqual([[64, 64]]);
      expect(sd['extra model']).toMatchObject({ status: 422, body: { error: 'UPSCALER_UNSUPPORTED' } });
      expect(sd['extra model'].body.detail).toContain('R-ESRGAN 4x+');
      expect(sd.interrogate).toMatchObject({ status: 422, body: { error: 'INTERROGATE_UNSUPPORTED' } });
    });

    test('sets options, and they hold', () => {
      expect(sd.options).toMatchObject({ sd_model_checkpoint: 'pocket', CLIP_stop_at_last_layers: 1 });
      expect(sd['options set']).toMatchObject({ CLIP_stop_at_last_layers: 2, samples_format: 'jpg' });
      expect(sd['as jpeg']).toEqual({ format: 'JPEG', clip_skip: 2 });
      expect(sd['model set']).toEqual([{}, 'pocket']);
      expect(sd['model unknown'].detail).toBe('there is no checkpoint "pokcet". Meant was perhaps pocket.');
    });

    test('is told what is wrong', () => {
      expect(sd['sampler wrong']).toMatchObject({ status: 400, body: { error: 'SAMPLER_UNKNOWN' } });
      expect(sd['sampler wrong'].body.detail).toMatch(/^Sampler not found: .*Euler a/);
      expect(sd['lora wrong']).toMatchObject({ status: 404, body: { error: 'LORA_NOT_FOUND' } });
      expect(sd['lora wrong'].body.detail).toBe('no LoRA is called zorby. Nearest names: zorbi.');
      expect(sd['model wrong']).toMatchObject({ status: 404, body: { error: 'CHECKPOINT_UNKNOWN' } });
      expect(sd['password wrong']).toMatchObject({ status: 401, body: { error: 'TOKEN_WRONG' } });
      expect(sd['script wrong']).toMatchObject({ status: 422, body: { error: 'SCRIPT_UNSUPPORTED' } });
      expect(sd['more fields']).toBe(200);
    });

    test('watches a picture and interrupts it', () => {
      expect(sd.progress.progress).toBeGreaterThan(0);
      expect(sd.progress.state).toMatchObject({ job_count: 1, sampling_steps: 1000 });
      expect(sd.preview).toEqual([128, 128]);
      expect(sd.interrupt).toEqual({});
      expect(sd.interrupted.sizes).toEqual([[128, 128]]);
      expect(sd.interrupted.info.extra_generation_params).toHaveProperty('Interrupted');
      expect(sd.async).toEqual([[7], [9]]);
    });
  });

  describe('openai', () => {
    test('lists models and draws', () => {
      expect(ai.models).toEqual(['pocket']);
      expect(ai.model).toBe('pocket');
      expect(ai.generate).toMatchObject({
        sizes: [[64, 64]],
        formats: ['PNG'],
        size: '64x64',
        output_format: 'png',
      });
      expect(ai.generate.created).toBeGreaterThan(1.7e9);
      expect(ai.two).toMatchObject({ sizes: [[64, 128], [64, 128]], formats: ['JPEG', 'JPEG'] }); // biome-ignore format: sizes
      expect(ai.url).toEqual({ type: 'image/png', size: [64, 64] });
      expect(ai['url forged']).toBe(404);
      expect(ai.lora.difference).toBeGreaterThan(1);
      expect(ai.lora.texts[0]).toContain('<lora:zorbi:1>');
    });

    test('streams: previews, then the picture', () => {
      const types = ai.stream.map(({ type }: { type: string }) => type);
      expect(types.at(-1)).toBe('image_generation.completed');
      expect(types.filter((type: string) => type.endsWith('partial_image')).length).toBeLessThanOrEqual(2);
      expect(ai.stream.at(-1)).toMatchObject({ class: 'ImageGenCompletedEvent', size: [64, 64] });
      expect(ai['stream wrong']).toMatchObject({ class: 'APIError', code: 'lora_not_found' });
    });

    test('edits inside the mask only', () => {
      expect(ai.edit.kept).toBe(0);
      expect(ai.edit.drawn).toBeGreaterThan(1);
      expect(ai['edit without mask'].texts[0]).toContain('Denoising strength: 0.5');
      expect(ai['edit stream'].at(-1)).toBe('image_edit.completed');
      expect(ai['edit of two']).toMatchObject({ class: 'BadRequestError', code: 'images_too_many' });
      expect(ai['edit of no picture']).toMatchObject({
        class: 'BadRequestError',
        code: 'picture_unreadable',
      });
    });

    test('raises its own errors', () => {
      expect(ai['token wrong']).toMatchObject({ class: 'AuthenticationError', code: 'invalid_api_key' });
      expect(ai['model wrong']).toMatchObject({
        class: 'NotFoundError',
        code: 'model_not_found',
        param: 'model',
      });
      expect(ai['size wrong']).toMatchObject({ class: 'BadRequestError', code: 'size_invalid' });
      expect(ai['quality wrong']).toMatchObject({ class: 'BadRequestError', code: 'quality_invalid' });
      expect(ai['n wrong']).toMatchObject({ class: 'BadRequestError', param: 'n' });
      expect(ai['lora wrong']).toMatchObject({ class: 'NotFoundError', code: 'lora_not_found' });
    });
  });
});
