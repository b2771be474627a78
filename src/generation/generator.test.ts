/** Pictures of the embedded model: what must hold whatever the weights draw. */
import { afterAll, describe, expect, test } from 'vitest';
import { kindMakers, randomKind, randomLora } from '../../test/support/loras.ts';
import { resolveSampler } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import { type LoraWeights, parseBlockWeights } from '../lora/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { openGenerator } from './generator.ts';
import type { DrawingStep, GenerateRequest, PictureRequest, SecondPass } from './request.ts';
import { presets } from './settings/presets.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const generator = openGenerator(checkpoint);
afterAll(() => generator.release());

const picture = (seed: number, prompt = 'a red car on the beach'): PictureRequest => ({
  prompt,
  negativePrompt: 'snow',
  seed,
});
const draw = (some: Partial<GenerateRequest>) =>
  generator.generate({
    pictures: [picture(1)],
    loras: [],
    merge: false,
    sampler: resolveSampler('Euler a'),
    steps: 3,
    guidance: 4.5,
    width: 32,
    height: 40,
    ...some,
  });

const farthest = (a: Tensor, b: Tensor): number =>
  a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);

const [first, second] = [1, 2].map(seed => randomLora(checkpoint, { seed, rank: 4 * seed }));

const samplers = ['DDIM', 'Euler', 'Euler a', 'DPM++ 2M'].map(name => resolveSampler(name));

