/** @file `lora compare`: pictures over any axes, side by side on a sheet; the way to pick the best epoch. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { LoraError, usageError } from '../../errors.ts';
import { ensureFreeSpace } from '../../files/index.ts';
import {
  drawGrid,
  type GridFolder,
  type GridPicture,
  type LoraFolders,
  openEmbeddings,
  openGridFolder,
  openLoraFolders,
  openWildcards,
  openWorkshop,
  type PictureSettings,
  type PictureWish,
  parseLoraOption,
  planGrid,
  readGridRecord,
  recordedSeed,
  settlePictures,
  type Workshop,
} from '../../generation/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { axisHelp, describeGrid, describeProgress } from '../compare/describe.ts';
import { drawWith } from '../compare/draw-pictures.ts';
import { openSheets, type WrittenSheet } from '../compare/sheets.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { describeLoad, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { collect, integerOption, numberOption, sizeOption } from '../numbers.ts';
import { interruptible, openTerminal, showSeconds, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, LoadOptions {
  x?: string;
  y?: string;
  z: string[];
  lora: string[];
  loraFolder: string[];
  embeddingFolder: string[];
  wildcardFolder: string[];
  negative: string;
  sampler: string;
  scheduler?: string;
  steps: number;
  guidance: number;
  size?: { width: number; height: number };
  seed?: bigint;
  out: string;
  device: DeviceName;
  json: boolean;
}

/** What all pictures of the grid have in common, before axes change it. */
function wishOf(prompt: string, options: Options, folders: LoraFolders, seed: bigint): PictureWish {
  const { negative: negativePrompt, sampler, scheduler, steps, guidance, size } = options;
  return {
    ...{ prompt, negativePrompt, merge: false, seed, count: 1, preset: 'lora' },
    loras: options.lora.map(text => parseLoraOption(text, folders)),
    ...{ sampler, scheduler, steps, guidance, guidanceRescale: 0, size },
  };
}

/** An axis as it was given, with the option it was given by. */
const axisOf = (place: string, text: string | undefined) =>
  text === undefined ? undefined : { place, text };

/** Bytes that a picture of noise takes at most. */
const bytesOf = ({ settings: { hires, width, height } }: GridPicture): number =>
  3 * (hires ? hires.width * hires.height : width * height) + 4096;

/** Says where sheets show less than the pictures hold. */
function noteScale(terminal: Terminal, sheets: readonly WrittenSheet[]): void {
  const shrunk = sheets.find(({ scale }) => scale < 1);
  if (!shrunk) return;
  const percent = Math.round(100 * shrunk.scale);
  terminal.note(
    `the sheet shows pictures at ${percent} % of their size: whole it would be too large to look at; the pictures themselves are whole`,
  );
}

/** The cells by their labels, for programs. */
function cellsOf({ grid, fileOf }: GridFolder): unknown[] {
  return grid.cells.map(({ at, picture }) => ({
    at,
    values: Object.fromEntries(
      grid.axes.flatMap(({ title, values }, i) => (title === '' ? [] : [[title, values[at[i]].label]])),
    ),
    file: fileOf(picture) ?? null,
  }));
}

/** Seeds of 64 bits are text where a JavaScript number does not hold them. */
const withSeeds = (settings: PictureSettings): unknown =>
  JSON.parse(
    JSON.stringify(settings, (_, value: unknown) =>
      typeof value === 'bigint' ? (value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value)) : value,
    ),
  );

/** What ended a run before all pictures were there, said so that it can be gone on with. */
function interrupted({ missing, grid }: GridFolder, out: string, cause: unknown): LoraError {
  const all = grid.pictures.length;
  return new LoraError(
    'INTERRUPTED',
    `interrupted: ${all - missing().length} of ${all} pictures are in ${out}`,
    {
      ...{ exit: 'interrupted', hint: 'The same command goes on with the others.', cause },
    },
  );
}

async function draw(
  folder: GridFolder,
  workshop: Workshop,
  { out, prompt }: { readonly out: string; readonly prompt: string },
  terminal: Terminal,
  signal: AbortSignal,
): Promise<WrittenSheet[]> {
  const bytes = folder.missing().map(bytesOf);
  await ensureFreeSpace(
    out,
    bytes.reduce((sum, each) => sum + each, 0),
  );
  const drawSheets = openSheets(folder, out, prompt);
  let sheets: WrittenSheet[] = [];
  let isTold = false;
  try {
    await drawGrid(folder, {
      ...{ draw: drawWith(workshop), signal },
      onProgress(progress) {
        const { secondsLeft, total, done } = progress;
        if (!isTold && secondsLeft !== undefined)
          terminal.note(`about ${showSeconds(secondsLeft)} for ${total - done} more`);
        isTold ||= secondsLeft !== undefined;
        terminal.progress(describeProgress(progress));
      },
      async drawSheets() {
        sheets = await drawSheets();
      },
    });
  } catch (error) {
    throw signal.aborted ? interrupted(folder, out, error) : error;
  }
  return sheets;
}

