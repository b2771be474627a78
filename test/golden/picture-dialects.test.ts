/** Pictures of other programs against what sd-parsers and sd-prompt-reader read in them (tools/goldens/picture_dialects.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FoundSettings } from '../../src/generation/metadata/found-settings.ts';
import { readPictureText } from '../../src/generation/metadata/read-picture-text.ts';

interface Sampler {
  readonly sampler: string;
  readonly seed: string | number;
  readonly steps?: string | number;
  readonly cfg_scale: string | number;
  readonly scheduler?: string;
  readonly model: { readonly name: unknown; readonly hash: string | null } | null;
  readonly prompt: string;
  readonly negativePrompt: string;
}
interface Golden {
  readonly name: string;
  readonly file: string;
  readonly sdParsers: { readonly samplers: readonly Sampler[] } | null;
  readonly promptReader: Readonly<Record<string, string>> | null;
}
const golden: readonly Golden[] = JSON.parse(
  readFileSync(new URL('./data/picture-dialects.json', import.meta.url), 'utf8'),
);
const read = (name: string) => {
  const found = golden.find(one => one.name === name) as Golden;
  return readPictureText(Buffer.from(found.file, 'base64'), name);
};

/** `_gpu` says where ComfyUI runs it, `_k` that InvokeAI takes Karras' sigmas; we say the latter in the scheduler. */
const sampler = (name: string): string => name.replace(/_gpu$/, '').replace(/(?<=\w{5})_k$/, '');
const model = (name: string): string => name.replace(/\.(?:safetensors|ckpt)$/, '');
/** sd-prompt-reader writes `(first, second)` for two passes. */
const first = (text: string): string => text.replace(/^\((.*), .*\)$/, '$1');

const misread: Readonly<Record<string, string>> = {
  'a1111-little-endian.jpg': 'sd-prompt-reader takes the text for big-endian',
  'fooocus.png': 'sd-prompt-reader takes the JSON for a prompt',
};

describe('every field that the peers read is read', () => {
  test.each(golden.filter(({ sdParsers }) => sdParsers))('sd-parsers: $name', async ({ name, sdParsers }) => {
    const { settings } = await read(name);
    const [theirs] = (sdParsers as NonNullable<typeof sdParsers>).samplers;
    expect(settings.sampler).toBe(sampler(theirs.sampler));
    expect(settings.seed).toBe(BigInt(theirs.seed));
    expect(settings.guidance).toBe(Number(theirs.cfg_scale));
    if (theirs.steps !== undefined) expect(settings.steps).toBe(Number(theirs.steps));
    if (theirs.scheduler !== undefined) expect(settings.scheduler).toBe(theirs.scheduler);
    expect(settings.prompt).toBe(theirs.prompt);
    expect(settings.negativePrompt).toBe(theirs.negativePrompt);
    // In ComfyUI's graphs it finds the link of a LoRA loader in place of the checkpoint.
    if (typeof theirs.model?.name === 'string') expect(settings.model?.name).toBe(model(theirs.model.name));
    // InvokeAI's hash of old is of the weights in memory, no file's.
    if (theirs.model?.hash && !name.startsWith('invoke'))
      expect(settings.model?.hash).toBe(theirs.model.hash.toLowerCase());
  });

  const ofReader = golden.filter(({ name, promptReader }) => promptReader && !misread[name]);
  test.each(ofReader)('sd-prompt-reader: $name', async ({ name, promptReader }) => {
    const { settings } = await read(name);
    const theirs = promptReader as NonNullable<typeof promptReader>;
    const ordered = theirs.positive.replace('<lora:carol:0.9:0.4>', '<lora:carol:0.4:0.9>'); // SwarmUI's order
    expect(settings.prompt).toBe(ordered);
    expect(settings.negativePrompt).toBe(theirs.negative);
    // It finds these under the names of Easy Diffusion's API only, not under those of its page.
    if (theirs.seed !== 'None') {
      expect(settings.sampler).toBe(sampler(first(theirs.sampler)));
      expect(settings.seed).toBe(BigInt(first(theirs.seed)));
      expect(settings.guidance).toBe(Number(first(theirs.cfg)));
      expect(settings.steps).toBe(Number(first(theirs.steps)));
    } else expect(name).toBe('easy-diffusion.png');
    // Where a text says no size, it gives that of the file, 1 × 1 here.
    if (theirs.size !== '1x1') expect(`${settings.width}x${settings.height}`).toBe(theirs.size);
    const source = name.startsWith('novelai')
      ? `${settings.model?.name} ${settings.model?.hash?.toUpperCase()}`
      : settings.model?.name;
    if (theirs.model) expect(source).toBe(model(first(theirs.model)));
  });

  test('pictures that no peer reads are few and named', () => {
    const alone = golden.filter(({ sdParsers, promptReader }) => !sdParsers && !promptReader);
    expect(alone.map(({ name }) => name)).toEqual([
      ...[
        'a1111-ascii.jpg',
        'a1111-pillow.png',
        'a1111-stealth-plain.png',
        'a1111-stealth-rgb.png',
        'a1111-stealth-rgb-plain.png',
      ],
      ...['comfy-page.png', 'comfy.webp'],
    ]);
  });
});

