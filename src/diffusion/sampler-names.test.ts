/** Names of samplers and schedulers as A1111, ComfyUI and old pictures spell them. */
import { expect, test } from 'vitest';
import { resolveSampler, samplers, schedulers } from './index.ts';

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
  ['DPM++ 2M', 'Uniform', 'dpmpp_2m', 'uniform', 'DPM++ 2M', 'Uniform'],
  ['DPM++ 2M', 'normal', 'dpmpp_2m', 'normal', 'DPM++ 2M', 'Normal'],
  ['DPM++ 2M Karras', undefined, 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M Karras', 'automatic', 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['DPM++ 2M SGM Uniform', undefined, 'dpmpp_2m', 'sgm_uniform', 'DPM++ 2M', 'SGM Uniform'],
  ['dpmpp_2m_karras', undefined, 'dpmpp_2m', 'karras', 'DPM++ 2M', 'Karras'],
  ['Euler Exponential', 'Exponential', 'euler', 'exponential', 'Euler', 'Exponential'],
  ['Euler a Simple', undefined, 'euler_ancestral', 'simple', 'Euler a', 'Simple'],
  ['DPM++ 2M SDE Heun Karras', undefined, 'dpmpp_2m_sde_heun', 'karras', 'DPM++ 2M SDE Heun', 'Karras'],
  ['DPM++ 2M SDE Exponential', undefined, 'dpmpp_2m_sde', 'exponential', 'DPM++ 2M SDE', 'Exponential'],
  ['DPM++ 2M SDE', undefined, 'dpmpp_2m_sde', 'exponential', 'DPM++ 2M SDE', 'Exponential'],
  ['DPM++ 3M SDE Karras', undefined, 'dpmpp_3m_sde', 'karras', 'DPM++ 3M SDE', 'Karras'],
  ['DPM++ SDE Karras', undefined, 'dpmpp_sde', 'karras', 'DPM++ SDE', 'Karras'],
  ['DPM++ 2S a Karras', undefined, 'dpmpp_2s_ancestral', 'karras', 'DPM++ 2S a', 'Karras'],
  ['DPM2 a Karras', undefined, 'dpm_2_ancestral', 'karras', 'DPM2 a', 'Karras'],
  ['LMS Karras', undefined, 'lms', 'karras', 'LMS', 'Karras'],
  ['UniPC', undefined, 'uni_pc', undefined, 'UniPC', 'Automatic'],
  ['k_dpm_2_a', undefined, 'dpm_2_ancestral', 'karras', 'DPM2 a', 'Karras'],
  ['k_dpmpp_2s_a', undefined, 'dpmpp_2s_ancestral', 'karras', 'DPM++ 2S a', 'Karras'],
  ['dpmpp_2m_sde_gpu', 'ddim_uniform', 'dpmpp_2m_sde', 'ddim', 'DPM++ 2M SDE', 'DDIM'],
  ['uni_pc_bh2', 'sgm_uniform', 'uni_pc_bh2', 'sgm_uniform', 'UniPC BH2', 'SGM Uniform'],
  ['euler_k', undefined, 'euler', 'karras', 'Euler', 'Karras'],
  ['kdpm_2_a_k', undefined, 'dpm_2_ancestral', 'karras', 'DPM2 a', 'Karras'],
  ['dpm++2s_a', 'discrete', 'dpmpp_2s_ancestral', 'uniform', 'DPM++ 2S a', 'Uniform'],
  ['ddim_trailing', undefined, 'ddim', 'trailing', 'DDIM', 'Trailing'],
  ['EulerAncestralDiscreteScheduler', undefined, 'euler_ancestral', undefined, 'Euler a', 'Automatic'],
  ['UniPCMultistepScheduler', undefined, 'uni_pc_bh2', undefined, 'UniPC BH2', 'Automatic'],
  ['DPM++ 2M Align Your Steps', undefined, 'dpmpp_2m', 'align_your_steps', 'DPM++ 2M', 'Align Your Steps'],
  ['Euler SGMUniform', undefined, 'euler', 'sgm_uniform', 'Euler', 'SGM Uniform'],
  ['Euler', 'AYS', 'euler', 'align_your_steps', 'Euler', 'Align Your Steps'],
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

test('automatic is what A1111 takes only under its rule', () => {
  expect(resolveSampler('DPM++ 2M', 'Automatic', 'a1111').scheduler).toBe('karras');
  expect(resolveSampler('DPM++ 2M', 'Automatic', 'lora').scheduler).toBe('karras');
  expect(resolveSampler('DPM++ 2M', 'Automatic', 'diffusers')).toMatchObject({
    ...{ scheduler: undefined, schedulerLabel: 'Automatic' },
  });
  expect(resolveSampler('dpmpp_2m', undefined, 'comfy').scheduler).toBeUndefined();
});

test('every label and name is its own, with every scheduler behind it', () => {
  for (const { name, label } of samplers)
    for (const tail of schedulers)
      for (const spelled of [`${label} ${tail.label}`, `${name}_${tail.name}`, `k_${name} ${tail.name}`])
        expect(resolveSampler(spelled)).toMatchObject({ sampler: name, scheduler: tail.name });
});

test.each([
  ['Eular a', undefined, 'Did you mean Euler a or'],
  ['Eular a Karras', undefined, 'Did you mean Euler a or'],
  ['DPM++ 2N', undefined, 'Did you mean DPM++ 2M'],
  ['Euler', 'Kerras', 'Did you mean Karras'],
] as const)('%s with %s is told what is near, then everything', (name, scheduler, hint) => {
  let error: { hint?: string } = {};
  try {
    resolveSampler(name, scheduler);
  } catch (thrown) {
    error = thrown as { hint?: string };
  }
  expect(error.hint).toContain(hint);
  for (const { label } of scheduler ? schedulers : samplers) expect(error.hint).toContain(label);
});
