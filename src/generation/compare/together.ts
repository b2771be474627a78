/**
 * @file What several axes say of one thing: both halves of a variation, the rules that a preset brings with it, steps of a
 * second pass that follow those of the first. It is worked into the settings once all axes have spoken, so that a cell has
 * what `lora generate` makes of the same words (`settings/settle.ts`).
 */
import { resolveSampler } from '../../diffusion/index.ts';
import { presets } from '../settings/presets.ts';
import type {
  EmphasisRule,
  HiresSettings,
  NoiseSource,
  PictureSettings,
  PresetName,
} from '../settings/schema.ts';
import type { PictureWish } from '../settings/settle.ts';

/** What was asked for of what else follows from something: a preset, a sampler, the first pass. */
export type GivenRules = Partial<
  Pick<PictureWish, 'sampler' | 'scheduler' | 'noise' | 'emphasis' | 'clipSkip' | 'hires'>
>;

/** What axes said; names and numbers as written. */
export interface Said {
  readonly variationSeed?: bigint;
  readonly variationStrength?: number;
  readonly preset?: PresetName;
  readonly noise?: NoiseSource;
  readonly emphasis?: EmphasisRule;
  /** As the preset counts it. */
  readonly clipSkip?: number;
  readonly sampler?: string;
  readonly scheduler?: string;
  readonly hiresSteps?: number;
}

function variationOf(base: PictureSettings, said: Said): PictureSettings['variation'] {
  const seed = said.variationSeed ?? base.variation?.seed;
  const strength = said.variationStrength ?? base.variation?.strength;
  // Of strength 0 it is none, whatever its seed.
  return seed === undefined || !strength ? undefined : { seed, strength };
}

/** What follows from the preset unless somebody asked for something else. */
function rulesOf(base: PictureSettings, said: Said, given: GivenRules): Partial<PictureSettings> {
  const preset = said.preset ?? base.preset;
  const { noise, emphasis, clipSkipFrom: first } = presets[preset];
  const counted = (clipSkip: number): number => clipSkip + 1 - first;
  const usual =
    said.preset === undefined
      ? base
      : {
          noise: given.noise ?? noise,
          emphasis: given.emphasis ?? emphasis,
          clipSkip: counted(given.clipSkip ?? first),
        };
  return {
    preset,
    ...{ noise: said.noise ?? usual.noise, emphasis: said.emphasis ?? usual.emphasis },
    clipSkip: said.clipSkip === undefined ? usual.clipSkip : counted(said.clipSkip),
  };
}

interface Sampling {
  readonly sampler: string;
  readonly scheduler: string | undefined;
}

/** As it was asked for; a scheduler that is compared takes the place of one in the sampler's name. */
function samplingOf(base: PictureSettings, said: Said, given: GivenRules): Sampling {
  const scheduler = said.scheduler ?? given.scheduler;
  const own = said.scheduler === undefined ? given.sampler : undefined;
  return { sampler: said.sampler ?? own ?? base.sampler, scheduler };
}

/** The second pass, whose sampler and steps are those of the first unless it has its own. */
function hiresOf(
  hires: HiresSettings,
  { steps, preset }: PictureSettings,
  first: Sampling,
  said: Said,
  given: GivenRules['hires'],
): HiresSettings {
  const follows = given !== undefined && given.steps === undefined;
  const counted = { ...hires, steps: said.hiresSteps ?? (follows ? steps : hires.steps) };
  if (given?.sampler === undefined && given?.scheduler === undefined) return counted;
  const choice = resolveSampler(
    given.sampler ?? first.sampler,
    given.scheduler ?? (given.sampler === undefined ? first.scheduler : undefined),
    presets[preset].schedules,
  );
  return { ...counted, sampler: choice.samplerLabel, scheduler: choice.schedulerLabel };
}

const isAbout = (said: Said, names: readonly (keyof Said)[]): boolean =>
  names.some(name => said[name] !== undefined);

/** Settings with what axes said of them together; what none of them said stays. */
export function withSaid(base: PictureSettings, said: Said, given: GivenRules): PictureSettings {
  const { variation: _, ...rest } = base;
  const variation = variationOf(base, said);
  const hasRules = isAbout(said, ['preset', 'noise', 'emphasis', 'clipSkip']);
  const settings: PictureSettings = {
    ...rest,
    ...(hasRules ? rulesOf(base, said, given) : {}),
    ...(variation ? { variation } : {}),
  };
  const sampling = samplingOf(base, said, given);
  const hasSampling = isAbout(said, ['preset', 'sampler', 'scheduler']);
  const choice = hasSampling
    ? resolveSampler(sampling.sampler, sampling.scheduler, presets[settings.preset].schedules)
    : undefined;
  return {
    ...settings,
    ...(choice ? { sampler: choice.samplerLabel, scheduler: choice.schedulerLabel } : {}),
    ...(settings.hires ? { hires: hiresOf(settings.hires, settings, sampling, said, given.hires) } : {}),
  };
}
