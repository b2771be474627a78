/** @file The npm clients that people use, against a real studio: stable-diffusion-api (A1111's API) and openai. */
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { StableDiffusionApi } from 'stable-diffusion-api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { infoOf, type RunningStudio, startClientStudio } from './client-studio.ts';

const small = { width: 64, height: 64, steps: 2 };
let studio: RunningStudio;
let sd: StableDiffusionApi;
let ai: OpenAI;

beforeAll(async () => {
  studio = await startClientStudio();
  const { hostname: host, port } = new URL(studio.address);
  sd = new StableDiffusionApi({ host, port: Number(port), timeout: 60_000 });
  sd.setAuth('user', studio.token);
  ai = new OpenAI({ baseURL: `${studio.address}/v1`, apiKey: studio.token, maxRetries: 0 });
}, 120_000);
afterAll(async () => studio?.stop(), 30_000);

const sizeOf = async (bytes: Buffer): Promise<[number, number, string]> => {
  const { width, height, format } = await sharp(bytes).metadata();
  return [width, height, format];
};
/** Mean of the differences of bytes. */
async function difference(a: Buffer, b: Buffer): Promise<number> {
  const [x, y] = await Promise.all([a, b].map(bytes => sharp(bytes).removeAlpha().raw().toBuffer()));
  return x.reduce((sum, value, i) => sum + Math.abs(value - y[i]), 0) / x.length;
}
/** What axios says of an answer that is an error. */
async function refusal(work: Promise<unknown>): Promise<{ status: number; error: string; detail: string }> {
  const { response } = (await work.then(
    () => ({ response: undefined }),
    (fault: unknown) => fault,
  )) as { response?: { status: number; data: { error: string; detail: string } } };
  if (!response) throw new Error('nothing was refused');
  return { status: response.status, ...response.data };
}

describe('stable-diffusion-api', () => {
  test('draws: from a prompt, from a picture, inside a mask; and enlarges', async () => {
    const drawn = await sd.txt2img({
      prompt: 'a zorbi <lora:zorbi-blue:0.5>',
      batch_size: 2,
      seed: 5,
      ...small,
    });
    expect(drawn.images).toHaveLength(2);
    expect(infoOf(drawn as { info: unknown }).all_seeds).toEqual([5, 6]);
    const start = await drawn.image.png().toBuffer();
    const again = await sd.img2img({ init_images: [sharp(start)], prompt: 'a zorbi', ...small });
    expect(await sizeOf(await again.image.png().toBuffer())).toEqual([64, 64, 'png']);
    const mask = sharp({ create: { width: 64, height: 64, channels: 3, background: 'black' } }).composite([
      { input: { create: { width: 32, height: 64, channels: 3, background: 'white' } }, left: 0, top: 0 },
    ]);
    const painted = await sd.img2img({
      ...{ init_images: [sharp(start)], mask_image: mask, mask_blur: 0, inpaint_full_res: false },
      ...{ prompt: 'a zorbi', seed: 9, ...small },
    } as never);
    const right = { left: 40, top: 0, width: 24, height: 64 };
    const cut = (bytes: Buffer): Promise<Buffer> => sharp(bytes).extract(right).png().toBuffer();
    expect(await difference(await cut(start), await cut(await painted.image.png().toBuffer()))).toBe(0);
    const large = await sd.extraSingle({
      ...{ image: sharp(start), upscaler_1: 'Lanczos', upscaling_resize: 3 },
    } as never);
    expect(await sizeOf(await large.image.png().toBuffer())).toEqual([192, 192, 'png']);
    const both = await sd.extraBatch({
      ...{ images: [sharp(start), sharp(start)], name_list: ['a', 'b'], upscaler_1: 'Nearest' },
    } as never);
    expect(both.images).toHaveLength(2);
  }, 60_000);

  test('lists, options and progress', async () => {
    expect((await sd.getSamplers()).map(({ name }) => name)).toContain('DPM++ 2M');
    expect((await sd.getUpscalers()).map(({ name }) => name)).toContain('Lanczos');
    await sd.setModel('pockett'); // the client itself looks for the nearest
    expect(await sd.getCurrentModel()).toBe('pocket');
    await sd.refreshCheckpoints();
    expect(await sd.getProgress()).toMatchObject({ progress: 0, state: { job_count: 0 } });
    await sd.waitForReady(0.05);
    const info = await sd.pngInfo(sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }));
    expect(info.images).toEqual([]);
  });

  test('errors', async () => {
    const ask = (more: object) => sd.txt2img({ prompt: 'a', ...small, ...more });
    expect(await refusal(ask({ sampler_name: 'Eulr a' }))).toMatchObject({
      status: 400,
      error: 'SAMPLER_UNKNOWN',
    });
    expect(await refusal(ask({ prompt: '<lora:zorbu>' }))).toMatchObject({
      status: 404,
      error: 'LORA_NOT_FOUND',
    });
    expect(await refusal(ask({ script_name: 'Loopback' }))).toMatchObject({ status: 422 });
    expect(await refusal(ask({ steps: 0 }))).toMatchObject({ status: 422, error: 'PAYLOAD_INVALID' });
    const { detail } = await refusal(ask({ prompt: '<lora:zorbu>' }));
    expect(detail).toContain('zorbi');
    expect(detail).not.toContain(studio.data);
  }, 30_000);
});

