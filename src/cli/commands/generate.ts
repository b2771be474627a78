/** @file `lora generate`: a prompt becomes pictures. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { encodePng, ensureWritableFolder, isFolder, writeFileAtomic } from '../../files/index.ts';
import {
  type DrawingStep,
  type FinishedPicture,
  type LoadedLora,
  latentPreview,
  openWorkshop,
  type PictureFormat,
  type PictureSettings,
  pictureFormats,
  settlePictures,
} from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { describeLora, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { openModelHash } from '../model-hash.ts';
import { choiceOption, integerOption } from '../numbers.ts';
import { openPictureFolders, type PictureOptions, wishOf, withPictureOptions } from '../picture-options.ts';
import { interruptible, openTerminal, showSeconds, type Terminal } from '../terminal.ts';
import { openTimeLeft } from '../time-left.ts';

interface Options extends BaseOptions, LoadOptions, PictureOptions {
  count: number;
  batch: number;
  format?: PictureFormat;
  quality?: number;
  mark: boolean;
  preview?: number;
  out: string;
  device: DeviceName;
  json: boolean;
}

const endings: Readonly<Record<string, PictureFormat>> = {
  '.png': 'png',
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.webp': 'webp',
};

/** The format that is asked for, or that the ending of the file says. Throws OUT_FORMAT for two that disagree. */
function formatOf({ out, format }: Options): PictureFormat {
  const named = isFolder(out) ? undefined : endings[extname(out).toLowerCase()];
  if (format && named && format !== named)
    throw usageError('OUT_FORMAT', `--out ${out} ends like ${named}, --format says ${format}`);
  return format ?? named ?? 'png';
}

/** Files to write: one picture, numbered ones, or the next free numbers of a folder. Nothing is overwritten. */
function outputPaths(out: string, format: PictureFormat, seeds: readonly bigint[]): string[] {
  const outIsFolder = isFolder(out);
  const ending = extname(out);
  if (!outIsFolder && Object.hasOwn(endings, ending.toLowerCase())) {
    const stem = out.slice(0, -ending.length);
    const paths =
      seeds.length === 1 ? [out] : seeds.map((_, i) => `${stem}-${String(i + 1).padStart(4, '0')}${ending}`);
    const taken = paths.find(path => existsSync(path));
    if (taken === undefined) return paths.map(path => resolve(path));
    const hint = 'Choose another --out, or move the file away.';
    throw usageError('OUT_EXISTS', `${taken} is there already`, hint);
  }
  if (!outIsFolder && ending)
    throw usageError('OUT_FORMAT', `--out ${out} must be a folder or end in .png, .jpg or .webp`);
  const numbers = (outIsFolder ? readdirSync(out) : [])
    .map(name => Number.parseInt(name, 10))
    .filter(Number.isFinite);
  const first = Math.max(-1, ...numbers) + 1;
  const own = format === 'jpeg' ? 'jpg' : format;
  return seeds.map((seed, i) => resolve(out, `${String(first + i).padStart(5, '0')}-${seed}.${own}`));
}

/** Numbers that JSON readers hold exactly stay numbers. */
const seedToJson = (seed: bigint): number | string =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed);

/** Says what is worth telling of the pictures, each thing once. */
function openNotes(terminal: Terminal): (picture: Pick<FinishedPicture, 'truncated' | 'findings'>) => void {
  const said = new Set<string>();
  const say = (text: string): void => {
    if (said.has(text)) return;
    said.add(text);
    terminal.note(text);
  };
  return ({ truncated, findings }) => {
    for (const [what, text] of [
      ['prompt', truncated.prompt],
      ['negative prompt', truncated.negativePrompt],
    ]) {
      if (text) say(`the ${what} is too long for the text encoder; not used: ${text}`);
    }
    for (const finding of findings) say(finding);
  };
}

/** Writes what the pictures are becoming to `preview.png` beside them, every so many steps; takes it away at the end. */
function openPreview({ family, latentScale }: Checkpoint, folder: string, every: number | undefined) {
  const path = join(folder, 'preview.png');
  let writing: Promise<void> = Promise.resolve();
  return {
    step({ step, denoised }: DrawingStep): void {
      if (every === undefined || step % every !== 0) return;
      const [, ...shape] = denoised.shape;
      const size = shape.reduce((product, side) => product * side, 1);
      const latent = { shape, data: denoised.data.slice(0, size) };
      const png = encodePng(latentPreview(latent, family, { scale: latentScale }));
      writing = writing.then(() => writeFileAtomic(path, png));
    },
    async end(): Promise<void> {
      await writing;
      if (every !== undefined) rmSync(path, { force: true });
    },
  };
}

interface Plan {
  readonly checkpoint: Checkpoint;
  readonly settings: readonly PictureSettings[];
  /** One a picture. */
  readonly paths: readonly string[];
  readonly format: PictureFormat;
}

interface Drawn {
  readonly firstStepSeconds: number;
  readonly loras: readonly LoadedLora[];
  readonly parameters: string[];
}