const common: FoundSettings = {
  seed: 1234567890n,
  steps: 25,
  guidance: 6.5,
  negativePrompt: 'lowres, bad hands',
};
const a1111: FoundSettings = {
  ...common,
  ...{ sampler: 'DPM++ 2M', scheduler: 'Karras', width: 512, height: 768, clipSkip: 1 },
  ...{ noise: 'philox', preset: 'a1111', model: { name: 'dreamlike_v3', hash: '6ce0161689' } },
};

test.each(golden.filter(({ name }) => name.startsWith('a1111')))(
  '$name: all of A1111’s fields',
  async ({ name }) => {
    const { program, settings, other, findings, parameters } = await read(name);
    const prompt = `a fox in ${name.includes('utf8') ? 'снег ❄' : 'snow'}, <lora:alice:0.8> <lora:bob:0.5:0.9>`;
    const hashes = name === 'a1111.png' ? [{ hash: '0123456789ab' }, { hash: 'ba9876543210' }] : [{}, {}];
    expect(program).toBe('a1111');
    expect(parameters?.startsWith(prompt)).toBe(true);
    expect({ other, findings }).toEqual({ other: {}, findings: [] });
    expect(settings).toEqual({
      ...{ ...a1111, prompt },
      loras: [
        { name: 'alice', strength: 0.8, inPrompt: true, ...hashes[0] },
        { name: 'bob', strength: 0.9, textStrength: 0.5, inPrompt: true, ...hashes[1] },
      ],
    });
  },
);

test('Forge: second pass, noise of the CPU', async () => {
  const { program, settings } = await read('forge.png');
  expect(program).toBe('forge');
  expect(settings).toMatchObject({ clipSkip: 2, noise: 'cpu', preset: 'a1111', denoising: 0.4 });
  expect(settings.hires).toEqual({ width: 768, height: 1152, upscaler: 'latent', steps: 10, guidance: 5 });
});

test('Civitai: hashes and resources', async () => {
  const { settings } = await read('civitai.png');
  expect(settings.loras?.map(({ name, hash }) => [name, hash])).toEqual([
    ['alice', 'aabbccddee'],
    ['bob', undefined],
  ]);
  expect(settings.vae).toEqual({ hash: '735e4c3a44' });
  const online = await read('civitai-online.jpg');
  expect(online.settings.loras?.at(-1)).toEqual({ name: 'Carol', strength: 0.7, inPrompt: false });
  expect(online.other).toEqual({
    'Created Date': '2024-05-01T10:20:30Z',
    'Civitai metadata': '{"remixOfId":3}',
  });
});

const comfyLoras = [
  { name: 'people/alice', strength: 0.8, inPrompt: false },
  { name: 'bob', strength: 0.9, textStrength: 0.5, inPrompt: false },
];
const comfy: FoundSettings = {
  ...{
    ...common,
    prompt: 'a fox in snow',
    sampler: 'dpmpp_2m',
    scheduler: 'karras',
    width: 512,
    height: 768,
    clipSkip: 2,
  },
  ...{ model: { name: 'dreamlike_v3' }, loras: comfyLoras, denoising: 1, noise: 'cpu', preset: 'comfy' },
};