describe('openai', () => {
  const bytesOf = (answer: OpenAI.ImagesResponse): Buffer[] =>
    (answer.data ?? []).map(({ b64_json }) => Buffer.from(b64_json ?? '', 'base64'));

  test('models, pictures, an address', async () => {
    const models: string[] = [];
    for await (const { id } of ai.models.list()) models.push(id);
    expect(models).toEqual(['pocket']);
    const drawn = await ai.images.generate({
      ...{ prompt: 'a zorbi', model: 'pocket', size: '64x64' as never, n: 2, output_format: 'webp' },
      ...({ steps: 2, lora: [{ name: 'zorbi', weight: 0.5 }] } as object),
    });
    expect(await Promise.all(bytesOf(drawn).map(sizeOf))).toEqual([
      [64, 64, 'webp'],
      [64, 64, 'webp'],
    ]);
    const linked = await ai.images.generate({
      ...{ prompt: 'a zorbi', size: '64x64' as never, response_format: 'url', ...({ steps: 2 } as object) },
    });
    const answer = await fetch(linked.data?.[0].url ?? '');
    expect(await sizeOf(Buffer.from(await answer.arrayBuffer()))).toEqual([64, 64, 'png']);
  }, 60_000);

  test('edits: the mask, or the transparency of the picture itself', async () => {
    const start = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'teal' } })
      .png()
      .toBuffer();
    const holed = await sharp({
      create: { width: 64, height: 64, channels: 4, background: { r: 0, g: 128, b: 128, alpha: 0 } },
    })
      .composite([
        { input: { create: { width: 32, height: 64, channels: 3, background: 'teal' } }, left: 32, top: 0 },
      ])
      .png()
      .toBuffer();
    const picture = (bytes: Buffer) => toFile(bytes, 'picture.png', { type: 'image/png' });
    const asked = {
      prompt: 'a zorbi',
      model: 'pocket',
      size: '64x64' as never,
      ...({ steps: 2, seed: 4 } as object),
    };
    const masked = await ai.images.edit({
      ...asked,
      image: await picture(start),
      mask: await picture(holed),
    });
    const own = await ai.images.edit({ ...asked, image: await picture(holed) });
    for (const [bytes] of [bytesOf(masked), bytesOf(own)]) {
      // Statistics are of a whole picture.
      const half = async (left: number) =>
        sharp(await sharp(bytes).extract({ left, top: 0, width: 16, height: 64 }).png().toBuffer()).stats();
      expect((await half(48)).channels.slice(0, 3).map(({ mean }) => mean)).toEqual([0, 128, 128]);
      expect((await half(0)).channels[0].stdev).toBeGreaterThan(1);
    }
  }, 60_000);

  test('streams', async () => {
    const stream = await ai.images.generate({
      ...{ prompt: 'a zorbi', size: '64x64' as never, stream: true, partial_images: 1 },
      ...({ steps: 40 } as object),
    });
    const types: string[] = [];
    for await (const event of stream as AsyncIterable<{ type: string }>) types.push(event.type);
    expect(types.at(-1)).toBe('image_generation.completed');
  }, 60_000);

  test('a client that goes away takes its picture with it', async () => {
    const gone = new AbortController();
    const drawing = ai.images.generate(
      { prompt: 'long', size: '128x128' as never, ...({ steps: 1000 } as object) },
      { signal: gone.signal },
    );
    const states = async (): Promise<string[]> => {
      const { jobs } = await studio.call<{ jobs: { title: string; state: string }[] }>('GET', '/api/v1/jobs');
      return jobs.filter(({ title }) => title === 'long').map(({ state }) => state);
    };
    await expect.poll(states, { timeout: 20_000 }).toEqual(['running']);
    const isDropped = expect(drawing).rejects.toThrow(OpenAI.APIUserAbortError);
    gone.abort();
    await isDropped;
    await expect.poll(states, { timeout: 20_000 }).toEqual(['cancelled']);
  }, 60_000);

  test('errors are its own', async () => {
    const ask = (more: object, client = ai) => client.images.generate({ prompt: 'a', ...more });
    await expect(ask({ model: 'poket' })).rejects.toThrow(OpenAI.NotFoundError);
    await expect(ask({ size: 'large' })).rejects.toThrow(OpenAI.BadRequestError);
    const other = new OpenAI({ baseURL: `${studio.address}/v1`, apiKey: 'wrong', maxRetries: 0 });
    await expect(ask({}, other)).rejects.toThrow(OpenAI.AuthenticationError);
  });
});
