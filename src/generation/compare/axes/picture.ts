/** @file Axes of the picture: noise, sampler, guidance, size, the second pass, whose rules are followed. */
import { resolveSampler } from '../../../diffusion/index.ts';
import { nearestWords } from '../../../errors.ts';
import { snapSize } from '../../pictures/sizes.ts';
import { resolveUpscaler } from '../../pictures/upscalers.ts';
import {
  type EmphasisRule,
  emphasisRules,
  type NoiseSource,
  noiseSources,
  type PictureSettings,
  type PresetName,
  presetNames,
} from '../../settings/schema.ts';
import type { Said } from '../together.ts';
import { type NumberRule, readNumbers, readSeeds } from '../values.ts';
import {
  type AxisRow,
  type AxisValue,
  type Lack,
  named,
  type Reading,
  saidValue,
  settingValue,
} from './row.ts';

type Change = Partial<PictureSettings>;

interface NumberAxis extends NumberRule, Pick<AxisRow, 'lacks'> {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly change?: (settings: PictureSettings, value: number) => Change;
  /** For what other axes have a say in. */
  readonly say?: (value: number) => Said;
}

const needsHires = ({ hires }: PictureSettings): Lack | undefined =>
  hires
    ? undefined
    : { why: 'is about the second pass (hires fix), which is not asked for', hint: 'Add --hires 2.' };

const numberAxes: readonly NumberAxis[] = [
  {
    ...{ name: 'variation strength', aliases: ['var. strength', 'var strength', 'subseed strength'] },
    ...{ isWhole: false, least: 0, most: 1 },
    lacks: ({ variation }, axes) =>
      variation || axes.includes('variation seed')
        ? undefined
        : {
            why: 'needs a variation seed, which the pictures do not have',
            hint: 'Add --variation-strength 0.5 --variation-seed 8, or an axis: "variation seed: 8, 9".',
          },
    say: variationStrength => ({ variationStrength }),
  },
  {
    ...{ name: 'steps', aliases: ['sampling steps'], isWhole: true, least: 1, most: 1000 },
    change: (_, steps) => ({ steps }),
  },
  {
    ...{ name: 'guidance', aliases: ['cfg', 'cfg scale', 'guidance scale'], isWhole: false },
    change: (_, guidance) => ({ guidance }),
  },
  {
    ...{ name: 'guidance rescale', aliases: ['rescale', 'cfg rescale'], isWhole: false, least: 0, most: 1 },
    change: (_, guidanceRescale) => ({ guidanceRescale }),
  },
  {
    ...{ name: 'clip skip', aliases: ['clipskip'], isWhole: true, least: 0, most: 12 },
    say: clipSkip => ({ clipSkip }),
  },
  {
    // A1111 calls by one name how much of a picture is drawn anew: of a given one, or of the first pass.
    ...{ name: 'denoising', aliases: ['denoising strength', 'init strength', 'hires strength'] },
    ...{ isWhole: false, least: 0, most: 1 },
    lacks: ({ init, hires }) =>
      init || hires
        ? undefined
        : {
            why: 'needs a picture to start from, or a second pass (hires fix)',
            hint: 'Add --init picture.png, or --hires 2.',
          },
    change: ({ init, hires }, strength) => ({
      ...(init ? { init: { ...init, strength } } : {}),
      ...(hires && !init ? { hires: { ...hires, strength } } : {}),
    }),
  },
  {
    ...{ name: 'hires steps', aliases: [], isWhole: true, least: 1, most: 1000, lacks: needsHires },
    say: hiresSteps => ({ hiresSteps }),
  },
];

function numberRow({ name, aliases, lacks, change, say, ...rule }: NumberAxis): AxisRow {
  const { isWhole, least, most } = rule;
  const between =
    least === undefined ? '' : most === undefined ? ` from ${least}` : ` from ${least} to ${most}`;
  return {
    ...{ name, aliases },
    ...(lacks ? { lacks } : {}),
    values: `${isWhole ? 'whole numbers' : 'numbers'}${between}`,
    read: reading =>
      readNumbers(reading.items, rule, reading).map(value =>
        say
          ? saidValue(String(value), say(value))
          : settingValue(String(value), settings => change?.(settings, value) ?? {}),
      ),
  };
}

interface ChoiceAxis {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly choices: readonly string[];
  readonly say: (choice: never) => Said;
}

const choiceAxes: readonly ChoiceAxis[] = [
  {
    ...{ name: 'preset', aliases: ['compatibility'], choices: presetNames },
    say: (preset: PresetName) => ({ preset }),
  },
  {
    ...{ name: 'noise', aliases: ['rng', 'rng source', 'noise source'], choices: noiseSources },
    say: (noise: NoiseSource) => ({ noise }),
  },
  {
    ...{ name: 'emphasis', aliases: ['emphasis rule'], choices: emphasisRules },
    say: (emphasis: EmphasisRule) => ({ emphasis }),
  },
];

