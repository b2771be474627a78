/** Pictures with AND and without in one batch, and prompts that change over both passes. */
import { afterAll, describe, expect, test } from 'vitest';
import { resolveSampler } from '../../diffusion/index.ts';
import type { Tensor } from '../../engine/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { openGenerator } from '../generator.ts';
import type { GenerateRequest, PictureRequest } from '../request.ts';
import { presets } from '../settings/presets.ts';

const generator = openGenerator(openCheckpoint('pretrained/pocket'));
afterAll(() => generator.release());

const draw = (pictures: readonly PictureRequest[], some: Partial<GenerateRequest> = {}) =>
  generator.generate({
    ...{ pictures, loras: [], merge: false, sampler: resolveSampler('Euler a'), steps: 3, guidance: 1 },
    ...{ width: 32, height: 40 },
    ...some,
  });
const picture = (seed: number, prompt: string): PictureRequest => ({ prompt, negativePrompt: 'snow', seed });
const farthest = (a: Tensor, b: Tensor): number =>
  a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i])), 0);

describe('without guidance', () => {
  test.each([0, 0.5])('AND guides its own picture only, rescaled by %f', async guidanceRescale => {
    const pictures = [
      picture(5, 'a red car'),
      picture(6, 'a cat :0.7 AND a beach :0.6'),
      picture(7, 'a blue cat'),
      picture(8, 'a boat :1.4'),
    ];
    const together = await draw(pictures, { guidanceRescale });
    for (const [i, one] of pictures.entries())
      expect((await draw([one], { guidanceRescale }))[0]).toEqual(together[i]);
    for (const i of [1, 3]) {
      const [other] = await draw([{ ...pictures[i], negativePrompt: 'a red car' }]);
      const [own] = await draw([pictures[i]]);
      expect(farthest(other.latent, own.latent)).toBeGreaterThan(0.005);
    }
  });

  test('a negative prompt means nothing where there is no AND', async () => {
    const one = picture(5, 'a red car');
    const [a] = await draw([one]);
    const [b] = await draw([{ ...one, negativePrompt: 'a (bad' }]);
    expect(b).toEqual(a);
  });

  test('AND is text for ComfyUI', async () => {
    const rules = { ...presets.comfy, clipSkip: 1 };
    const one = picture(6, 'a cat AND a beach');
    const [a] = await draw([one], { rules });
    const [b] = await draw([{ ...one, negativePrompt: 'fog' }], { rules });
    expect(b).toEqual(a);
  });
});

test('steps of a prompt in the second pass go on from the calls of the first, by its sampler', async () => {
  const rules = { ...presets.a1111, clipSkip: 1 };
  const second = {
    ...{ width: 48, height: 64, upscaler: 'latent' as const, steps: 4, strength: 1, guidance: 3 },
    sampler: resolveSampler('Heun'), // two calls a step
  };
  const drawSecond = async (prompt: string): Promise<Tensor> => {
    const one = { ...picture(3, 'a car'), second: { prompt, negativePrompt: 'snow' } };
    const [{ latent }] = await draw([one], {
      ...{ rules, steps: 4, guidance: 3, second, sampler: resolveSampler('Euler') },
    });
    return latent;
  };
  const [cat, dog, changing] = [
    await drawSecond('a red cat'),
    await drawSecond('a snowy dog'),
    await drawSecond('[a red cat:a snowy dog:8]'), // call 4 of the second pass
  ];
  expect(farthest(changing, cat)).toBeGreaterThan(0.005);
  expect(farthest(changing, dog)).toBeGreaterThan(0.005);
});
