/** Pictures of the embedded model: what must hold whatever the weights draw. */
import { afterAll, describe, expect, test } from 'vitest';
import { kindMakers, randomKind, randomLora } from '../../test/support/loras.ts';
import { resolveSampler } from '../diffusion/index.ts';
import type { Tensor } from '../engine/index.ts';
import { parseBlockWeights } from '../lora/index.ts';
import { openCheckpoint } from '../models/index.ts';
import { type GenerateRequest, openGenerator, type PictureRequest } from './generator.ts';

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
    expect(generator.sessionsOpened).toBe(opened + 1); // merged weights lie between
    await draw({ loras: [loras[0], { lora: other, strength: 0 }] });
    expect(generator.sessionsOpened).toBe(opened + 1);
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
    const numbers = () => [...weights.names()].map(name => weights.read(name));
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
