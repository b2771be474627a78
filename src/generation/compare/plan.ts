/** @file The plan of a grid: its axes, its cells, and the pictures that fill them. */
import { LoraError, usageError } from '../../errors.ts';
import { stepRange } from '../prompt/step-range.ts';
import { type LoraSettings, type PictureSettings, pictureSettingsSchema } from '../settings/schema.ts';
import type { AxisContext, AxisValue } from './axes/row.ts';
import { axisTable } from './axes/table.ts';
import { drawingOrder } from './drawing-order.ts';
import { fileName, nameOfLabels } from './file-name.ts';
import { type LoraFileFacts, lorasFacts } from './lora-facts.ts';
import { type Axis, type AxisText, checkApart, checkLacks, parseAxis } from './parse-axis.ts';
import { pictureId } from './picture-id.ts';
import { type GridSheet, positions, sheetsOf } from './sheet-plan.ts';
import { type Draft, openSlots } from './slots.ts';
import { withSaid } from './together.ts';

export interface GridRequest extends AxisContext {
  /** From left to right. */
  readonly x?: AxisText | undefined;
  /** From top to bottom. */
  readonly y?: AxisText | undefined;
  /** A sheet for each combination of these. */
  readonly z: readonly AxisText[];
}

export type GridValue = Pick<AxisValue, 'label' | 'epoch'>;

export interface GridAxis {
  /** Empty where there is no such axis; it has one value then. */
  readonly title: string;
  readonly values: readonly GridValue[];
}

export interface GridCell {
  /** Position on x, y and each z. */
  readonly at: readonly number[];
  /** Id of its picture. */
  readonly picture: string;
}

export interface GridPicture {
  readonly id: string;
  /** Its name in the folder of pictures. */
  readonly file: string;
  readonly settings: PictureSettings;
}

export interface Grid {
  /** x, y, then each z. */
  readonly axes: readonly GridAxis[];
  /** x changes first, then y, then z. */
  readonly cells: readonly GridCell[];
  /** Each once, in the order in which they are drawn. */
  readonly pictures: readonly GridPicture[];
  /** One for each combination of z axes; several where x or y is too long for one. */
  readonly sheets: readonly GridSheet[];
}

/** More cells than anybody looks at, and days of drawing. */
const mostCells = 10_000;

/** An axis of the plan; one that was not asked for has a single value that changes nothing. */
type PlanAxis = Pick<Axis, 'title' | 'values'> & { readonly row: Axis['row'] | undefined };
const noAxis: PlanAxis = { title: '', values: [{ label: '', apply: draft => draft }], row: undefined };

/** Applies values in the order of the table; tags are taken out of the prompt after the axes of text. */
function settle({ base, given }: AxisContext, axes: readonly PlanAxis[], at: readonly number[]): Draft {
  const chosen = axes.flatMap(({ row, values }, i) => (row ? [{ row, value: values[at[i]] }] : []));
  chosen.sort((a, b) => axisTable.indexOf(a.row) - axisTable.indexOf(b.row));
  const apply = (draft: Draft, isText: boolean): Draft =>
    chosen
      .filter(({ row }) => (row.isText === true) === isText)
      .reduce((changed, { value }) => value.apply(changed), draft);
  const typed = apply({ settings: base, slots: [], said: {} }, true).settings;
  const draft = apply(openSlots(typed), false);
  return { ...draft, settings: withSaid(draft.settings, draft.said, given) };
}

/** The LoRAs of a cell; names that no axis replaced are looked for only now. */
function lorasOf({ slots }: Draft, find: (name: string) => string): LoraSettings[] {
  return slots.flatMap(({ file, how }) =>
    file ? [{ name: file.name, path: file.path ?? find(file.name), ...how }] : [],
  );
}

const withHash = (lora: LoraSettings, facts: ReadonlyMap<string, LoraFileFacts>): LoraSettings => ({
  ...lora,
  hash: facts.get(lora.path)?.hash,
});

/** `strength 0.6`, one for each axis. */
const labelsAt = (axes: readonly PlanAxis[], at: readonly number[]): string[] =>
  axes.flatMap(({ row, title, values }, i) => (row ? [`${title} ${values[at[i]].label}`] : []));

