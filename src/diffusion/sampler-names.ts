/** @file The names that people know samplers and schedulers by (A1111 `get_sampler_and_scheduler`, ComfyUI, diffusers). */
import { usageError } from '../errors.ts';
import type { SchedulerName } from './spacings.ts';

export type SamplerName = 'ddim' | 'euler' | 'euler_ancestral' | 'dpmpp_2m';

interface SamplerRow {
  readonly name: SamplerName;
  /** As A1111 shows it. */
  readonly label: string;
  readonly aliases: readonly string[];
  /** What "automatic" means for it in A1111, where that is more than the even spacing. */
  readonly goesWith?: SchedulerName;
}

const samplers: readonly SamplerRow[] = [
  { name: 'ddim', label: 'DDIM', aliases: ['ddim'] },
  { name: 'euler', label: 'Euler', aliases: ['euler', 'k_euler'] },
  {
    name: 'euler_ancestral',
    label: 'Euler a',
    aliases: ['euler a', 'euler_a', 'k_euler_a', 'k_euler_ancestral', 'euler_ancestral'],
  },
  {
    name: 'dpmpp_2m',
    label: 'DPM++ 2M',
    aliases: ['dpm++ 2m', 'dpmpp_2m', 'k_dpmpp_2m'],
    goesWith: 'karras',
  },
];

interface SchedulerRow {
  /** `undefined` = automatic. */
  readonly name: SchedulerName | undefined;
  readonly label: string;
  readonly aliases: readonly string[];
}

const automatic: SchedulerRow = { name: undefined, label: 'Automatic', aliases: ['automatic'] };
const schedulers: readonly SchedulerRow[] = [
  automatic,
  { name: 'karras', label: 'Karras', aliases: ['karras'] },
  { name: 'exponential', label: 'Exponential', aliases: ['exponential'] },
  { name: 'normal', label: 'Uniform', aliases: ['uniform', 'discrete'] },
  { name: 'normal', label: 'Normal', aliases: ['normal'] },
  { name: 'sgm_uniform', label: 'SGM Uniform', aliases: ['sgm uniform', 'sgm_uniform', 'sgmuniform'] },
  { name: 'simple', label: 'Simple', aliases: ['simple'] },
  { name: 'trailing', label: 'Trailing', aliases: ['trailing'] },
  { name: 'leading', label: 'Leading', aliases: ['leading'] },
];

export interface SamplerChoice {
  readonly sampler: SamplerName;
  readonly samplerLabel: string;
  /** `undefined` = automatic: even spacing, or for DDIM what the checkpoint says. */
  readonly scheduler: SchedulerName | undefined;
  readonly schedulerLabel: string;
}

const normalize = (text: string): string => text.trim().toLowerCase().replace(/\s+/g, ' ');

/** Takes a scheduler's name off the end: `dpm++ 2m sgm uniform` → `dpm++ 2m` and SGM Uniform. */
function splitScheduler(text: string): { head: string; row: SchedulerRow | undefined } {
  const tails = schedulers
    .flatMap(row => row.aliases.map(alias => ({ row, alias })))
    .filter(({ alias }) => text.endsWith(` ${alias}`) || text.endsWith(`_${alias}`))
    .sort((a, b) => b.alias.length - a.alias.length);
  return tails.length > 0
    ? { head: text.slice(0, -tails[0].alias.length - 1), row: tails[0].row }
    : { head: text, row: undefined };
}

function findScheduler(name: string): SchedulerRow {
  const row = schedulers.find(({ aliases }) => aliases.includes(normalize(name)));
  if (row) return row;
  const known = schedulers.map(({ label }) => label).join(', ');
  throw usageError('SCHEDULER_UNKNOWN', `scheduler ${name} is not known`, `Schedulers: ${known}.`);
}

/**
 * Understands `DPM++ 2M Karras`, `k_euler_a`, `euler`, … Throws SAMPLER_UNKNOWN, SCHEDULER_UNKNOWN, or
 * SCHEDULER_TWICE when the sampler's name ends in another scheduler than the one that is asked for.
 */
export function resolveSampler(name: string, schedulerName?: string): SamplerChoice {
  const { head, row: inName } = splitScheduler(normalize(name));
  const sampler = samplers.find(({ aliases }) => aliases.includes(head));
  if (!sampler) {
    const known = samplers.map(({ label }) => label).join(', ');
    throw usageError(
      'SAMPLER_UNKNOWN',
      `sampler ${name} is not known`,
      `Samplers: ${known}; each with Karras or not.`,
    );
  }
  const asked = schedulerName === undefined ? automatic : findScheduler(schedulerName);
  if (inName?.name && asked.name && inName.name !== asked.name) {
    const message = `sampler ${name} asks for ${inName.label}, the scheduler is ${asked.label}`;
    throw usageError('SCHEDULER_TWICE', message, `Leave one of them out: --sampler "${sampler.label}".`);
  }
  const chosen = asked.name ? asked : (inName ?? automatic);
  const scheduler = chosen.name
    ? chosen
    : (schedulers.find(row => row.name === sampler.goesWith) ?? automatic);
  return {
    sampler: sampler.name,
    samplerLabel: sampler.label,
    scheduler: scheduler.name,
    schedulerLabel: scheduler.label,
  };
}
