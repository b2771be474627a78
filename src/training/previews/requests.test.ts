/** What prompts become where they say nothing, and when previews are due. */
import { describe, expect, test } from 'vitest';
import { isPreviewDue } from './due.ts';
import { parsePromptLine } from './prompt-line.ts';
import { previewRequests } from './requests.ts';

const sd15 = { resolution: 512, latentScale: 8 };
const requestOf = (line: string, base = sd15) => previewRequests([parsePromptLine(line).prompt], base, 5)[0];

describe('requests', () => {
  test('defaults are those of sd-scripts, but for a fixed seed and the size of the base', () => {
    const { sampler, ...rest } = requestOf('a cat');
    const size = { width: 512, height: 512 };
    expect(rest).toEqual({ prompt: 'a cat', negativePrompt: '', seed: 5, ...size, steps: 30, guidance: 7.5 });
    expect(sampler.sampler).toBe('ddim');
    expect(requestOf('a cat', { resolution: 1024, latentScale: 8 }).width).toBe(1024);
  });

  // sd-scripts: max(64, side − side % 8)
  test.each([
    [513, 512],
    [519, 512],
    [520, 520],
    [40, 64],
    [0, 64],
  ])('a side of %i is drawn as %i', (given, side) => {
    expect(requestOf(`a cat --w ${given}`).width).toBe(side);
  });

  test.each([
    ['euler_a', 'euler_ancestral', undefined],
    ['k_euler', 'euler', undefined],
    ['dpmsolver++', 'dpmpp_2m', 'uniform'],
    ['DPM++ 2M Karras', 'dpmpp_2m', 'karras'],
  ])('sampler %s', (name, sampler, scheduler) => {
    expect(requestOf(`a cat --ss ${name}`).sampler).toMatchObject({ sampler, scheduler });
  });

  test.each(['dpmsolver', 'pndm', 'nonsense'])('sampler %s is refused, not replaced', name => {
    expect(() => requestOf(`a cat --ss ${name}`)).toThrow(/sampler/);
  });

  test('guidance of 1 and below is none', () => {
    expect([0, 1, 1.5].map(scale => requestOf(`a cat --l ${scale}`).guidance)).toEqual([1, 1, 1.5]);
  });
});

describe('due', () => {
  const due = (times: object, stepsPerEpoch: number, lastStep: number): number[] =>
    Array.from({ length: lastStep + 1 }, (_, step) => step).filter(step =>
      isPreviewDue({ previewEvery: 0, previewEveryEpochs: 0, ...times }, step, { stepsPerEpoch, lastStep }),
    );

  test('every n steps, and after the last', () => {
    expect(due({ previewEvery: 4 }, 3, 10)).toEqual([4, 8, 10]);
    expect(due({}, 3, 10)).toEqual([]);
  });

  test('every n epochs; steps then do not count', () => {
    expect(due({ previewEveryEpochs: 1, previewEvery: 2 }, 3, 10)).toEqual([3, 6, 9, 10]);
    expect(due({ previewEveryEpochs: 2 }, 3, 12)).toEqual([6, 12]);
  });

  test('epochs that end between steps: in the step that ends them', () => {
    expect(due({ previewEveryEpochs: 1 }, 2.5, 10)).toEqual([3, 5, 8, 10]);
    expect(due({ previewEveryEpochs: 1 }, 0.5, 3)).toEqual([1, 2, 3]);
    // A third is no exact number.
    expect(due({ previewEveryEpochs: 3 }, 1 / 3, 4)).toEqual([1, 2, 3, 4]);
  });
});