describe('merged and attached', () => {
  test('two LoRAs at different strengths, every sampler', async () => {
    const loras = [
      { lora: first, strength: 0.8 },
      { lora: second, strength: -0.5, textStrength: 0.3 },
    ];
    const drawAll = async (some: Partial<GenerateRequest>) => {
      const pictures = [];
      for (const sampler of samplers) pictures.push(...(await draw({ ...some, sampler })));
      return pictures;
    };
    const base = await drawAll({});
    const attached = await drawAll({ loras });
    const merged = await drawAll({ loras, merge: true });
    for (const i of samplers.keys()) {
      expect(farthest(attached[i].latent, base[i].latent)).toBeGreaterThan(0.05);
      // x·(W + ΔW) against x·W + (x·A)·B: float32 sums in another order, through the steps. Measured: 1e-5.
      expect(farthest(attached[i].latent, merged[i].latent)).toBeLessThan(2e-4);
      const levels = attached[i].data.map((value, at) => Math.abs(value - merged[i].data[at]));
      expect(Math.max(...levels)).toBeLessThanOrEqual(1); // a value on the edge between two levels
    }
  });

  test.each(Object.keys(kindMakers))('%s: beside a plain one, on layers that both change', async kind => {
    const other = randomKind(checkpoint, kind, {
      seed: 3,
      targets: /attentions\.0.*(to_q|ff\.net\.2|proj_in)|conv1/,
    });
    const loras = [
      { lora: first, strength: 0.5 },
      { lora: other, strength: 0.7 },
    ];
    const [one] = await draw({ loras: [loras[0]] });
    const [attached] = await draw({ loras });
    const [merged] = await draw({ loras, merge: true });
    expect(farthest(attached.latent, one.latent)).toBeGreaterThan(0.01);
    // As above; the same weights, given as inputs.
    expect(farthest(attached.latent, merged.latent)).toBeLessThan(2e-4);
    const opened = generator.sessionsOpened;
    await draw({ loras: [loras[0], { lora: other, strength: 0.2 }] });
    expect(generator.sessionsOpened).toBe(opened);
    await draw({ loras: [loras[0], { lora: other, strength: 0 }] });
    expect(generator.sessionsOpened).toBe(opened);
  });

  test('norms', async () => {
    const name = 'unet.mid_block.resnets.0.norm1';
    const [channels] = checkpoint.unet.weights.shape(`${name.slice(5)}.weight`);
    const vector = (value: number): Tensor => ({
      shape: [channels],
      data: new Float32Array(channels).fill(value),
    });
    const tensors = { w_norm: vector(0.5), b_norm: vector(-0.2) };
    const module = { target: name, kind: 'norm', tensors, rank: 0, alpha: 1 } as const;
    const loras = [{ lora: { modules: [module], metadata: {} }, strength: 1 }];
    const [[base], [attached], [merged]] = [
      await draw({}),
      await draw({ loras }),
      await draw({ loras, merge: true }),
    ];
    expect(farthest(attached.latent, base.latent)).toBeGreaterThan(0.01);
    expect(farthest(attached.latent, merged.latent)).toBeLessThan(2e-4);
  });

  test('blocks have weights of their own', async () => {
    const inMiddle = first.modules.filter(({ target }) => target.startsWith('unet.mid_block.'));
    const [middleOnly] = await draw({ loras: [{ lora: { ...first, modules: inMiddle }, strength: 1 }] });
    const blocks = parseBlockWeights('BASE=0,IN*=0,OUT*=0', checkpoint.family);
    const [weighted] = await draw({ loras: [{ lora: first, strength: 1, blocks }] });
    const [whole] = await draw({ loras: [{ lora: first, strength: 1 }] });
    expect(farthest(weighted.latent, middleOnly.latent)).toBeLessThan(2e-4);
    expect(farthest(weighted.latent, whole.latent)).toBeGreaterThan(0.01);
  });

  test('the strength on the text encoder is its own', async () => {
    const loras = [{ lora: first, strength: 1 }];
    const [both] = await draw({ loras });
    const [unetOnly] = await draw({ loras: [{ lora: first, strength: 1, textStrength: 0 }] });
    const modules = first.modules.filter(({ target }) => target.startsWith('unet.'));
    const [withoutText] = await draw({ loras: [{ lora: { ...first, modules }, strength: 1 }] });
    expect(farthest(unetOnly.latent, withoutText.latent)).toBeLessThan(2e-4);
    expect(farthest(both.latent, unetOnly.latent)).toBeGreaterThan(0.01);
  });

  test('after merging, the base is the base, bit for bit', async () => {
    const { weights } = checkpoint.unet;
    const numbers = () =>
      [...weights.names()].map(name => {
        const { buffer, byteOffset, byteLength } = weights.read(name);
        return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
      });
    const [before, [base]] = [numbers(), await draw({})];
    await draw({ loras: [{ lora: first, strength: 1 }], merge: true });
    expect((await draw({}))[0]).toEqual(base);
    expect(numbers()).toEqual(before);
  });

  test('strength 0 and opposite strengths leave the base model', async () => {
    const [base] = await draw({});
    const [none] = await draw({ loras: [{ lora: first, strength: 0 }] });
    const [cancelled] = await draw({
      loras: [
        { lora: first, strength: 0.7 },
        { lora: first, strength: -0.7 },
      ],
    });
    // Another graph is another order of sums; measured 6e-6.
    expect(farthest(none.latent, base.latent)).toBeLessThan(2e-4);
    expect(farthest(cancelled.latent, base.latent)).toBeLessThan(2e-4);
  });
});

describe('a batch', () => {
  test('each picture is the same alone, bit for bit, with every sampler', async () => {
    const pictures = [picture(5), picture(6, 'a blue cat'), picture(7)];
    const loras = [{ lora: first, strength: 0.6 }];
    const together = [];
    for (const sampler of samplers) together.push(await draw({ pictures, sampler, loras }));
    for (const [s, sampler] of samplers.entries()) {
      for (const [i, one] of pictures.entries())
        expect((await draw({ pictures: [one], sampler, loras }))[0]).toEqual(together[s][i]);
      expect(farthest(together[s][0].latent, together[s][2].latent)).toBeGreaterThan(0.01);
    }
  });

  test('without guidance too', async () => {
    const pictures = [picture(5), picture(6)];
    const together = await draw({ pictures, guidance: 1 });
    expect((await draw({ pictures: [pictures[1]], guidance: 1 }))[0]).toEqual(together[1]);
  });
});