function choiceRow({ name, aliases, choices, say }: ChoiceAxis): AxisRow {
  return {
    ...{ name, aliases },
    values: choices.join(', '),
    read(reading) {
      return reading.items.map(item => {
        const choice = choices.find(word => word === item.text.toLowerCase());
        if (choice !== undefined) return saidValue(choice, say(choice as never));
        const near = nearestWords(item.text, choices);
        const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Give ${choices.join(', ')}.`;
        throw reading.failAt(item, 'is not known', hint);
      });
    },
  };
}

/** Shows a sampler's name with the scheduler that it ends in, and neither with one that follows. */
function samplerName(text: string): string {
  const { samplerLabel, schedulerLabel } = resolveSampler(text, undefined, 'comfy'); // where Automatic stays so
  return schedulerLabel === 'Automatic' ? samplerLabel : `${samplerLabel} ${schedulerLabel}`;
}

function readSamplers(reading: Reading): AxisValue[] {
  return reading.items.map(item => {
    named(reading, item, () => resolveSampler(item.text, reading.given.scheduler));
    return saidValue(samplerName(item.text), { sampler: item.text });
  });
}

const readSchedulers = (reading: Reading): AxisValue[] =>
  reading.items.map(item => {
    const { schedulerLabel } = named(reading, item, () =>
      resolveSampler(reading.base.sampler, item.text, 'comfy'),
    );
    return saidValue(schedulerLabel, { scheduler: schedulerLabel });
  });

/** The second pass grows with the first. */
function resized(
  { hires, ...before }: PictureSettings,
  width: number,
  height: number,
  scale: number,
): Change {
  if (!hires) return { width, height };
  const grown = (side: number, first: number, now: number): number =>
    Math.max(1, Math.round((side * now) / first / scale)) * scale;
  return {
    ...{ width, height },
    hires: {
      ...hires,
      width: grown(hires.width, before.width, width),
      height: grown(hires.height, before.height, height),
    },
  };
}

function readSizes(reading: Reading): AxisValue[] {
  const { items, failAt, sizeRule } = reading;
  return items.map(item => {
    const match = /^(\d+)(?:\s*[x×]\s*(\d+))?$/i.exec(item.text);
    if (!match) throw failAt(item, 'is not a size', 'Write 512 or 640x512.');
    const wanted = { width: Number(match[1]), height: Number(match[2] ?? match[1]) };
    const { width, height } = named(reading, item, () => snapSize(wanted, sizeRule));
    if (width !== wanted.width || height !== wanted.height)
      throw failAt(item, `does not have sides that are multiples of ${sizeRule.latentScale}`);
    const { latentScale } = sizeRule;
    return settingValue(`${width}×${height}`, settings => resized(settings, width, height, latentScale));
  });
}

/** In the order in which they act on a picture. */
export const pictureAxes: readonly AxisRow[] = [
  {
    name: 'checkpoint',
    aliases: ['checkpoint name', 'model', 'base'],
    values: '',
    read({ fail }) {
      const hint = 'Draw a grid for each --base, with the same --seed, each into its own --out.';
      throw fail('cannot be compared within one grid: all pictures are drawn with one model', hint);
    },
  },
  ...choiceAxes.map(choiceRow),
  {
    name: 'seed',
    aliases: ['seeds'],
    values: 'whole numbers up to 2⁶⁴ − 1',
    read: reading =>
      readSeeds(reading.items, reading).map(seed => settingValue(String(seed), () => ({ seed }))),
  },
  {
    name: 'variation seed',
    aliases: ['var. seed', 'var seed', 'subseed'],
    values: 'whole numbers up to 2⁶⁴ − 1',
    lacks: ({ variation }, axes) =>
      variation || axes.includes('variation strength')
        ? undefined
        : {
            why: 'needs a variation strength, which is 0',
            hint: 'Add --variation-strength 0.5, or an axis: "variation strength: 0-1 [6]".',
          },
    read: reading =>
      readSeeds(reading.items, reading).map(variationSeed =>
        saidValue(String(variationSeed), { variationSeed }),
      ),
  },
  {
    name: 'sampler',
    aliases: ['samplers', 'sampling method'],
    values: 'samplers, with their schedulers or without: Euler a, DPM++ 2M Karras',
    read: readSamplers,
  },
  {
    name: 'scheduler',
    aliases: ['schedule type', 'schedulers'],
    values: 'schedulers: Karras, SGM Uniform',
    read: readSchedulers,
  },
  {
    name: 'size',
    aliases: ['sizes', 'resolution'],
    values: 'sizes: 512, 640x512',
    read: readSizes,
  },
  ...numberAxes.map(numberRow),
  {
    name: 'hires upscaler',
    aliases: ['upscaler'],
    values: 'as --hires-upscaler: Latent, Latent (nearest-exact), Lanczos …',
    lacks: needsHires,
    read(reading) {
      return reading.items.map(item => {
        const upscaler = named(reading, item, () => resolveUpscaler(item.text));
        return settingValue(item.text, ({ hires }) => (hires ? { hires: { ...hires, upscaler } } : {}));
      });
    },
  },
];
