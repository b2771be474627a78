/**
 * @file What SillyTavern and Open WebUI ask of A1111's API, in their order and with their fields (SillyTavern:
 * src/endpoints/stable-diffusion.js and its extension; Open WebUI: routers/images.py), and what A1111's own page asks.
 */
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { infoOf, type RunningStudio, startClientStudio } from './client-studio.ts';

let studio: RunningStudio;
let authorization: string;
beforeAll(async () => {
  studio = await startClientStudio();
  authorization = `Basic ${Buffer.from(`user:${studio.token}`).toString('base64')}`;
}, 120_000);
afterAll(async () => studio?.stop(), 30_000);

interface Call {
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A POST without a body has no Content-Type, as both programs send it. */
function call(method: 'GET' | 'POST', path: string, { body, signal, headers }: Call = {}): Promise<Response> {
  return fetch(studio.address + path, {
    method,
    headers: {
      authorization,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
}
// biome-ignore lint/suspicious/noExplicitAny: answers of many routes
async function json(...asked: Parameters<typeof call>): Promise<any> {
  const answer = await call(...asked);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${asked[1]}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
const names = (rows: readonly { name: string }[]): string[] => rows.map(({ name }) => name);

interface Progress {
  readonly progress: number;
  readonly state: { readonly job_count: number; readonly sampling_step: number };
}
const progress = (): Promise<Progress> => json('GET', '/sdapi/v1/progress');

async function untilIdle(): Promise<void> {
  await expect
    .poll(async () => (await progress()).state.job_count, { timeout: 20_000, interval: 50 })
    .toBe(0);
  expect((await progress()).progress).toBe(0);
}
async function untilDrawing(): Promise<void> {
  await expect
    .poll(async () => (await progress()).state.sampling_step, { timeout: 40_000, interval: 50 })
    .toBeGreaterThan(0);
}

describe('SillyTavern', () => {
  /** What its extension sends; `url` and `auth` go along. */
  const wish = (more: object = {}): object => ({
    ...{ url: studio.address, auth: `user:${studio.token}` },
    ...{ prompt: 'a zorbi <lora:zorbi:0.6>', negative_prompt: 'grey', sampler_name: 'DPM++ 2M' },
    ...{ scheduler: 'Karras', steps: 2, cfg_scale: 7, width: 64, height: 64, restore_faces: false },
    ...{ enable_hr: false, hr_upscaler: 'Latent', hr_scale: 1, hr_additional_modules: [] },
    ...{ denoising_strength: 0.7, hr_second_pass_steps: 0, seed: 3 },
    override_settings: { CLIP_stop_at_last_layers: 1 },
    ...{ override_settings_restore_afterwards: true, clip_skip: 1, save_images: true, send_images: true },
    ...{ do_not_save_grid: false, do_not_save_samples: false },
    ...more,
  });

  test('connects: ping, upscalers, VAEs, samplers, schedulers, models', async () => {
    const options = await json('GET', '/sdapi/v1/options');
    expect(options).not.toHaveProperty('forge_preset');
    const [upscalers, latent] = await Promise.all([
      json('GET', '/sdapi/v1/upscalers').then(names),
      json('GET', '/sdapi/v1/latent-upscale-modes').then(names),
    ]);
    upscalers.splice(1, 0, ...latent);
    expect(upscalers.slice(0, 2)).toEqual(['None', 'Latent']);
    const vaes = await Promise.all(
      ['/sdapi/v1/sd-vae', '/sdapi/v1/sd-modules'].map(path => call('GET', path)),
    );
    const found = await vaes.find(({ ok }) => ok)?.json();
    expect(Array.isArray(found)).toBe(true);
    expect(names(await json('GET', '/sdapi/v1/samplers'))).toContain('Euler a');
    expect(names(await json('GET', '/sdapi/v1/schedulers'))).toContain('karras');
    const models: { title: string }[] = await json('GET', '/sdapi/v1/sd-models');
    expect(models.map(({ title }) => title)).toContain(options.sd_model_checkpoint);
  });

  test('sets the model and waits until nothing is done', async () => {
    const [{ title }] = await json('GET', '/sdapi/v1/sd-models');
    await json('POST', '/sdapi/v1/options', { body: { sd_model_checkpoint: title } });
    await untilIdle();
    expect((await json('GET', '/sdapi/v1/options')).sd_model_checkpoint).toBe(title);
  });

  test('draws, and its picture is kept', async () => {
    const answer = await json('POST', '/sdapi/v1/txt2img', { body: wish() });
    const { width, height } = await sharp(Buffer.from(answer.images[0], 'base64')).metadata();
    expect([answer.images.length, width, height]).toEqual([1, 64, 64]);
    expect(infoOf(answer).infotexts[0]).toMatch(/Schedule type: Karras.*Seed: 3,/);
    const { pictures } = await studio.call<{ pictures: { seed: string }[] }>('GET', '/api/v1/pictures');
    expect(pictures.map(({ seed }) => seed)).toContain('3');
  }, 60_000);

  test('its ADetailer switch is refused by name', async () => {
    const alwayson_scripts = { ADetailer: { args: [true, true, { ad_model: 'face_yolov8n.pt' }] } };
    const answer = await call('POST', '/sdapi/v1/txt2img', { body: wish({ alwayson_scripts }) });
    expect(answer.status).toBe(422);
    expect(((await answer.json()) as { detail: string }).detail).toMatch(
      /^always on script ADetailer not found/,
    );
  });

  test('a reader who leaves: the request is dropped and interrupted, and nothing goes on', async () => {
    const gone = new AbortController();
    const long = wish({ steps: 1000, width: 128, height: 128 });
    const drawing = call('POST', '/sdapi/v1/txt2img', { body: long, signal: gone.signal });
    const isDropped = expect(drawing).rejects.toThrow();
    await untilDrawing();
    const interrupted = call('POST', '/sdapi/v1/interrupt');
    gone.abort();
    expect((await interrupted).status).toBe(200);
    await isDropped;
    await untilIdle();
  }, 90_000);
});

describe('Open WebUI', () => {
  test('verifies the address, lists models, sets one, draws', async () => {
    expect((await call('GET', '/sdapi/v1/options')).status).toBe(200);
    const models: { title: string; model_name: string }[] = await json('GET', '/sdapi/v1/sd-models');
    const options = await json('GET', '/sdapi/v1/options');
    // All options come back, with another model among them.
    await json('POST', '/sdapi/v1/options', { body: { ...options, sd_model_checkpoint: models[0].title } });
    const asked = { prompt: 'a zorbi', batch_size: 2, width: 64, height: 64, steps: 2, negative_prompt: '' };
    const extra = { cfg_scale: 5, sampler_name: 'Euler a', scheduler: 'automatic' };
    const answer = await json('POST', '/sdapi/v1/txt2img', { body: { ...asked, ...extra } });
    expect(answer.images).toHaveLength(2);
    expect(typeof answer.info).toBe('string');
  }, 60_000);

  test('as an OpenAI engine: pictures as base64, an edit with a form', async () => {
    const headers = { authorization: `Bearer ${studio.token}` };
    const body = { model: 'dall-e-2', prompt: 'a zorbi', n: 1, size: '64x64', response_format: 'b64_json' };
    const answer = await json('POST', '/v1/images/generations?api-version=2025', { body, headers });
    const form = new FormData();
    for (const [name, value] of Object.entries({
      model: 'dall-e-2',
      prompt: 'a zorbi',
      n: '1',
      size: '64x64',
    }))
      form.append(name, value);
    form.append('response_format', 'b64_json');
    const bytes = Buffer.from(answer.data[0].b64_json, 'base64');
    form.append('image', new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'picture.png');
    const edited = await fetch(`${studio.address}/v1/images/edits`, { method: 'POST', headers, body: form });
    expect(edited.status).toBe(200);
    expect(((await edited.json()) as { data: { b64_json: string }[] }).data[0].b64_json).toMatch(/^iVBOR/);
  }, 60_000);

  test.each([
    ['none', ''],
    ['another scheme', 'Digest x'],
    ['a wrong password', `Basic ${Buffer.from('user:wrong').toString('base64')}`],
    ['a wrong token', 'Bearer wrong'],
  ])('authorization: %s is 401, and says how', async (_, header) => {
    const answer = await call('GET', '/sdapi/v1/options', { headers: { authorization: header } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toMatch(/^Basic/);
    expect(Object.keys((await answer.json()) as object)).toEqual(['error', 'detail', 'body', 'errors']);
  });

  test.each([
    [
      'Basic, the token as password',
      (token: string) => `Basic ${Buffer.from(`x:${token}`).toString('base64')}`,
    ],
    ['Bearer', (token: string) => `Bearer ${token}`],
  ])('authorization: %s is right', async (_, header) => {
    const headers = { authorization: header(studio.token) };
    expect((await call('GET', '/sdapi/v1/options', { headers })).status).toBe(200);
  });
});

describe("A1111's page", () => {
  const ask = (id_task: string, more: object = {}) =>
    json('POST', '/internal/progress', {
      body: { id_task, id_live_preview: -1, live_preview: true, ...more },
    });
  const draw = (id: string, steps: number, side: number) =>
    json('POST', '/sdapi/v1/txt2img', {
      body: { prompt: id, force_task_id: id, steps, width: side, height: side },
    });

  test('follows tasks by the ids that it gave them', async () => {
    const [first, second] = [draw('task(first)', 1000, 128), draw('task(second)', 2, 64)];
    await untilDrawing();
    await expect.poll(() => ask('task(second)'), { timeout: 10_000 }).toMatchObject({ queued: true });
    expect(await json('GET', '/internal/pending-tasks')).toEqual({ size: 1, tasks: ['task(second)'] });
    await expect
      .poll(async () => (await ask('task(first)')).live_preview, { timeout: 20_000 })
      .toMatch(/^data:image\/jpeg;base64,\/9j\//);
    const now = await ask('task(first)');
    expect(now).toMatchObject({ active: true, queued: false, completed: false });
    expect(now.progress).toBeGreaterThan(0);
    const same = await ask('task(first)', { live_preview: false, id_live_preview: now.id_live_preview });
    expect(same.live_preview).toBeNull();
    await json('POST', '/sdapi/v1/interrupt');
    expect(infoOf(await first).extra_generation_params).toHaveProperty('Interrupted');
    expect(infoOf(await second).extra_generation_params).not.toHaveProperty('Interrupted');
    for (const id of ['task(first)', 'task(second)'])
      expect(await ask(id)).toMatchObject({ active: false, queued: false, completed: true });
    expect(await ask('task(unknown)')).toMatchObject({ active: false, queued: false, completed: false });
  }, 120_000);

  test('fills open fields from an infotext; what the request says goes first', async () => {
    const infotext =
      'from the text\nNegative prompt: grey\nSteps: 3, Sampler: Heun, Schedule type: Karras, CFG scale: 4, ' +
      'Seed: 77, Size: 64x96, Model hash: 0000000000, Model: elsewhere, Clip skip: 2';
    const answer = await json('POST', '/sdapi/v1/txt2img', { body: { infotext, steps: 2 } });
    const info = infoOf(answer);
    expect(info.infotexts[0]).toMatch(
      /^from the text\nNegative prompt: grey\nSteps: 2, Sampler: Heun, Schedule type: Karras, CFG scale: 4, Seed: 77, Size: 64x96/,
    );
    expect(info.clip_skip).toBe(2);
    expect(info.extra_generation_params['Not applied']).toBe('model elsewhere of the infotext');
  }, 60_000);

  test('settings of a request hold for it; those that do nothing here are told', async () => {
    const body = {
      ...{ prompt: 'x <lora:not-there:1>', disable_extra_networks: true, steps: 2, width: 71, height: 64 },
      override_settings: { samples_format: 'webp', sd_vae: 'other.safetensors', emphasis: 'No norm' },
    };
    const answer = await json('POST', '/sdapi/v1/txt2img', { body });
    const picture = await sharp(Buffer.from(answer.images[0], 'base64')).metadata();
    expect([picture.format, picture.width]).toEqual(['webp', 64]);
    expect(infoOf(answer).extra_generation_params['Not applied']).toBe('setting sd_vae');
    expect((await json('GET', '/sdapi/v1/options')).samples_format).toBe('png');
    const wrong = { ...body, override_settings: { samples_format: 'tiff' } };
    expect((await call('POST', '/sdapi/v1/txt2img', { body: wrong })).status).toBe(422);
  }, 60_000);

  test.each([
    ['/sdapi/v1/img2img', {}, 404, 'INIT_NOT_FOUND'],
    ['/sdapi/v1/img2img', { init_images: ['https://example.org/a.png'] }, 422, 'ADDRESS_NOT_FETCHED'],
    ['/sdapi/v1/img2img', { init_images: ['%%%'] }, 422, 'PICTURE_NOT_BASE64'],
    ['/sdapi/v1/png-info', {}, 422, 'INPUT_INVALID'],
    ['/sdapi/v1/extra-single-image', { image: 'AAAA', upscaler_1: 'Lanczos' }, 422, 'PICTURE_UNREADABLE'],
    ['/sdapi/v1/txt2img', { steps: 'many' }, 422, 'INPUT_INVALID'],
    ['/sdapi/v1/txt2img', { batch_size: 1000 }, 422, 'PAYLOAD_INVALID'],
    ['/sdapi/v1/txt2img', { enable_hr: true, hr_upscaler: '4x-UltraSharp' }, 404, 'UPSCALER_UNKNOWN'],
  ])('%s %j is %i %s', async (path, body, status, error) => {
    const answer = await call('POST', path, { body });
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([status, error]);
  });
});
