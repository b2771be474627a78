/** @file What can be chosen for a picture, a sentence each, for people who meet the names for the first time. */
import type { SamplerName, schedulers } from '../../../diffusion/index.ts';
import type {
  emphasisRules,
  maskedContents,
  presetNames,
  resizeModes,
  upscalerLabels,
} from '../../../generation/index.ts';

type SchedulerName = (typeof schedulers)[number]['name'];
type Texts<Name extends string> = Readonly<Record<Name, string>>;

export const samplerTexts: Texts<SamplerName> = {
  dpmpp_2m: 'Sharp in few steps and the same each time: a good first choice (20 steps).',
  dpmpp_sde: 'Rich detail from few steps, each of which takes twice as long; adds noise on the way.',
  dpmpp_2m_sde: 'As DPM++ 2M, with noise added on the way: more texture, wants 25 steps or more.',
  dpmpp_2m_sde_heun: 'As DPM++ 2M SDE, with another correction in each step.',
  dpmpp_2s_ancestral: 'Two looks a step and noise on the way: lively pictures, slower.',
  dpmpp_3m_sde: 'Looks back three steps: smooth pictures from 30 steps on.',
  euler_ancestral: 'Noise on the way: varied pictures that keep changing with the number of steps.',
  euler: 'The plainest one: steady, easy to compare with.',
  lms: 'Remembers earlier steps; wants more of them to be clean.',
  heun: 'Corrects each step with a second look: accurate, takes twice as long.',
  dpm_2: 'Looks at the middle of each step: accurate, takes twice as long.',
  dpm_2_ancestral: 'As DPM2, with noise added on the way.',
  ddim: 'The first fast one, the same each time; good for starting from pictures.',
  uni_pc: 'Predicts and corrects: clean pictures in as few as 10 steps.',
  uni_pc_bh2: 'UniPC in the form that is made for guidance: clean in few steps.',
  lcm: 'For LCM models and LoRAs only: 4 to 8 steps, guidance near 1.',
  ddpm: 'The original one: noise in every step, wants many steps.',
};

export const schedulerTexts: Texts<SchedulerName> = {
  uniform: 'Steps at even times, as the base was trained.',
  karras: 'More steps where fine detail is made; sharp in few steps.',
  exponential: 'Even in the logarithm of noise: smooth pictures, good with SDE samplers.',
  polyexponential: 'As exponential, with a power that is 1 here.',
  sgm_uniform: 'Even times that stop short of the last: for turbo and lightning models.',
  kl_optimal: 'Even in the arc tangent of noise: fewer errors in few steps.',
  align_your_steps: 'Measured for Stable Diffusion at 10 steps.',
  simple: 'Every so many steps of the training, counted from the most noise.',
  normal: 'Even times with the last one kept.',
  ddim: 'Every so many steps of the training, counted from the least noise.',
  beta: 'More steps at both ends: composition and detail.',
  trailing: 'As diffusers: even times that end at the most noise.',
  leading: 'As diffusers of old: even times that begin at the least noise.',
};

export const presetTexts: Texts<(typeof presetNames)[number]> = {
  lora: 'The studio’s own: A1111’s prompts, and noise that is the same on every machine.',
  a1111: 'The same picture as A1111 makes of the same settings.',
  comfy: 'The same picture as ComfyUI makes of the same settings.',
  diffusers: 'The same picture as diffusers makes of the same settings.',
};

export const upscalerTexts: Texts<keyof typeof upscalerLabels> = {
  latent: 'Enlarges before decoding: fast, wants a strength of 0.5 or more.',
  'latent-antialiased': 'As Latent, without jagged edges.',
  'latent-bicubic': 'As Latent, smoother.',
  'latent-bicubic-antialiased': 'As Latent, smoother and without jagged edges.',
  'latent-nearest': 'As Latent, with hard squares, which turn into detail.',
  'latent-nearest-exact': 'As nearest, exactly centred.',
  lanczos: 'Enlarges the finished picture: keeps it as it is, good with a low strength.',
  nearest: 'Repeats pixels: for pixel art.',
};

export const resizeTexts: Texts<(typeof resizeModes)[number]> = {
  stretch: 'The whole picture, pulled into the new shape.',
  crop: 'The middle of the picture in the new shape; edges are cut off.',
  fill: 'The whole picture, its edges continued to fill the new shape.',
};

export const maskedTexts: Texts<(typeof maskedContents)[number]> = {
  original: 'Begins with what is there.',
  fill: 'Begins with a blur of what is around it: to take something away.',
  'latent-noise': 'Begins with noise: for something new; wants a high strength.',
  'latent-nothing': 'Begins with nothing: for something new that fits in.',
};

export const emphasisTexts: Texts<(typeof emphasisRules)[number]> = {
  a1111: '(words:1.2) as A1111 reads it: weighted, then brought back to the usual strength.',
  'a1111-nonorm': 'As A1111, without bringing it back: for long weights in SDXL.',
  comfy: 'As ComfyUI: weights between the words and an empty prompt.',
  none: 'Weights are not counted.',
};