async function run(prompt: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { out } = options;
  checkDevice(options.device);
  if (out === '') throw usageError('OUT_INVALID', '--out names no folder');
  const checkpoint = openBase(options, text => terminal.note(text));
  const folders = openLoraFolders(['.', ...options.loraFolder]);
  // A grid that is drawn on keeps the seed that chance gave it.
  const seed =
    options.seed ?? recordedSeed(readGridRecord(out)) ?? BigInt(Math.floor(Math.random() * 2 ** 32));
  const wish = wishOf(prompt, options, folders, seed);
  const { settings, findings } = await settlePictures(wish, {
    checkpoint,
    wildcards: openWildcards(options.wildcardFolder),
  });
  for (const finding of findings) terminal.note(finding);
  const planned = await planGrid({
    x: axisOf('--x', options.x),
    y: axisOf('--y', options.y),
    z: options.z.map(text => ({ place: '--z', text })),
    base: settings[0],
    ...{
      scheduler: options.scheduler,
      family: checkpoint.family,
      latentScale: checkpoint.latentScale,
      folders,
    },
  });
  const signal = interruptible(() => terminal.note('stopping …'));
  const workshop = openWorkshop({
    ...{ checkpoint, loras: folders, load: options },
    session: await openDevice(options.device, text => terminal.note(text)),
    embeddings: openEmbeddings(options.embeddingFolder),
    onLora: lora => terminal.note(`${lora.name}: ${describeLoad(lora.report)}`),
  });
  try {
    await workshop.prepare(planned.pictures.map(({ settings }) => settings));
    const folder = await openGridFolder(out, planned);
    try {
      terminal.note(describeGrid(folder));
      const missing = folder.missing().length;
      const sheets = await draw(folder, workshop, { out, prompt }, terminal, signal);
      noteScale(terminal, sheets);
      report(terminal, folder, sheets, missing);
    } finally {
      await folder.release();
    }
  } finally {
    await workshop.release();
  }
}

function report(
  terminal: Terminal,
  folder: GridFolder,
  sheets: readonly WrittenSheet[],
  drawn: number,
): void {
  const seconds = performance.now() / 1000;
  const paths = sheets.map(({ path }) => resolve(path));
  const { pictures, axes } = folder.grid;
  const result = {
    ...{ sheets: paths, seconds, drawn },
    axes: axes.filter(({ title }) => title !== ''),
    cells: cellsOf(folder),
    pictures: pictures.map(({ id, settings }) => ({
      ...{ id, file: folder.fileOf(id) },
      settings: withSeeds(settings),
    })),
  };
  const text = `${drawn} of ${pictures.length} pictures drawn in ${showSeconds(seconds)}`;
  terminal.result(result, [...paths, text].join('\n'));
}

/** A whole number of up to 64 bits; −1 is a random seed, as in A1111. */
function seedOption(text: string): bigint | undefined {
  if (text === '-1') return undefined;
  if (/^\d+$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
  throw usageError('SEED_INVALID', `--seed ${text} is not a whole number from 0 to 2⁶⁴ − 1`);
}

export function compareCommand(): Command {
  return withLoadOptions(withBase(new Command('compare')))
    .description('pictures over epochs, strengths, samplers or anything else, side by side on a sheet')
    .argument('<prompt>', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .option('--x <axis>', 'from left to right: "epoch: my-lora"')
    .option('--y <axis>', 'from top to bottom: "strength: 0.4-1 [4]"')
    .option('--z <axis>', 'a sheet for each of its values; may be given again', collect, [])
    .option('--lora <file[:strength]>', 'LoRA file, may be given again', collect, [])
    .option(
      '--lora-folder <folder>',
      'where LoRAs are looked for besides here; may be given again',
      collect,
      [],
    )
    .option(
      '--embedding-folder <folder>',
      'textual inversions, used by their names; may be given again',
      collect,
      [],
    )
    .option(
      '--wildcard-folder <folder>',
      'where __wildcards__ are looked for; may be given again',
      collect,
      [],
    )
    .option('--negative <text>', 'what to avoid', '')
    .option('--sampler <name>', 'as lora generate', 'DDIM')
    .option('--scheduler <name>', 'as lora generate')
    .option('--steps <n>', 'sampling steps', integerOption('--steps'), 20)
    .option('--guidance <g>', 'classifier-free guidance scale; 1 = none', numberOption('--guidance'), 4.5)
    .option('--size <WxH>', 'picture size; default: what the checkpoint was made for', sizeOption('--size'))
    .option('--seed <n>', 'of all pictures; default: random, and kept with the grid', seedOption)
    .option(
      '--out <folder>',
      'where pictures and sheets go; what is there already is not drawn again',
      'grid',
    )
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .addHelpText('after', axisHelp())
    .action(run);
}
