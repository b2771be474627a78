/** @file `optimizer_type` and `lr_scheduler` with what belongs to them. */
import { nearestWords } from '../../../errors.ts';
import { type OptimizerName, type OptimizerOptions, packageDefaults } from '../../optimizers/options.ts';
import type { GivenRecipe } from '../schema.ts';
import { type KohyaContext, type KohyaValues, stepsFrom } from './argument.ts';
import type { KohyaProblem } from './network.ts';
import { keyValues, type PythonValue, pythonValue } from './python-values.ts';

interface KohyaOptimizer {
  readonly optimizer: OptimizerName;
  /** What the class has where optimizer_args say nothing. */
  readonly weightDecay: number;
  /** From names in optimizer_args to options here. */
  readonly options: Readonly<Record<string, string>>;
}

const adam = { eps: 'epsilon' };
const adapted = {
  ...adam,
  ...{ decouple: 'decouple', use_bias_correction: 'useBiasCorrection', d0: 'd0', growth_rate: 'growthRate' },
};
const adamW = { optimizer: 'adamw', weightDecay: 0.01, options: adam } as const;
const adamW8bit = { optimizer: 'adamw8bit', weightDecay: 0.01, options: adam } as const;
const lion = { optimizer: 'lion', weightDecay: 0, options: {} } as const;
const sgd = { optimizer: 'sgd-nesterov', weightDecay: 0, options: { momentum: 'momentum' } } as const;

/** By sd-scripts' names in small letters; weight decays are those of torch, bitsandbytes, lion-pytorch and the other packages. */
const optimizers: Readonly<Record<string, KohyaOptimizer>> = {
  '': adamW,
  adamw: adamW,
  pagedadamw: adamW,
  pagedadamw32bit: adamW,
  adamw8bit: adamW8bit,
  pagedadamw8bit: adamW8bit,
  lion,
  lion8bit: lion,
  pagedlion8bit: lion,
  sgdnesterov: sgd,
  sgdnesterov8bit: sgd,
  prodigy: {
    ...{ optimizer: 'prodigy', weightDecay: 0 },
    options: {
      ...adapted,
      beta3: 'beta3',
      safeguard_warmup: 'safeguardWarmup',
      d_coef: 'dCoef',
      slice_p: 'sliceP',
    },
  },
  dadaptadam: { optimizer: 'dadapt-adamw', weightDecay: 0, options: adapted },
  adafactor: {
    ...{ optimizer: 'adafactor', weightDecay: 0 },
    options: {
      ...{ relative_step: 'relativeStep', scale_parameter: 'scaleParameter', warmup_init: 'warmupInit' },
      ...{ beta1: 'beta1', decay_rate: 'decayRate', clip_threshold: 'clipThreshold' },
    },
  },
  adamwschedulefree: {
    ...{ optimizer: 'schedulefree-adamw', weightDecay: 0 },
    options: { ...adam, r: 'r', weight_lr_power: 'weightRatePower' },
  },
  came: { optimizer: 'came', weightDecay: 0, options: { clip_threshold: 'clipThreshold' } },
};

/** Arguments that several values stand in, by the options that they are. */
const tuples: Readonly<Record<string, readonly string[]>> = {
  betas: ['beta1', 'beta2', 'beta3'],
  eps: ['epsilon', 'scaleEpsilon'],
};

/** CAME's second is of the instability. */
const cameTuples: typeof tuples = { ...tuples, eps: ['epsilon', 'instabilityEpsilon'] };

/** Packages' classes by their last name: `came_pytorch.CAME` → came. */
function nameOf(all: KohyaValues): string {
  if (all.flag('use_8bit_adam')) return 'adamw8bit';
  if (all.flag('use_lion_optimizer')) return 'lion';
  return (all.text('optimizer_type') ?? '').split('.').at(-1)?.toLowerCase() ?? '';
}

const optimizerOf = (all: KohyaValues): KohyaOptimizer | undefined =>
  Object.hasOwn(optimizers, nameOf(all)) ? optimizers[nameOf(all)] : undefined;

/** Arguments that change no number. */
const idle = [
  'foreach',
  'fused',
  'capturable',
  'differentiable',
  'maximize',
  'amsgrad',
  'log_every',
  'fsdp_in_use',
  'is_paged',
  'percentile_clipping',
  'block_wise',
  'min_8bit_size',
  'optim_bits',
  'nesterov',
  'use_triton',
];

type Pair = readonly [option: string, value: PythonValue];

/** The options that one argument means; undefined when it is not known. */
function optionsOf(
  key: string,
  value: PythonValue,
  { options, optimizer }: KohyaOptimizer,
): Pair[] | undefined {
  const names = (optimizer === 'came' ? cameTuples : tuples)[key];
  if (names && Array.isArray(value)) return value.map((part, i) => [names[i] ?? key, part]);
  if (Object.hasOwn(options, key)) return [[options[key], value]];
  return undefined;
}

/** Values that are a default and ask for nothing. */
const isOff = (value: PythonValue): boolean => value === false || value === null || value === 0;

function readArgs(all: KohyaValues, chosen: KohyaOptimizer) {
  const { values, broken } = keyValues(all.list('optimizer_args'));
  const options = new Map<string, PythonValue>(Object.entries(packageDefaults[chosen.optimizer] ?? {}));
  const unknown: [string, string][] = broken.map(text => [text, '']);
  const rest = new Map<string, PythonValue>();
  for (const [key, text] of values) {
    const value = pythonValue(text);
    const pairs = optionsOf(key, value, chosen);
    if (key === 'weight_decay' || (key === 'warmup_steps' && chosen.optimizer === 'schedulefree-adamw'))
      rest.set(key, value);
    else if (pairs) for (const [option, own] of pairs) options.set(option, own);
    else if (!idle.includes(key) || (key === 'amsgrad' && !isOff(value))) unknown.push([key, text]);
  }
  // Python writes “no bound” as inf.
  if (options.get('growthRate') === 'inf') options.delete('growthRate');
  return { options: Object.fromEntries(options) as OptimizerOptions, rest, unknown };
}

