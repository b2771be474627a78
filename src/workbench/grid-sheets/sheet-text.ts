/** @file What stands over the pictures of a sheet: what they have in common, and what the validation said of epochs. */
import { existsSync } from 'node:fs';
import { LoraError } from '../../errors.ts';
import type { Grid, GridAxis, GridSheet, GridValue, PictureSettings } from '../../generation/index.ts';
import { type KeptRun, readRun, runFolderOf } from '../../training/index.ts';
import { number, oneLine } from '../lines.ts';
import type { Head, SheetSize, SheetText } from '../sheets/layout.ts';
import { commonText, commonWords, joined } from '../sheets/lines.ts';

type LoraSettings = PictureSettings['loras'][number];

function describeLora({ name, strength, textStrength, blocks, start, stop }: LoraSettings): string {
  const more = [
    textStrength === undefined ? '' : `text ${textStrength}`,
    blocks === undefined ? '' : `blocks ${blocks}`,
    start === undefined && stop === undefined ? '' : `steps ${start ?? 0}–${stop ?? 'end'}`,
  ].filter(part => part !== '');
  return `${name} at ${strength}${more.length > 0 ? ` (${more.join(', ')})` : ''}`;
}

type TextOf = (settings: PictureSettings) => string;

/** What a caption says, by the axis that would say it; each where all pictures agree on it, else the shorter text. */
const captionParts: readonly (readonly [axis: string, textOf: TextOf, shorter?: TextOf])[] = [
  ['checkpoint', ({ model }) => model.name],
  ['size', ({ width, height }) => `${width}×${height}`],
  ['hires upscaler', ({ hires }) => (hires ? `then ${hires.width}×${hires.height}` : '')],
  ['seed', ({ seed }) => `seed ${seed}`],
  ['steps', ({ steps }) => `${steps} ${steps === 1 ? 'step' : 'steps'}`],
  [
    'sampler',
    ({ sampler, scheduler }) => (scheduler === 'Automatic' ? sampler : `${sampler} ${scheduler}`),
    ({ sampler }) => sampler,
  ],
  ['guidance', ({ guidance }) => `guidance ${guidance}`],
  ['clip skip', ({ clipSkip }) => (clipSkip === 1 ? '' : `clip skip ${clipSkip}`)],
  ['preset', ({ preset }) => (preset === 'lora' ? '' : `as ${preset}`)],
  ['denoising', ({ init }) => (init ? `from a picture, strength ${init.strength}` : '')],
  ['lora', ({ loras }) => loras.map(describeLora).join(' + ')],
  ['negative', ({ negativePrompt }) => (negativePrompt === '' ? '' : `without: ${oneLine(negativePrompt)}`)],
];

/** What pictures have in common and no axis says already. */
function captionOf(pictures: readonly PictureSettings[], said: readonly string[]): string {
  const parts = captionParts.filter(([axis]) => !said.includes(axis));
  return joined(
    parts.map(
      ([, textOf, shorter = textOf]) => commonText(pictures, textOf) ?? commonText(pictures, shorter) ?? '',
    ),
  );
}

/** What the journal of a training says; nothing where there is none, or none that can be read. */
function openRuns(): (training: string) => KeptRun | undefined {
  const runs = new Map<string, KeptRun | undefined>();
  const read = (training: string): KeptRun | undefined => {
    const folder = runFolderOf(training);
    if (!existsSync(folder)) return undefined;
    try {
      return readRun(folder);
    } catch (error) {
      if (error instanceof LoraError) return undefined;
      throw error;
    }
  };
  return training => {
    if (!runs.has(training)) runs.set(training, read(training));
    return runs.get(training);
  };
}

/** The step of an epoch, and the loss on held-out pictures where it was measured then. */
function noteOf({ label, epoch }: GridValue, runOf: ReturnType<typeof openRuns>): string | undefined {
  if (epoch?.step === undefined) return undefined;
  const measured = runOf(epoch.training)?.validations.find(({ step }) => step === epoch.step);
  const note = joined([
    label.startsWith('step') ? '' : `step ${epoch.step}`,
    measured ? `loss ${number(measured.validation)}` : '',
  ]);
  return note === '' ? undefined : note;
}

/** Heads of an axis. */
function headsOf(values: readonly GridValue[], runOf: ReturnType<typeof openRuns>): Head[] {
  return values.map(value => {
    const note = noteOf(value, runOf);
    return { label: oneLine(value.label), ...(note === undefined ? {} : { note }) };
  });
}

/** The prompt that pictures share; what prompts have in common, unless the heads are whole prompts themselves. */
function titleOf(pictures: readonly PictureSettings[], axes: readonly GridAxis[]): string {
  const prompts = pictures.map(({ prompt }) => oneLine(prompt));
  const shared = commonText(prompts, prompt => prompt);
  if (shared !== undefined) return shared === '' ? '(no prompt)' : shared;
  return axes.some(({ title }) => title === 'prompt') ? '' : commonWords(prompts);
}

/** Texts of one sheet of a grid. */
export function textOfSheet(grid: Grid, sheet: GridSheet): SheetText {
  const [x, y, ...further] = grid.axes;
  const onSheet = grid.cells.filter(({ at }) => sheet.z.every((value, i) => at[2 + i] === value));
  const ids = new Set(onSheet.map(({ picture }) => picture));
  const pictures = grid.pictures.filter(({ id }) => ids.has(id)).map(({ settings }) => settings);
  const runOf = openRuns();
  const heads = (axis: GridAxis, places: readonly number[]) => ({
    title: axis.title,
    values: headsOf(
      places.map(place => axis.values[place]),
      runOf,
    ),
  });
  const ofFurther = further.map((axis, i) => `${axis.title} ${oneLine(axis.values[sheet.z[i]].label)}`);
  return {
    title: titleOf(pictures, [x, y]),
    subtitle: joined(ofFurther),
    caption: captionOf(
      pictures,
      grid.axes.map(axis => axis.title),
    ),
    ...{ x: heads(x, sheet.x), y: heads(y, sheet.y) },
  };
}

/** The size of the largest picture of a grid, so that all its sheets are alike. */
export function largestPicture(grid: Grid): SheetSize {
  const sizes = grid.pictures.map(({ settings: { hires, width, height } }) => hires ?? { width, height });
  return {
    width: Math.max(...sizes.map(({ width }) => width)),
    height: Math.max(...sizes.map(({ height }) => height)),
  };
}
