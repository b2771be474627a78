/** @file Comparisons: what `lora compare` does; the grid lies in the job's own folder, so that it goes on where it was. */
import { existsSync } from 'node:fs';
import { readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LoraError } from '../../../errors.ts';
import { ensureFreeSpace } from '../../../files/index.ts';
import {
  type DrawPictures,
  drawGrid,
  type Grid,
  type GridFolder,
  openGridFolder,
  planGrid,
  settlePictures,
} from '../../../generation/index.ts';
import { gridFacts, missingBytes, openSheets, type WrittenSheet } from '../../../workbench/index.ts';
import type { ComparePayload } from '../../payloads/compare.ts';
import type { JobContext, JobRunner, StagedFile } from '../../runner.ts';
import { smallJpeg } from '../small-picture.ts';
import { stageFile } from '../stage-file.ts';
import type { Bench, PictureBench } from './bench.ts';
import { openPictureFolders, type PictureFolders } from './folders.ts';
import { keepChoice, shortId } from './kept-choice.ts';
import { wishOf } from './wish.ts';

const axisOf = (place: string, text: string | undefined) =>
  text === undefined ? undefined : { place, text };

async function planFor(
  payload: ComparePayload,
  context: JobContext,
  { checkpoint }: Bench,
  folders: PictureFolders,
): Promise<Grid> {
  const seeds = await keepChoice(context, payload.picture);
  const wish = wishOf(payload.picture, { names: context.names, checkpoint, seeds, count: 1 });
  const { settings, findings } = await settlePictures(wish, { checkpoint, wildcards: folders.wildcards });
  for (const finding of findings) context.note(finding);
  return planGrid({
    ...{
      x: axisOf('x', payload.x),
      y: axisOf('y', payload.y),
      z: payload.z.map(text => ({ place: 'z', text })),
    },
    ...{ base: settings[0], given: wish, family: checkpoint.family, folders: folders.loras },
    sizeRule: { latentScale: checkpoint.latentScale, levels: checkpoint.unet.config.channels.length },
  });
}

/** A grid that was begun with other files is kept aside. */
async function openFolder(out: string, grid: Grid, { note, attempt }: JobContext): Promise<GridFolder> {
  try {
    return await openGridFolder(out, grid);
  } catch (error) {
    const isOther = error instanceof LoraError && ['GRID_OTHER', 'GRID_INVALID'].includes(error.code);
    if (!isOther || !existsSync(out)) throw error;
    note(`the pictures that were drawn so far are of other files, and all are drawn anew: ${error.message}`);
    await rename(out, `${out}-before-${attempt}`);
    return openGridFolder(out, grid);
  }
}

async function stageGrid(
  folder: GridFolder,
  sheets: readonly WrittenSheet[],
  context: JobContext,
  prefix: string,
): Promise<{ readonly files: readonly StagedFile[]; readonly names: ReadonlyMap<string, string> }> {
  const files: StagedFile[] = [];
  const names = new Map<string, string>();
  const stage = async (path: string, name: string, type: 'sheet' | 'picture'): Promise<void> => {
    files.push(
      await stageFile(context.places, path, { name, type, fileName: `${prefix}-${basename(path)}` }),
    );
    names.set(path, name);
  };
  for (const [i, { path }] of sheets.entries()) await stage(path, `sheet-${i + 1}`, 'sheet');
  for (const [i, { id }] of folder.grid.pictures.entries()) {
    const path = folder.fileOf(id);
    if (path !== undefined) await stage(path, `picture-${i + 1}`, 'picture');
  }
  return { files, names };
}

/** Axes without paths: results are told by the API. */
const toldAxes = ({ axes }: Grid): object[] =>
  axes
    .filter(({ title }) => title !== '')
    .map(({ title, values }) => ({
      title,
      values: values.map(({ label, epoch }) => ({
        label,
        ...(epoch?.step === undefined ? {} : { epoch: { step: epoch.step } }),
      })),
    }));

/** Larger grids are shown when they are done. */
const mostToldCells = 400;