/** What only the axes together can make wrong: settings out of bounds, a LoRA without a step. */
function checkCell(settings: PictureSettings, labels: readonly string[]): void {
  const fail = (why: string, hint?: string): LoraError =>
    usageError('COMPARE_CELL_INVALID', `the picture of ${labels.join(', ')}: ${why}`, hint);
  if (settings.clipSkip < 1) {
    const hint = '1 reads the last layer of the text encoder; from 0 counts the preset diffusers alone.';
    throw fail('clip skip 0 is less than none', hint);
  }
  const { error } = pictureSettingsSchema.safeParse(settings);
  if (error) throw fail(`${error.issues[0].path.join('.')}: ${error.issues[0].message}`);
  for (const { start, stop, name } of settings.loras) {
    try {
      stepRange(start, stop, settings.steps);
    } catch (cause) {
      if (!(cause instanceof LoraError)) throw cause;
      throw fail(`${name}: ${cause.message}`, cause.hint);
    }
  }
}

function checkCount(axes: readonly PlanAxis[]): void {
  const counts = axes.filter(({ row }) => row).map(({ values }) => values.length);
  const count = counts.reduce((product, n) => product * n, 1);
  if (count <= mostCells) return;
  const [cells, most] = [count, mostCells].map(n => n.toLocaleString('en'));
  const message = `${counts.join(' × ')} values are ${cells} pictures; a grid has up to ${most}`;
  throw usageError('COMPARE_TOO_MANY', message, 'Take fewer values: 1-100 [5] takes five.');
}

function readAxes(request: GridRequest): PlanAxis[] {
  const read = (text: AxisText): Axis => parseAxis(text, request);
  const [x, y, z] = [request.x && read(request.x), request.y && read(request.y), request.z.map(read)];
  const given = [x, y, ...z].filter(axis => axis !== undefined);
  if (given.length === 0) {
    const hint = 'Write --x "strength: 0.4-1 [4]"; lora compare --help lists the axes.';
    throw usageError('COMPARE_NO_AXES', 'nothing is compared: there is no axis', hint);
  }
  checkApart(given);
  checkLacks(given, request.base);
  const axes = [x ?? noAxis, y ?? noAxis, ...z];
  checkCount(axes);
  return axes;
}

const shownValue = ({ label, epoch }: AxisValue): GridValue => ({ label, ...(epoch ? { epoch } : {}) });

/**
 * Plans a grid. What can be wrong with axes and LoRA files is found here, before anything is drawn: throws COMPARE_* and
 * LORA_* errors. Cells with the same settings share a picture.
 */
export async function planGrid(request: GridRequest): Promise<Grid> {
  const axes = readAxes(request);
  const found = new Map<string, string>();
  const find = (name: string): string => {
    const path = found.get(name) ?? request.folders.find(name);
    found.set(name, path);
    return path;
  };
  const drafts = [...positions(axes.map(({ values }) => values.length))].map(at => {
    const draft = settle(request, axes, at);
    return { at, settings: { ...draft.settings, loras: lorasOf(draft, find) } };
  });
  const facts = await lorasFacts(drafts.flatMap(({ settings }) => settings.loras.map(({ path }) => path)));
  const pictures = new Map<string, GridPicture>();
  const cells = drafts.map(({ at, settings: { loras, ...rest } }) => {
    const settings = { ...rest, loras: loras.map(lora => withHash(lora, facts)) };
    const labels = labelsAt(axes, at);
    checkCell(settings, labels);
    const id = pictureId(settings);
    if (!pictures.has(id)) pictures.set(id, { id, file: fileName(labels, id), settings });
    return { at, picture: id };
  });
  return {
    axes: axes.map(({ title, values }) => ({ title, values: values.map(shownValue) })),
    cells,
    pictures: drawingOrder([...pictures.values()], facts),
    sheets: sheetsOf(
      axes.map(({ values }) => values.length),
      at => nameOfLabels(labelsAt(axes.slice(2), at)),
    ),
  };
}