describe('a LoRA of its own for each picture of a batch', () => {
  const own = (seed: number, loras: PictureRequest['loras']): PictureRequest => ({ ...picture(seed), loras });

  test('A, B and none together are what they are alone', async () => {
    const [a, b] = [
      [{ lora: first, strength: 0.8 }],
      [
        { lora: second, strength: 0.6 },
        { lora: first, strength: -0.3 },
      ],
    ];
    const pictures = [own(5, a), own(6, b), own(7, [])];
    const together = await draw({ pictures });
    for (const [i, one] of pictures.entries()) {
      const [alone] = await draw({ pictures: [one] });
      // Ranks side by side with factor 0, and branches where alone some weights are changed: measured 3e-6.
      expect(farthest(alone.latent, together[i].latent)).toBeLessThan(1e-5 * 20);
      const [without] = await draw({ pictures: [own(5 + i, i < 2 ? [] : a)] });
      expect(farthest(alone.latent, without.latent)).toBeGreaterThan(0.01);
    }
  });

  test('kinds that are no side branches, and merged ones, are drawn one LoRA after the other', async () => {
    const other = randomKind(checkpoint, 'loha', { seed: 3, targets: /conv1/ });
    const pictures = [own(5, [{ lora: other, strength: 1 }]), own(6, [{ lora: first, strength: 1 }])];
    for (const merge of [false, true]) {
      const together = await draw({ pictures, merge });
      for (const [i, one] of pictures.entries())
        expect((await draw({ pictures: [one], merge }))[0]).toEqual(together[i]);
    }
  });
});

describe('a LoRA in some steps only', () => {
  test('is the base before, and itself in all of them', async () => {
    const [base] = await draw({ steps: 4 });
    const on = { lora: first, strength: 1, textStrength: 0 }; // text is encoded once, whatever the steps
    const at = (from: number, to: number) => draw({ steps: 4, loras: [{ ...on, steps: { from, to } }] });
    const [whole] = await draw({ steps: 4, loras: [on] });
    expect((await at(0, 4))[0].latent).toEqual(whole.latent);
    expect(farthest((await at(4, 5))[0].latent, base.latent)).toBeLessThan(2e-4);
    const [[early], [late]] = [await at(0, 2), await at(2, 4)];
    for (const one of [early, late])
      for (const other of [base, whole, one === early ? late : early])
        expect(farthest(one.latent, other.latent)).toBeGreaterThan(0.005);
  });

  test('kinds that change weights too', async () => {
    const lora = randomKind(checkpoint, 'loha', { seed: 3, targets: /conv1/ });
    const [whole] = await draw({ loras: [{ lora, strength: 1 }] });
    const [early] = await draw({ loras: [{ lora, strength: 1, steps: { from: 0, to: 1 } }] });
    const [never] = await draw({ loras: [{ lora, strength: 1, steps: { from: 7, to: 8 } }] });
    const [base] = await draw({});
    expect(farthest(early.latent, whole.latent)).toBeGreaterThan(0.005);
    expect(farthest(early.latent, base.latent)).toBeGreaterThan(0.005);
    expect(farthest(never.latent, base.latent)).toBeLessThan(2e-4);
  });

  test('merged, it is refused', async () => {
    const loras = [{ lora: first, strength: 1, steps: { from: 0, to: 1 } }];
    await expect(draw({ loras, merge: true })).rejects.toMatchObject({ code: 'LORA_MERGED_STEPS' });
  });
});