/** Fields of `optimizer_type` and `optimizer_args`. */
export function optimizerFieldsFrom(all: KohyaValues): GivenRecipe {
  const chosen = optimizerOf(all);
  if (!chosen) return {};
  const { options, rest } = readArgs(all, chosen);
  const decay = rest.get('weight_decay');
  const warmup = rest.get('warmup_steps');
  return {
    optimizer: chosen.optimizer,
    optimizerOptions: options,
    weightDecay: typeof decay === 'number' ? decay : chosen.weightDecay,
    ...(chosen.optimizer === 'schedulefree-adamw'
      ? { warmupSteps: typeof warmup === 'number' ? warmup : 0 }
      : {}),
  };
}

/** What of the optimizer cannot be honoured. */
export function optimizerProblems(all: KohyaValues): KohyaProblem[] {
  const chosen = optimizerOf(all);
  const given = all.text('optimizer_type') ?? '';
  if (!chosen) {
    const why = `is not there; sd-scripts’ names that are: ${Object.keys(optimizers).filter(Boolean).join(', ')}`;
    return [{ argument: 'optimizer_type', value: given, why, changesNumbers: true }];
  }
  const known = ['weight_decay', 'betas', ...Object.keys(chosen.options)];
  return readArgs(all, chosen).unknown.map(([key, value]) => {
    const meant = nearestWords(key, known, 2);
    const why = `${chosen.optimizer} has no such option here${meant.length > 0 ? `; did you mean ${meant.join(' or ')}?` : ''}`;
    return { argument: `optimizer_args ${key}`, value, why, changesNumbers: true };
  });
}

const ratioOf = (all: KohyaValues): number => all.number('lr_scheduler_min_lr_ratio') ?? 0;

type Schedule = (all: KohyaValues, context: KohyaContext) => GivenRecipe;

const schedules: Readonly<Record<string, Schedule>> = {
  constant: () => ({ schedule: 'constant' }),
  constant_with_warmup: () => ({ schedule: 'constant' }),
  linear: () => ({ schedule: 'linear' }),
  cosine: () => ({ schedule: 'cosine' }),
  cosine_with_restarts: all => ({
    schedule: 'cosine-restarts',
    scheduleCycles: all.number('lr_scheduler_num_cycles') ?? 1,
  }),
  // Diffusers' polynomial ends at 1e-7, not at 0.
  polynomial: all => {
    const rate = all.number('unet_lr') ?? all.number('learning_rate') ?? 2e-6;
    const end = rate > 1e-7 ? { scheduleMinRatio: 1e-7 / rate } : {};
    return { schedule: 'polynomial', schedulePower: all.number('lr_scheduler_power') ?? 1, ...end };
  },
  inverse_sqrt: () => ({ schedule: 'inverse-sqrt' }),
  cosine_with_min_lr: all => ({ schedule: 'cosine', scheduleMinRatio: ratioOf(all) }),
  warmup_stable_decay: (all, context) => ({
    schedule: 'warmup-stable-decay',
    scheduleMinRatio: ratioOf(all),
    decaySteps: stepsFrom(all.number('lr_decay_steps'), context),
  }),
};

const isConstant = (all: KohyaValues): boolean => {
  const optimizer = optimizerOf(all)?.optimizer;
  if (optimizer === 'schedulefree-adamw') return true;
  // sd-scripts replaces the schedule of an Adafactor that finds its rate itself.
  const isRelative = !/relative_step\s*=\s*false/i.test(all.list('optimizer_args').join(' '));
  return optimizer === 'adafactor' && isRelative;
};

/** Fields of `lr_scheduler`. */
export function scheduleFieldsFrom(all: KohyaValues, context: KohyaContext): GivenRecipe {
  const name = all.text('lr_scheduler') ?? 'constant';
  if (isConstant(all) || name.startsWith('adafactor')) return { schedule: 'constant' };
  return Object.hasOwn(schedules, name) ? schedules[name](all, context) : {};
}

/** What of the schedule cannot be honoured. */
export function scheduleProblems(all: KohyaValues): KohyaProblem[] {
  const name = all.text('lr_scheduler') ?? 'constant';
  if (isConstant(all)) return [];
  const problem = (argument: string, why: string): KohyaProblem[] => [
    { argument, value: String(all.text(argument) ?? all.number(argument)), why, changesNumbers: true },
  ];
  if (!Object.hasOwn(schedules, name)) {
    const meant = nearestWords(name, Object.keys(schedules), 2);
    return problem(
      'lr_scheduler',
      `is not there; ${meant.length > 0 ? `did you mean ${meant.join(' or ')}?` : `there are ${Object.keys(schedules).join(', ')}`}`,
    );
  }
  const cycles = all.number('lr_scheduler_num_cycles') ?? 1;
  if ((name === 'cosine_with_min_lr' || name === 'warmup_stable_decay') && cycles !== 1)
    return problem('lr_scheduler_num_cycles', `${name} falls once here`);
  if (name === 'constant' && (all.number('lr_warmup_steps') ?? 0) > 0)
    return [
      {
        argument: 'lr_warmup_steps',
        value: String(all.number('lr_warmup_steps')),
        why: 'sd-scripts refuses it with constant; taken as constant_with_warmup',
        changesNumbers: false,
      },
    ];
  return [];
}
