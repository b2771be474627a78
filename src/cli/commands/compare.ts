/** @file `lora compare`: pictures over any axes, side by side on a sheet; the way to pick the best epoch. */
import { resolve } from 'node:path';
import { Command } from 'commander';
import { LoraError, usageError } from '../../errors.ts';
import { ensureFreeSpace } from '../../files/index.ts';
import {
  drawGrid,
  type GridFolder,
  openGridFolder,
  openWorkshop,
  type PictureSettings,
  planGrid,
  readGridRecord,
  recordedSeeds,
  settlePictures,
  type Workshop,
} from '../../generation/index.ts';
import {
  checkDevice,
  type DeviceName,
  deviceHelp,
  drawWith,
  gridFacts,
  missingBytes,
  openDevice,
  openModelHash,
  openSheets,
  showSeconds,
  type WrittenSheet,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { axisHelp, describeGrid, describeProgress } from '../compare/describe.ts';
import { describeLoad, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { collect } from '../numbers.ts';
import { holdUnet, openPictureFolders } from '../picture-options/folders.ts';
import { type PictureOptions, withPictureOptions } from '../picture-options/options.ts';
import { wishOf } from '../picture-options/wish.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, LoadOptions, PictureOptions {
  x?: string;
  y?: string;
  z: string[];
  out: string;
  device: DeviceName;
  json: boolean;
}

/** A grid that is drawn on keeps the seeds that chance gave it. */
function withKeptSeeds(options: Options): Options {
  const kept = recordedSeeds(readGridRecord(options.out));
  const [seed, variationSeed] = [options.seed ?? kept.seed, options.variationSeed ?? kept.variationSeed];
  return {
    ...options,
    ...(seed === undefined ? {} : { seed }),
    ...(variationSeed === undefined || !options.variationStrength ? {} : { variationSeed }),
  };
}

/** An axis as it was given, with the option it was given by. */
const axisOf = (place: string, text: string | undefined) =>
  text === undefined ? undefined : { place, text };

/** Says where sheets show less than the pictures hold. */
function noteScale(terminal: Terminal, sheets: readonly WrittenSheet[]): void {
  const shrunk = sheets.find(({ scale }) => scale < 1);
  if (!shrunk) return;
  const percent = Math.round(100 * shrunk.scale);
  terminal.note(
    `the sheet shows pictures at ${percent} % of their size: whole it would be too large to look at; the pictures themselves are whole`,
  );
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
  out: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<WrittenSheet[]> {
  await ensureFreeSpace(out, missingBytes(folder));
  const drawSheets = openSheets(folder, out);
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
  const checkpoint = holdUnet(
    openBase(options, text => terminal.note(text)),
    options,
  );
  const folders = openPictureFolders(options);
  const wish = wishOf(prompt, withKeptSeeds(options), 1, folders);
  const { settings, findings } = await settlePictures(wish, { checkpoint, wildcards: folders.wildcards });
  for (const finding of findings) terminal.note(finding);
  const planned = await planGrid({
    x: axisOf('--x', options.x),
    y: axisOf('--y', options.y),
    z: options.z.map(text => ({ place: '--z', text })),
    base: settings[0],
    ...{
      given: wish,
      family: checkpoint.family,
      sizeRule: { latentScale: checkpoint.latentScale, levels: checkpoint.unet.config.channels.length },
      folders: folders.loras,
    },
  });
  const signal = interruptible(() => terminal.note('stopping …'));
  const session = await openDevice(options.device, text => terminal.note(text));
  const modelHash = openModelHash(checkpoint);
  const workshop = openWorkshop({
    ...{ checkpoint, session, loras: folders.loras, load: options },
    ...{ tiledVae: options.tiledVae, modelHash: modelHash.hash },
    embeddings: folders.embeddings,
    onLora: lora => terminal.note(`${lora.name}: ${describeLoad(lora.report)}`),
  });
  try {
    await workshop.prepare(planned.pictures.map(({ settings }) => settings));
    const folder = await openGridFolder(out, planned);
    try {
      terminal.note(describeGrid(folder));
      const missing = folder.missing().length;
      const sheets = await draw(folder, workshop, out, terminal, signal);
      noteScale(terminal, sheets);
      report(terminal, folder, sheets, missing);
    } finally {
      await folder.release();
    }
  } finally {
    modelHash.stop();
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
  const facts = gridFacts(folder, path => path, withSeeds);
  const result = { ...{ sheets: paths, seconds, drawn }, ...facts };
  const text = `${drawn} of ${facts.pictures.length} pictures drawn in ${showSeconds(seconds)}`;
  terminal.result(result, [...paths, text].join('\n'));
}

export function compareCommand(): Command {
  const command = new Command('compare')
    .description('pictures over epochs, strengths, samplers or anything else, side by side on a sheet')
    .argument('<prompt>', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .option('--x <axis>', 'from left to right: "epoch: my-lora"')
    .option('--y <axis>', 'from top to bottom: "strength: 0.4-1 [4]"')
    .option('--z <axis>', 'a sheet for each of its values; may be given again', collect, [])
    .option('--out <folder>', 'where pictures and sheets go; what is there is not drawn again', 'grid');
  return withLoadOptions(withBase(withPictureOptions(command)))
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .addHelpText('after', axisHelp())
    .action(run);
}