test.each(['comfy.png', 'comfy.webp', 'comfy-page.png'])(
  '%s: the chain of loaders, both strengths',
  async name => {
    const { program, settings, findings } = await read(name);
    expect([program, findings]).toEqual(['comfyui', []]);
    expect(settings).toEqual(comfy);
  },
);

test('ComfyUI: a second sampler is the second pass', async () => {
  const { settings } = await read('comfy-hires.png');
  const second = { steps: 12, sampler: 'euler', scheduler: 'normal', guidance: 5 };
  expect(settings).toEqual({
    ...{ ...comfy, denoising: 0.5 },
    hires: { width: 1024, height: 1536, upscaler: 'latent-bicubic', ...second },
  });
});

test('InvokeAI: Karras in the name, clip skip from 0, rescale', async () => {
  const { program, settings } = await read('invoke.png');
  expect(program).toBe('invokeai');
  expect(settings).toMatchObject({ scheduler: 'Karras', clipSkip: 2, guidanceRescale: 0.25, noise: 'cpu' });
  expect(settings.loras).toEqual([{ name: 'alice', strength: 0.8, inPrompt: false }]);
  expect((await read('invoke-dream.png')).other).toEqual({ '-G': '0.9' });
});

test.each(['swarm.png', 'swarm.jpg'])('%s: tags turned into our order, hashes by name', async name => {
  const { program, settings, findings } = await read(name);
  expect([program, findings.map(({ code }) => code)]).toEqual(['swarmui', ['SWARM_TAG_ORDER']]);
  expect(settings).toMatchObject({ clipSkip: 2, scheduler: 'karras', preset: 'comfy' });
  expect(settings.model).toEqual({ name: 'dreamlike_v3', hash: '6c'.repeat(32) });
  expect(settings.loras).toEqual([
    { name: 'carol', strength: 0.9, textStrength: 0.4, inPrompt: true },
    { name: 'people/alice', strength: 0.8, inPrompt: false },
    { name: 'bob', hash: 'ba'.repeat(32), strength: 0.9, textStrength: 0.5, inPrompt: false },
  ]);
});

test('NovelAI and Fooocus: the fields beside', async () => {
  for (const name of ['novelai.png', 'novelai-stealth.png'])
    expect((await read(name)).settings).toMatchObject({
      width: 512,
      height: 768,
      scheduler: 'karras',
      denoising: 0.7,
    });
  for (const name of ['fooocus.png', 'fooocus.jpg']) {
    const { program, settings } = await read(name);
    expect(program).toBe('fooocus');
    expect(settings).toMatchObject({ width: 512, height: 768, clipSkip: 2, preset: 'comfy' });
    expect(settings.loras).toEqual([{ name: 'alice', hash: '0123456789', strength: 0.8, inPrompt: false }]);
  }
});

test('Easy Diffusion, Draw Things, stable-diffusion.cpp: the fields beside', async () => {
  const easy = await read('easy-diffusion.jpg');
  expect([easy.program, easy.settings.clipSkip]).toEqual(['easydiffusion', 2]);
  expect(easy.settings.loras).toEqual([
    { name: 'alice', strength: 0.8, inPrompt: false },
    { name: 'bob', strength: 0.5, inPrompt: false },
  ]);
  expect((await read('easy-diffusion.png')).settings).toMatchObject({
    ...common,
    sampler: 'euler_a',
    clipSkip: 1,
    model: { name: 'dreamlike_v3' },
  });
  const draw = await read('draw-things.png');
  expect([draw.program, draw.settings.prompt]).toEqual(['drawthings', 'a fox in snow & <ice>']);
  expect(draw.settings.loras).toEqual([{ name: 'alice', strength: 0.8, inPrompt: false }]);
  const cpp = await read('sd.cpp.png');
  expect([cpp.program, cpp.settings.noise, cpp.settings.sampler]).toEqual([
    'sd.cpp',
    'philox',
    'euler_a karras',
  ]);
});