describe('from a picture', () => {
  const [width, height] = [32, 40];
  const pixels: Tensor = {
    shape: [1, 3, height, width],
    data: Float32Array.from(
      { length: 3 * width * height },
      (_, i) => ((i % width) / width) * 0.8 - 0.2 - 0.3 * Math.floor(i / (width * height)),
    ),
  };
  const rgb = (tensor: Tensor): number[] =>
    Array.from({ length: 3 * width * height }, (_, i) => {
      const plane = width * height;
      return (tensor.data[(i % 3) * plane + Math.floor(i / 3)] / 2 + 0.5) * 255;
    });
  const distance = (data: Uint8Array, to: number[]): number =>
    data.reduce((sum, value, i) => sum + Math.abs(value - to[i]), 0) / data.length;

  test('the less strength, the nearer; none is the picture through the autoencoder', async () => {
    const distances: number[] = [];
    for (const strength of [0, 0.3, 0.6, 1]) {
      const [drawn] = await draw({ init: { pixels, strength }, steps: 10 });
      distances.push(distance(drawn.data, rgb(pixels)));
    }
    expect(distances).toEqual([...distances].sort((a, b) => a - b));
    expect(distances[0]).toBeLessThan(12); // the autoencoder's own loss on such a picture
    expect(distances[3]).toBeGreaterThan(2 * distances[0]);
  });

  test.each(['lora', 'comfy', 'diffusers'] as const)('%s: what is not masked stays', async name => {
    const [w, h] = [width / checkpoint.latentScale, height / checkpoint.latentScale];
    const latentMask = Float32Array.from({ length: w * h }, (_, i) => (i % w < w / 2 ? 1 : 0));
    const mask = {
      shape: [1, 1, height, width],
      data: Float32Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? 1 : 0)),
    };
    const rules = { ...presets[name], clipSkip: 1 };
    const init = { pixels, strength: 1 };
    const [kept] = await draw({ init: { pixels, strength: 0 }, steps: 4 });
    for (const content of ['original', 'latent-noise', 'latent-nothing'] as const) {
      const [drawn] = await draw({ init, inpaint: { mask, latentMask, content }, rules, steps: 4 });
      drawn.latent.data.forEach((value, i) => {
        if (latentMask[i % latentMask.length] === 0) expect(value).toBeCloseTo(kept.latent.data[i], 5);
      });
      expect(farthest(drawn.latent, kept.latent)).toBeGreaterThan(0.1);
    }
  });
});

test.each(['latent', 'lanczos'] as const)('a second pass, larger by %s', async upscaler => {
  const sampler = resolveSampler('Euler');
  const second = { width: 48, height: 64, upscaler, steps: 4, strength: 0.5, sampler, guidance: 3 };
  const steps: [number, number][] = [];
  const request = { second, onStep: ({ step, steps: all }: DrawingStep) => void steps.push([step, all]) };
  const [drawn] = await draw(request);
  expect([drawn.width, drawn.height]).toEqual([48, 64]);
  expect(drawn.latent.shape).toEqual([
    checkpoint.vae.config.latentChannels,
    64 / checkpoint.latentScale,
    48 / checkpoint.latentScale,
  ]);
  expect(steps.map(([step]) => step)).toEqual(steps.map((_, i) => i + 1));
  expect(steps.at(-1)).toEqual([steps.length, steps.length]);
  const [again] = await draw({ ...request, pictures: [picture(9), picture(1)] }).then(([, one]) => [one]);
  expect(again).toEqual(drawn);
});

test('a variation lies between two seeds', async () => {
  const vary = (strength: number) =>
    draw({ pictures: [{ ...picture(1), variation: { seed: 2n, strength } }] }).then(([one]) => one.latent);
  const [[one], [two]] = [await draw({}), await draw({ pictures: [picture(2)] })];
  expect(await vary(0)).toEqual(one.latent);
  const near = await vary(0.2);
  expect(farthest(near, one.latent)).toBeGreaterThan(0.005);
  // The noise within the steps of "Euler a" is still that of its own seed.
  expect(farthest(near, one.latent)).toBeLessThan(farthest(two.latent, one.latent));
});

