/** @file Axes of the picture: noise, sampler, guidance, size, the second pass, whose rules are followed. */
import { resolveSampler, type SamplerChoice } from '../../../diffusion/index.ts';
import { nearestWords } from '../../../errors.ts';
import { snapSize } from '../../pictures/sizes.ts';
import { resolveUpscaler } from '../../pictures/upscalers.ts';
import { presets } from '../../settings/presets.ts';
import { emphasisRules, noiseSources, type PictureSettings, presetNames } from '../../settings/schema.ts';
import { type Item, type NumberRule, readNumbers, readSeeds } from '../values.ts';
import { type AxisRow, type AxisValue, named, type Reading, settingValue } from './row.ts';

type Change = Partial<PictureSettings>;

interface NumberAxis extends NumberRule {
  readonly name: string;
  readonly aliases: readonly string[];
  /** What a run needs for it to mean something; fails without. */
  readonly needs?: (settings: PictureSettings) => string | undefined;
  readonly change: (settings: PictureSettings, value: number) => Change;
}

const needsHires = ({ hires }: PictureSettings): string | undefined =>
  hires ? undefined : 'is about the second pass (hires fix), which is not asked for';

const numberAxes: readonly NumberAxis[] = [
  {
    ...{ name: 'variation strength', aliases: ['var. strength', 'var strength', 'subseed strength'] },
    ...{ isWhole: false, least: 0, most: 1 },
    needs: ({ variation }) =>
      variation ? undefined : 'needs a variation seed, which the pictures do not have',
    change: ({ variation }, strength) => (variation ? { variation: { ...variation, strength } } : {}),
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
    ...{ name: 'clip skip', aliases: ['clipskip'], isWhole: true, least: 1, most: 12 },
    change: (_, clipSkip) => ({ clipSkip }),
  },
  {
    // A1111 calls by one name how much of a picture is drawn anew: of a given one, or of the first pass.
    ...{ name: 'denoising', aliases: ['denoising strength', 'init strength', 'hires strength'] },
    ...{ isWhole: false, least: 0, most: 1 },
    needs: ({ init, hires }) =>
      init || hires ? undefined : 'needs a picture to start from, or a second pass (hires fix)',
    change: ({ init, hires }, strength) => ({
      ...(init ? { init: { ...init, strength } } : {}),
      ...(hires && !init ? { hires: { ...hires, strength } } : {}),
    }),
  },
  {
    ...{ name: 'hires steps', aliases: [], isWhole: true, least: 1, most: 1000, needs: needsHires },
    change: ({ hires }, steps) => (hires ? { hires: { ...hires, steps } } : {}),
  },
];

function numberRow({ name, aliases, needs, change, ...rule }: NumberAxis): AxisRow {
  const { isWhole, least, most } = rule;
  const between =
    least === undefined ? '' : most === undefined ? ` from ${least}` : ` from ${least} to ${most}`;
  return {
    ...{ name, aliases },
    values: `${isWhole ? 'whole numbers' : 'numbers'}${between}`,
    read(reading) {
      const lack = needs?.(reading.base);
      if (lack !== undefined) throw reading.fail(lack);
      return readNumbers(reading.items, rule, reading).map(value =>
        settingValue(String(value), settings => change(settings, value)),
      );
    },
  };
}

interface ChoiceAxis {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly choices: readonly string[];
  readonly change: (settings: PictureSettings, choice: never) => Change;
}

const choiceAxes: readonly ChoiceAxis[] = [
  {
    ...{ name: 'preset', aliases: ['compatibility'], choices: presetNames },
    change: (_, preset: (typeof presetNames)[number]) => {
      const { noise, emphasis } = presets[preset];
      return { preset, noise, emphasis };
    },
  },
  {
    ...{ name: 'noise', aliases: ['rng', 'rng source', 'noise source'], choices: noiseSources },
    change: (_, noise: (typeof noiseSources)[number]) => ({ noise }),
  },
  {
    ...{ name: 'emphasis', aliases: ['emphasis rule'], choices: emphasisRules },
    change: (_, emphasis: (typeof emphasisRules)[number]) => ({ emphasis }),
  },
];

function choiceRow({ name, aliases, choices, change }: ChoiceAxis): AxisRow {
  return {
    ...{ name, aliases },
    values: choices.join(', '),
    read(reading) {
      return reading.items.map(item => {
        const choice = choices.find(word => word === item.text.toLowerCase());
        if (choice !== undefined) return settingValue(choice, settings => change(settings, choice as never));
        const near = nearestWords(item.text, choices);
        const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Give ${choices.join(', ')}.`;
        throw reading.failAt(item, 'is not known', hint);
      });
    },
  };
}

const resolved = (item: Item, reading: Reading, sampler: string, scheduler?: string): SamplerChoice =>
  named(reading, item, () => resolveSampler(sampler, scheduler));

function readSamplers(reading: Reading): AxisValue[] {
  return reading.items.map(item => {
    const { samplerLabel, schedulerLabel } = resolved(item, reading, item.text, reading.scheduler);
    const usual = resolveSampler(samplerLabel, reading.scheduler).schedulerLabel;
    const label = schedulerLabel === usual ? samplerLabel : `${samplerLabel} ${schedulerLabel}`;
    return settingValue(label, () => ({ sampler: samplerLabel, scheduler: schedulerLabel }));
  });
}

const readSchedulers = (reading: Reading): AxisValue[] =>
  reading.items.map(item => {
    // Some go with some samplers only, which is known once the sampler's axis has spoken.
    const { schedulerLabel } = resolved(item, reading, reading.base.sampler, item.text);
    return settingValue(schedulerLabel, ({ sampler }) => {
      const choice = resolved(item, reading, sampler, item.text);
      return { sampler: choice.samplerLabel, scheduler: choice.schedulerLabel };
    });
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
    read(reading) {
      if (!reading.base.variation) throw reading.fail('needs a variation strength, which is 0');
      return readSeeds(reading.items, reading).map(seed =>
        settingValue(String(seed), ({ variation }) =>
          variation ? { variation: { ...variation, seed } } : {},
        ),
      );
    },
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
    read(reading) {
      const lack = needsHires(reading.base);
      if (lack !== undefined) throw reading.fail(lack);
      return reading.items.map(item => {
        const upscaler = named(reading, item, () => resolveUpscaler(item.text));
        return settingValue(item.text, ({ hires }) => (hires ? { hires: { ...hires, upscaler } } : {}));
      });
    },
  },
];