/** Draws and writes; seconds are from the start of the process. */
async function draw(
  plan: Plan,
  options: Options,
  folders: ReturnType<typeof openPictureFolders>,
  terminal: Terminal,
): Promise<Drawn> {
  const { checkpoint, settings, paths, format } = plan;
  const signal = interruptible(() => terminal.note('stopping after this step …'));
  const session = await openDevice(options.device, text => terminal.note(text));
  const modelHash = openModelHash(checkpoint);
  const loras: LoadedLora[] = [];
  const workshop = openWorkshop({
    ...{ checkpoint, session, format, mark: options.mark, modelHash: modelHash.hash },
    ...{ loras: folders.loras, embeddings: folders.embeddings, load: options, quality: options.quality },
    onLora(lora) {
      loras.push(lora);
      terminal.note(describeLora(lora));
    },
  });
  const note = openNotes(terminal);
  const preview = openPreview(checkpoint, dirname(paths[0]), options.preview);
  const timeLeft = openTimeLeft();
  const parameters: string[] = [];
  let firstStepSeconds = 0;
  let done = 0;
  try {
    await workshop.prepare(settings);
    await ensureWritableFolder(dirname(paths[0]));
    await workshop.draw(settings, {
      ...{ batch: options.batch, signal },
      onStep(event) {
        firstStepSeconds ||= performance.now() / 1000;
        const { step, steps, pictures } = event;
        const [from, to] = [pictures[0] + 1, (pictures.at(-1) ?? 0) + 1];
        const name = pictures.length > 1 ? `pictures ${from}–${to}` : `picture ${from}`;
        const share = (done + (step / steps) * pictures.length) / settings.length;
        terminal.progress(`${name} of ${settings.length}  step ${step}/${steps}${timeLeft(share)}`);
        preview.step(event);
      },
      async onPicture(i, picture) {
        note(picture);
        await writeFileAtomic(paths[i], picture.bytes, { keepExisting: true });
        parameters[i] = picture.parameters;
        done++;
      },
    });
  } catch (error) {
    if (signal.aborted && done > 0)
      terminal.note(
        `${done} of ${settings.length} pictures were finished and are kept: ${dirname(paths[0])}`,
      );
    throw error;
  } finally {
    modelHash.stop();
    await preview.end();
    await workshop.release();
  }
  return { firstStepSeconds, loras, parameters };
}

async function run(prompt: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  if (options.batch < 1) throw usageError('COUNT_INVALID', '--batch is at least 1');
  if (options.preview !== undefined && options.preview < 1)
    throw usageError('OPTION_INVALID', '--preview is at least 1 step');
  checkDevice(options.device);
  const folders = openPictureFolders(options);
  const wish = wishOf(prompt, options, options.count, folders);
  const checkpoint = openBase(options, text => terminal.note(text));
  const { settings, findings } = await settlePictures(wish, { checkpoint, wildcards: folders.wildcards });
  for (const finding of findings) terminal.note(finding);
  const seeds = settings.map(({ seed }) => seed);
  const format = formatOf(options);
  const paths = outputPaths(options.out, format, seeds);
  const drawn = await draw({ checkpoint, settings, paths, format }, options, folders, terminal);
  const seconds = performance.now() / 1000;
  terminal.result(
    {
      files: paths,
      ...{ seconds, firstStepSeconds: drawn.firstStepSeconds },
      seeds: seeds.map(seedToJson),
      loras: drawn.loras.map(({ path, strength, textStrength = strength, blocksText, report }) => ({
        ...{ path, strength, textStrength },
        ...(blocksText === undefined ? {} : { blocks: blocksText }),
        report,
      })),
      parameters: drawn.parameters[0],
    },
    `${paths.join('\n')}\n${paths.length} picture${paths.length > 1 ? 's' : ''} in ${showSeconds(seconds)}, seed ${seeds[0]}`,
  );
}

export function generateCommand(): Command {
  return withPictureOptions(withLoadOptions(withBase(new Command('generate'))))
    .description('generate pictures from a prompt, with any number of LoRAs')
    .argument('<prompt>', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .option('--count <n>', 'number of pictures', integerOption('--count'), 1)
    .option('--batch <n>', 'pictures made at once', integerOption('--batch'), 1)
    .option(
      '--format <name>',
      `${pictureFormats.join(', ')}; default: as --out ends, else png`,
      choiceOption(
        '--format',
        Object.fromEntries(pictureFormats.map(name => [name, name])) as Record<string, PictureFormat>,
        pictureFormats.join(', '),
      ),
    )
    .option('--quality <n>', 'of JPEG and WebP, 1 to 100', integerOption('--quality'))
    .option('--no-mark', 'do not mark pictures as made by a model (IPTC)')
    .option('--preview <steps>', 'write preview.png every so many steps', integerOption('--preview'))
    .option('--out <path>', 'a .png, .jpg or .webp file, or a folder', 'out')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
