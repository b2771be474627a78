/** @file How many steps, and at which noise levels: the spacings of sigmas, and the names people know them by. */
import { usageError } from '../errors.ts';
import { type NoiseSchedule, timestepToSigma } from './noise-schedule.ts';

export type SchedulerName =
  | 'karras'
  | 'exponential'
  | 'normal'
  | 'sgm_uniform'
  | 'simple'
  | 'trailing'
  | 'leading';
export type SamplerName = 'ddim' | 'euler' | 'euler_ancestral' | 'dpmpp_2m';

const linspace = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (count === 1 ? from : from + ((to - from) * i) / (count - 1)));

/** Karras et al. 2022, eq. 5, ρ = 7. */
function karras(sigmaMin: number, sigmaMax: number, steps: number): number[] {
  const rho = 7;
  const [low, high] = [sigmaMin ** (1 / rho), sigmaMax ** (1 / rho)];
  return linspace(0, 1, steps).map(ramp => (high + ramp * (low - high)) ** rho);
}

/** Sigmas of `steps` steps, falling, without the final 0. */
const spacings: Readonly<Record<SchedulerName, (schedule: NoiseSchedule, steps: number) => number[]>> = {
  karras: ({ sigmas }, steps) => karras(sigmas[0], sigmas[sigmas.length - 1], steps),
  exponential: ({ sigmas }, steps) =>
    linspace(Math.log(sigmas[sigmas.length - 1]), Math.log(sigmas[0]), steps).map(Math.exp),
  normal: (schedule, steps) =>
    linspace(schedule.sigmas.length - 1, 0, steps).map(t => timestepToSigma(schedule, t)),
  sgm_uniform: (schedule, steps) =>
    linspace(schedule.sigmas.length - 1, 0, steps + 1)
      .slice(0, -1)
      .map(t => timestepToSigma(schedule, t)),
  simple: ({ sigmas }, steps) =>
    Array.from(
      { length: steps },
      (_, i) => sigmas[sigmas.length - 1 - Math.floor((i * sigmas.length) / steps)],
    ),
  trailing: (schedule, steps) => trailingTimesteps(schedule, steps).map(t => schedule.sigmas[t]),
  leading: (schedule, steps) => leadingTimesteps(schedule, steps, 1).map(t => schedule.sigmas[t]),
};

/** Timesteps from the last training step downwards (Lin et al. 2023, table 2 "trailing"). */
export function trailingTimesteps({ sigmas }: NoiseSchedule, steps: number): number[] {
  return Array.from(
    { length: steps },
    (_, i) => roundHalfEven(sigmas.length - (i * sigmas.length) / steps) - 1,
  );
}

/** Timesteps that start at `offset` and go up in whole strides, in falling order. */
export function leadingTimesteps({ sigmas }: NoiseSchedule, steps: number, offset: number): number[] {
  const stride = Math.floor(sigmas.length / steps);
  return Array.from({ length: steps }, (_, i) =>
    Math.min(sigmas.length - 1, (steps - 1 - i) * stride + offset),
  );
}

/** NumPy's rounding: halves go to the even neighbour. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}

/** Falling sigmas of a run, with the final 0. */
export function sigmasFor(name: SchedulerName, schedule: NoiseSchedule, steps: number): number[] {
  return [...spacings[name](schedule, steps), 0];
}

interface SamplerRow {
  readonly name: SamplerName;
  /** As A1111 shows it. */
  readonly label: string;
  readonly aliases: readonly string[];
}

const samplers: readonly SamplerRow[] = [
  { name: 'ddim', label: 'DDIM', aliases: ['ddim'] },
  { name: 'euler', label: 'Euler', aliases: ['euler', 'k_euler'] },
  {
    name: 'euler_ancestral',
    label: 'Euler a',
    aliases: ['euler a', 'euler_a', 'k_euler_a', 'k_euler_ancestral', 'euler_ancestral'],
  },
  { name: 'dpmpp_2m', label: 'DPM++ 2M', aliases: ['dpm++ 2m', 'dpmpp_2m', 'k_dpmpp_2m'] },
];

const schedulers: readonly { name: SchedulerName; label: string; aliases: readonly string[] }[] = [
  { name: 'karras', label: 'Karras', aliases: ['karras'] },
  { name: 'exponential', label: 'Exponential', aliases: ['exponential'] },
  { name: 'normal', label: 'Normal', aliases: ['normal', 'uniform', 'discrete'] },
  { name: 'sgm_uniform', label: 'SGM Uniform', aliases: ['sgm uniform', 'sgm_uniform', 'sgmuniform'] },
  { name: 'simple', label: 'Simple', aliases: ['simple'] },
  { name: 'trailing', label: 'Trailing', aliases: ['trailing'] },
  { name: 'leading', label: 'Leading', aliases: ['leading'] },
];

export interface SamplerChoice {
  readonly sampler: SamplerName;
  readonly samplerLabel: string;
  /** `undefined` = automatic: what the sampler and the checkpoint go with. */
  readonly scheduler: SchedulerName | undefined;
  readonly schedulerLabel: string;
}

function findScheduler(text: string): (typeof schedulers)[number] | undefined {
  return schedulers.find(row => row.aliases.includes(text));
}

/** Understands `DPM++ 2M Karras`, `k_euler_a`, `euler`, … Throws SAMPLER_UNKNOWN or SCHEDULER_UNKNOWN. */
export function resolveSampler(name: string, schedulerName?: string): SamplerChoice {
  let text = name.trim().toLowerCase();
  let scheduler = schedulerName === undefined ? undefined : schedulerName.trim().toLowerCase();
  if (scheduler === undefined) {
    const tail = schedulers
      .flatMap(row => row.aliases)
      .find(alias => text.endsWith(` ${alias}`) || text.endsWith(`_${alias}`));
    if (tail) {
      scheduler = tail;
      text = text.slice(0, -tail.length - 1);
    }
  }
  const row = samplers.find(candidate => candidate.aliases.includes(text));
  if (!row) {
    const known = samplers.map(({ label }) => label).join(', ');
    throw usageError(
      'SAMPLER_UNKNOWN',
      `sampler ${name} is not known`,
      `Samplers: ${known}; each with Karras or not.`,
    );
  }
  const automatic = scheduler === undefined || scheduler === 'automatic';
  const found = automatic ? undefined : findScheduler(scheduler as string);
  if (!automatic && !found) {
    const known = ['Automatic', ...schedulers.map(({ label }) => label)].join(', ');
    throw usageError('SCHEDULER_UNKNOWN', `scheduler ${scheduler} is not known`, `Schedulers: ${known}.`);
  }
  return {
    sampler: row.name,
    samplerLabel: row.label,
    scheduler: found?.name,
    schedulerLabel: found?.label ?? 'Automatic',
  };
}