describe('words and LoRAs that are not of the UNet', () => {
  const word = (name: string): LoraWeights => {
    const { hiddenSize } = checkpoint.textEncoder.config;
    const data = Float32Array.from({ length: 2 * hiddenSize }, (_, i) => Math.sin(i));
    return {
      ...{ modules: [], metadata: {} },
      embeddings: [{ word: name, vectors: { text_encoder: { shape: [2, hiddenSize], data } } }],
    };
  };

  test('a word in one picture of a batch leaves the UNet as it is', async () => {
    const plain = [picture(5), picture(6)];
    await draw({ pictures: plain });
    const opened = generator.sessionsOpened;
    const loras = [{ lora: word('zorbi'), strength: 1 }];
    const pictures = [plain[0], { ...picture(6, 'a zorbi'), loras }];
    const together = await draw({ pictures });
    expect(generator.sessionsOpened).toBe(opened);
    expect(together[0]).toEqual((await draw({ pictures: [plain[0]] }))[0]);
    expect(together[1]).toEqual((await draw({ pictures: [pictures[1]] }))[0]);
    const [without] = await draw({ pictures: [picture(6, 'a zorbi')] });
    expect(farthest(together[1].latent, without.latent)).toBeGreaterThan(0.01);
  });
});

describe('LoRAs in the second pass', () => {
  const second: SecondPass = {
    ...{ width: 48, height: 64, steps: 6, strength: 0.5, guidance: 3 },
    upscaler: 'latent-nearest',
    sampler: resolveSampler('Euler'),
  };
  const on = { lora: first, strength: 1, textStrength: 0 };

  test('a LoRA without an end stays on, one that ended in the first pass is off', async () => {
    const at = (from: number, to: number) =>
      draw({ second, loras: [{ ...on, steps: { from, to } }] }).then(([one]) => one.latent);
    const [{ latent: whole }] = await draw({ second, loras: [on] });
    expect(await at(0, Number.POSITIVE_INFINITY)).toEqual(whole);
    expect(farthest(await at(0, 3), whole)).toBeGreaterThan(0.005);
    const [{ latent: base }] = await draw({ second, loras: [{ ...on, strength: 0 }] });
    expect(farthest(await at(3, Number.POSITIVE_INFINITY), base)).toBeGreaterThan(0.005);
  });

  test('a prompt of its own has LoRAs of its own', async () => {
    const own = (loras: PictureRequest['loras']): PictureRequest => ({
      ...picture(1),
      second: { prompt: 'a blue cat', negativePrompt: '', loras },
    });
    const [none] = await draw({ second, pictures: [own([])], loras: [on] });
    const [same] = await draw({ second, pictures: [own(undefined)], loras: [on] });
    const [given] = await draw({ second, pictures: [own([on])], loras: [on] });
    expect(given.latent).toEqual(same.latent);
    expect(farthest(none.latent, same.latent)).toBeGreaterThan(0.005);
  });
});

test('the noise of another size is cut to whole latent pixels', async () => {
  const odd = checkpoint.latentScale - 1;
  const [whole] = await draw({ noiseSize: { width: 48, height: 48 } });
  const [crooked] = await draw({ noiseSize: { width: 48 + odd, height: 48 + odd } });
  expect(crooked).toEqual(whole);
  expect(farthest(whole.latent, (await draw({}))[0].latent)).toBeGreaterThan(0.01);
});

test('closed before decoding, the UNet is opened again for the next pictures', async () => {
  const [kept] = await draw({});
  const [closed] = await draw({ keepsUnet: false });
  const opened = generator.sessionsOpened;
  const [again] = await draw({});
  expect([closed, again]).toEqual([kept, kept]);
  expect(generator.sessionsOpened).toBe(opened + 1);
});

