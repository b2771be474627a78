/** Names of samplers and schedulers as A1111, ComfyUI and old pictures spell them. */
import { expect, test } from 'vitest';
import { resolveSampler } from './index.ts';

test.each([
  // name, scheduler → sampler, scheduler, labels
  ['DDIM', undefined, 'ddim', undefined, 'DDIM', 'Automatic'],
  ['Euler', undefined, 'euler', undefined, 'Euler', 'Automatic'],
  ['euler', 'karras', 'euler', 'karras', 'Euler', 'Karras'],
  ['Euler a', undefined, 'euler_ancestral', undefined, 'Euler a', 'Automatic'],
  ['k_euler_a', 'Automatic', 'euler_ancestral', undefined, 'Euler a', 'Automatic'],
  [' Euler  A ', 'automatic', 'euler_ancestral', undefined, 'Euler a', 'Automatic'],
  ['DPM++ 2M', undefined, 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M', 'automatic', 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M', 'Uniform', 'dpmpp_2m', 'normal', 'DPM++ 2M', 'Uniform'],
  ['DPM++ 2M', 'normal', 'dpmpp_2m', 'normal', 'DPM++ 2M', 'Normal'],
  ['DPM++ 2M Karras', undefined, 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M Karras', 'automatic', 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M SGM Uniform', undefined, 'dpmpp_2m', 'sgm_uniform', 'DPM++ 2M', 'SGM Uniform'],
  ['dpmpp_2m_karras', undefined, 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['Euler Exponential', 'Exponential', 'euler', 'exponential', 'Euler', 'Exponential'],
  ['Euler a Simple', undefined, 'euler_ancestral', 'simple', 'Euler a', 'Simple'],
] as const)('%s with %s', (name, asked, sampler, scheduler, samplerLabel, schedulerLabel) => {
  expect(resolveSampler(name, asked)).toEqual({ sampler, scheduler, samplerLabel, schedulerLabel });
});

test.each([
  ['Magic', undefined, 'SAMPLER_UNKNOWN'],
  ['Karras', undefined, 'SAMPLER_UNKNOWN'],
  ['', undefined, 'SAMPLER_UNKNOWN'],
  ['Euler', 'Magic', 'SCHEDULER_UNKNOWN'],
  ['Euler Karras', 'Exponential', 'SCHEDULER_TWICE'],
  ['constructor', undefined, 'SAMPLER_UNKNOWN'],
] as const)('%s with %s is %s', (name, asked, code) => {
  expect(() => resolveSampler(name, asked)).toThrow(expect.objectContaining({ code, exit: 'usage' }));
});