/** Axes, and the number of each cell's picture, x first: what a page needs to fill the grid while it is drawn. */
function outlineOf(grid: Grid): object | undefined {
  if (grid.cells.length > mostToldCells) return undefined;
  const numbers = new Map(grid.pictures.map(({ id }, i) => [id, i]));
  return { axes: toldAxes(grid), cells: grid.cells.map(({ picture }) => numbers.get(picture)) };
}

/** Shows each finished picture, small, by its number in the grid: `picture-1` is what its artefact will be called. */
function showPictures(
  draw: DrawPictures,
  { grid, missing, fileOf }: GridFolder,
  { preview }: JobContext,
): DrawPictures {
  const numbers = new Map(grid.pictures.map(({ id }, i) => [id, i + 1]));
  const wanted = missing();
  const show = async (id: string, bytes: Uint8Array): Promise<void> =>
    smallJpeg(bytes)
      .then(small => preview(`picture-${numbers.get(id)}`, small))
      .catch(() => undefined);
  const showThose = async (): Promise<void> => {
    for (const { id } of grid.pictures) {
      const path = fileOf(id);
      if (path !== undefined) await show(id, await readFile(path));
    }
  };
  return async (settings, hooks) => {
    await showThose();
    await draw(settings, {
      ...hooks,
      async onPicture(index, picture) {
        await hooks.onPicture(index, picture);
        await show(wanted[index].id, picture.png);
      },
    });
  };
}

/** One picture at a time: others may have the workshop between two, with another base. */
const drawSingly =
  (open: () => Promise<Bench>, { yieldToOthers }: JobContext): DrawPictures =>
  async (settings, { signal, onStep, onPicture }) => {
    for (const [i, one] of settings.entries()) {
      await yieldToOthers();
      signal?.throwIfAborted();
      const { workshop } = await open();
      await workshop.draw([one], {
        ...{ signal, file: { format: 'png' } },
        onStep: ({ step, steps }) => onStep?.(step, steps),
        onPicture: (_, { bytes, width, height, data }) => onPicture(i, { png: bytes, width, height, data }),
      });
    }
  };

export const compareRunner =
  (benches: PictureBench): JobRunner<ComparePayload> =>
  async (payload, context) => {
    const { signal, places, names } = context;
    signal.throwIfAborted();
    context.progress({ share: 0, text: 'opening the model' });
    const folders = openPictureFolders(names);
    const open = (): Promise<Bench> => benches.open(context, payload.picture.base, folders);
    const bench = await open();
    const grid = await planFor(payload, context, bench, folders);
    const outline = outlineOf(grid);
    const plan = outline ? { grid: outline } : {};
    context.progress({
      share: 0,
      text: 'reading LoRAs',
      detail: { pictures: grid.pictures.length, done: 0, ...plan },
    });
    await bench.workshop.prepare(grid.pictures.map(({ settings }) => settings));
    const out = join(places.work, 'grid');
    const folder = await openFolder(out, grid, context);
    try {
      await ensureFreeSpace(out, missingBytes(folder));
      const all = grid.pictures.length;
      const already = all - folder.missing().length;
      const drawSheets = openSheets(folder, out);
      let sheets: WrittenSheet[] = [];
      await drawGrid(folder, {
        ...{ draw: showPictures(drawSingly(open, context), folder, context), signal },
        onProgress({ done, step, steps, secondsLeft }) {
          const ready = already + done;
          context.progress({
            share: (ready + step / steps) / all,
            text: `picture ${Math.min(ready + 1, all)} of ${all}, step ${step} of ${steps}`,
            secondsLeft,
            detail: { step, steps, pictures: all, done: ready, ...plan },
          });
        },
        async drawSheets() {
          sheets = await drawSheets();
        },
      });
      const { date } = await keepChoice(context, payload.picture);
      const prefix = `${date}-${shortId(context.jobId)}`;
      const staged = await stageGrid(folder, sheets, context, prefix);
      const nameOf = (path: string): string => staged.names.get(path) ?? basename(path);
      const told = sheets.map(({ path, width, height, scale }) => ({
        name: nameOf(path),
        width,
        height,
        scale,
      }));
      return {
        files: staged.files,
        result: { sheets: told, drawn: all - already, ...gridFacts(folder, nameOf), axes: toldAxes(grid) },
      };
    } finally {
      await folder.release();
    }
  };
