/** A run of the denoiser from noise, as `passes.ts` makes one, for tests that bring a network of their own. */
import { noiseSchedule, openPictureNoise, planSteps, type SamplerChoice } from '../../src/diffusion/index.ts';
import type { Conditioning } from '../../src/generation/conditioning/phases.ts';
import type { DenoiserRun } from '../../src/generation/denoise-run.ts';
import { presets } from '../../src/generation/settings/presets.ts';
import type { Checkpoint, EncodedText } from '../../src/models/index.ts';

export interface SimpleRun {
  readonly scheduler: Checkpoint['scheduler'];
  readonly session: DenoiserRun['session'];
  /** Without the prompt, then with it: one a picture each. */
  readonly states: readonly EncodedText[];
  readonly channels?: DenoiserRun['channels'];
  readonly seeds: readonly bigint[];
  readonly choice: Pick<SamplerChoice, 'sampler' | 'scheduler'>;
  readonly steps: number;
  readonly guidance: number;
  /** Of one latent. */
  readonly shape: readonly [channels: number, height: number, width: number];
  /** In pixels. */
  readonly size: readonly [width: number, height: number];
}

const lasting = (state: EncodedText): Conditioning => ({
  parts: [{ weight: 1, schedule: [{ until: Number.POSITIVE_INFINITY, state }] }],
});

export function simpleRun(run: SimpleRun): DenoiserRun {
  const { scheduler, session, states, channels, seeds, steps, guidance, shape, size } = run;
  const schedule = noiseSchedule({ ...scheduler, kind: scheduler.betaSchedule });
  const sampler = { ...run.choice, samplerLabel: '', schedulerLabel: '' };
  const rules = presets.lora;
  const plan = planSteps(sampler, schedule, scheduler, { steps, isSdxl: false, rules });
  const noises = seeds.map(seed =>
    openPictureNoise({ seed, source: 'cpu', stepNoise: 'continues', shape: [...shape] }),
  );
  const starts = noises.map(noise => [...noise.start()]);
  return {
    ...{ checkpoint: { scheduler }, schedule, session, feedsAt: async () => ({}), channels },
    texts: seeds.map((_, i) => ({
      negative: lasting(states[i]),
      positive: lasting(states[seeds.length + i]),
    })),
    startNoise: { shape: [seeds.length, ...shape], data: Float32Array.from(starts.flat()) },
    ...{ noises, sampler, options: {}, plan, brownian: [schedule.sigmas[0], plan.sigmas[0]], size },
    ...{ promptSteps: 'steps', timesteps: 'between' },
    guidance: { scale: guidance, rescale: 0, space: 'prediction' },
  };
}