test('each picture is handed over when it is decoded, also where LoRAs are drawn one after the other', async () => {
  const merged = [first, second].map((lora, i) => ({ ...picture(5 + i), loras: [{ lora, strength: 1 }] }));
  const seen: [number, number][] = [];
  let steps = 0;
  const drawn = await draw({
    ...{ pictures: merged, merge: true },
    onStep: () => void steps++,
    onPicture: index => void seen.push([index, steps]),
  });
  expect(seen).toEqual([
    [0, 3],
    [1, 6],
  ]);
  expect(drawn).toHaveLength(2);
});

describe('switching', () => {
  const [a, b] = [11, 12].map(seed => randomLora(checkpoint, { seed, rank: 4 }));

  test('another LoRA of the same rank, or another strength, needs no new session', async () => {
    const [withA] = await draw({ loras: [{ lora: a, strength: 1 }] });
    const before = generator.sessionsOpened;
    const [withB] = await draw({ loras: [{ lora: b, strength: 1 }] });
    const [weaker] = await draw({ loras: [{ lora: b, strength: 0.5 }] });
    const [again] = await draw({ loras: [{ lora: a, strength: 1 }] });
    expect(generator.sessionsOpened).toBe(before);
    expect(farthest(withA.latent, withB.latent)).toBeGreaterThan(0.01);
    expect(farthest(weaker.latent, withB.latent)).toBeGreaterThan(0.01);
    expect(again).toEqual(withA);
    await draw({ loras: [{ lora: second, strength: 1 }] }); // rank 8
    expect(generator.sessionsOpened).toBe(before + 1);
  });

  test('merged LoRAs are told apart by what they are, not by the hash that a file claims', async () => {
    const claimed = { sshs_model_hash: 'the same' };
    const [withA] = await draw({ merge: true, loras: [{ lora: { ...a, metadata: claimed }, strength: 1 }] });
    const [withB] = await draw({ merge: true, loras: [{ lora: { ...b, metadata: claimed }, strength: 1 }] });
    expect(farthest(withA.latent, withB.latent)).toBeGreaterThan(0.01);
  });
});

test('a prompt that is too long says what was left out', async () => {
  const words = Array.from({ length: 500 }, () => 'cat').join(' ');
  const [{ truncated }] = await draw({ pictures: [picture(1, words)], steps: 1 });
  expect(truncated.prompt).toMatch(/^cat( cat)+$/);
  expect(words.endsWith(truncated.prompt)).toBe(true);
  expect(truncated.negativePrompt).toBe('');
});

describe('what cannot be drawn is an error with a name', () => {
  test.each([
    ['SIZE_INVALID', { width: 60 }],
    ['STEPS_INVALID', { steps: 1.5 }],
    ['GUIDANCE_INVALID', { guidance: Number.NaN }],
    ['STEPS_INVALID', { steps: 0 }],
    ['STEPS_INVALID', { steps: 1e9 }],
    [
      'STRENGTH_INVALID',
      { init: { pixels: { shape: [1, 3, 40, 32], data: new Float32Array(3840) }, strength: 1.5 } },
    ],
    ['STRENGTH_INVALID', { guidanceRescale: -0.1 }],
    ['SEED_INVALID', { pictures: [picture(-1)] }],
    ['SEED_INVALID', { pictures: [picture(2 ** 53)] }],
  ])('%s', async (code, some) => {
    await expect(draw(some)).rejects.toMatchObject({ code, exit: 'usage' });
  });

  test('NaN, and the generator goes on working', async () => {
    const [before] = await draw({});
    const huge = randomLora(checkpoint, { seed: 3, rank: 4, size: 1e30 });
    await expect(draw({ loras: [{ lora: huge, strength: 1 }] })).rejects.toMatchObject({
      code: 'PICTURE_NOT_FINITE',
      exit: 'failure',
    });
    expect((await draw({}))[0]).toEqual(before);
  });

  test('interrupted between steps', async () => {
    const controller = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (++steps === 2) controller.abort();
    };
    await expect(draw({ onStep, signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(steps).toBe(2);
  });
});
