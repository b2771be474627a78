/** @file The names that people know samplers and schedulers by (A1111 `get_sampler_and_scheduler`, ComfyUI, diffusers …). */
import { nearestWords, usageError } from '../errors.ts';
import { type SamplerRow, samplers } from './samplers/table.ts';
import { type ScheduleRule, type SchedulerName, type SchedulerRow, schedulers } from './schedulers/table.ts';

export interface SamplerChoice {
  readonly sampler: SamplerRow['name'];
  readonly samplerLabel: string;
  /** `undefined` = automatic: what that means is up to the sampler, the checkpoint and the program (`planSteps`). */
  readonly scheduler: SchedulerName | undefined;
  readonly schedulerLabel: string;
}

/** `undefined` = automatic. */
type Scheduler = SchedulerRow | undefined;

const automaticLabel = 'Automatic';

/** `k_euler_a` → `eulera`, `DPM++ 2M` → `dpmpp2m`, `dpmpp_sde_gpu` → `dpmppsde`, `DDIMScheduler` → `ddim`. */
const plainName = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll('++', 'pp')
    .replace(/^\s*k[_-]/, '')
    .replace(/[_-]gpu\s*$/, '')
    .replace(/scheduler\s*$/, '')
    .replace(/[\s_-]/g, '');

const samplersByName = new Map(
  samplers.flatMap(row => [row.name, row.label, ...row.aliases].map(name => [plainName(name), row])),
);
const schedulersByName = new Map<string, Scheduler>([
  [plainName(automaticLabel), undefined],
  ...schedulers.flatMap(row =>
    [row.name, row.label, ...row.aliases].map(name => [plainName(name), row] as const),
  ),
]);

/** A scheduler's name at the end of a sampler's is taken off: `dpm++ 2m sgm uniform` → DPM++ 2M and SGM Uniform. */
function splitName(name: string): { row: SamplerRow; scheduler: Scheduler } | undefined {
  const whole = samplersByName.get(plainName(name));
  if (whole) return { row: whole, scheduler: undefined };
  for (const { index } of name.matchAll(/[\s_-]+/g)) {
    const row = samplersByName.get(plainName(name.slice(0, index)));
    const tail = plainName(name.slice(index));
    if (row && schedulersByName.has(tail)) return { row, scheduler: schedulersByName.get(tail) };
  }
  return undefined;
}

/** What may have been meant, then everything that there is. */
function known(name: string, kind: 'Samplers' | 'Schedulers', rows: readonly { label: string }[]): string {
  const labels = rows.map(({ label }) => label);
  const near = nearestWords(name, labels);
  return `${near.length > 0 ? `Did you mean ${near.join(' or ')}? ` : ''}${kind}: ${labels.join(', ')}.`;
}

/** Sampler names without what people add to them, for names that are nearly right: `Eular a Karras` → `Eular a`. */
function withoutScheduler(name: string): string {
  for (const { index } of name.matchAll(/[\s_-]+/g))
    if (schedulersByName.has(plainName(name.slice(index)))) return name.slice(0, index);
  return name;
}

function findSampler(name: string): { row: SamplerRow; scheduler: Scheduler } {
  const found = splitName(name.trim());
  if (found) return found;
  const hint = known(withoutScheduler(name.trim()), 'Samplers', samplers);
  throw usageError('SAMPLER_UNKNOWN', `sampler ${name} is not known`, `${hint} Each may have a scheduler.`);
}

function findScheduler(name: string): Scheduler {
  const plain = plainName(name);
  if (schedulersByName.has(plain)) return schedulersByName.get(plain);
  const hint = known(name, 'Schedulers', [{ label: automaticLabel }, ...schedulers]);
  throw usageError('SCHEDULER_UNKNOWN', `scheduler ${name} is not known`, hint);
}

/**
 * Understands `DPM++ 2M Karras`, `k_euler_a`, `dpmpp_2m_sde_gpu`, `UniPCMultistepScheduler`, … Automatic becomes what
 * A1111 takes for the sampler, unless another program's rule is meant. Throws SAMPLER_UNKNOWN, SCHEDULER_UNKNOWN, or
 * SCHEDULER_TWICE when the sampler's name ends in another scheduler than the one that is asked for.
 */
export function resolveSampler(
  name: string,
  schedulerName?: string,
  rule: ScheduleRule = 'a1111',
): SamplerChoice {
  const { row, scheduler: inName } = findSampler(name);
  const asked = schedulerName === undefined ? undefined : findScheduler(schedulerName);
  if (inName && asked && inName !== asked) {
    const message = `sampler ${name} asks for ${inName.label}, the scheduler is ${asked.label}`;
    throw usageError('SCHEDULER_TWICE', message, `Leave one of them out: --sampler "${row.label}".`);
  }
  const isA1111 = rule === 'a1111' || rule === 'lora';
  const usual = isA1111 ? schedulers.find(({ name }) => name === row.automatic) : undefined;
  const scheduler = asked ?? inName ?? usual;
  return {
    sampler: row.name,
    samplerLabel: row.label,
    scheduler: scheduler?.name,
    schedulerLabel: scheduler?.label ?? automaticLabel,
  };
}
