/** @file `lora generate`: a prompt becomes pictures. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import {
  type LoadedLora,
  openWorkshop,
  type PictureFormat,
  type PictureSettings,
  type PictureWish,
  pictureFormats,
  type SettleOptions,
  settlePictures,
} from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  checkDevice,
  type DeviceName,
  deviceHelp,
  openDevice,
  openModelHash,
  openTimeLeft,
  showSeconds,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { openNotes } from '../generate/notes.ts';
import { type OutputFiles, openOutputFiles } from '../generate/output-files.ts';
import { openPreviewFile } from '../generate/preview-file.ts';
import { promptsOf } from '../generate/prompt-file.ts';
import { describeLora, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { choiceOption, integerOption } from '../numbers.ts';
import { holdUnet, openPictureFolders } from '../picture-options/folders.ts';
import { type PictureOptions, withPictureOptions } from '../picture-options/options.ts';
import { wishOf } from '../picture-options/wish.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, LoadOptions, PictureOptions {
  prompts?: string;
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

/** JPEG and WebP lose something; how much is the quality. */
function checkQuality(quality: number | undefined, format: PictureFormat): void {
  if (quality === undefined) return;
  if (quality < 1 || quality > 100)
    throw usageError('OPTION_INVALID', `--quality ${quality}: give a whole number from 1 to 100`);
  if (format === 'png')
    throw usageError(
      'OPTION_NEEDS',
      '--quality has no effect on PNG, which loses nothing',
      'Leave it out, or give --format jpeg or webp.',
    );
}

/** Counts that are none. */
function checkCounts({ batch, preview }: Options): void {
  if (batch < 1)
    throw usageError('COUNT_INVALID', `--batch ${batch}: give a whole number of pictures of at least 1`);
  if (preview !== undefined && preview < 1)
    throw usageError('OPTION_INVALID', `--preview ${preview}: give a whole number of steps of at least 1`);
}

/** Numbers that JSON readers hold exactly stay numbers. */
const seedToJson = (seed: bigint): number | string =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed);

interface Plan {
  readonly checkpoint: Checkpoint;
  readonly settings: readonly PictureSettings[];
  readonly outputs: OutputFiles;
}

interface Drawn {
  /** From the start of the process until the first step began, and was done. */
  readonly firstStepBeginsSeconds: number;
  readonly firstStepSeconds: number;
  /** Of every step. */
  readonly stepSeconds: readonly number[];
  readonly loras: readonly LoadedLora[];
  readonly files: readonly string[];
  readonly parameters: readonly string[];
}

/** Draws and writes; seconds are from the start of the process. */
async function draw(
  plan: Plan,
  options: Options,
  folders: ReturnType<typeof openPictureFolders>,
  terminal: Terminal,
): Promise<Drawn> {
  const { checkpoint, settings, outputs } = plan;
  const { format, folder } = outputs;
  const signal = interruptible(() => terminal.note('stopping after this step …'));
  const session = await openDevice(options.device, text => terminal.note(text));
  const modelHash = openModelHash(checkpoint);
  const loras: LoadedLora[] = [];
  const workshop = openWorkshop({
    ...{ tiledVae: options.tiledVae, closesAtEnd: true },
    ...{ checkpoint, session, format, mark: options.mark, modelHash: modelHash.hash },
    ...{ loras: folders.loras, embeddings: folders.embeddings, load: options, quality: options.quality },
    onLora(lora) {
      loras.push(lora);
      terminal.note(describeLora(lora));
    },
  });
  const note = openNotes(terminal);
  const preview = openPreviewFile(checkpoint, {
    ...{ folder, every: options.preview, note: text => terminal.note(text) },
  });
  const timeLeft = openTimeLeft();
  const [files, parameters]: [string[], string[]] = [[], []];
  let made: Awaited<ReturnType<OutputFiles['prepare']>> | undefined;
  let firstStepSeconds = 0;
  let firstStepBeginsSeconds = 0;
  const stepSeconds: number[] = [];
  let before = 0;
  let done = 0;
  try {
    await workshop.prepare(settings, options.batch);
    made = await outputs.prepare();
    await workshop.draw(settings, {
      ...{ batch: options.batch, signal },
      onBegin() {
        before = performance.now() / 1000;
        firstStepBeginsSeconds ||= before;
      },
      onStep(event) {
        const now = performance.now() / 1000;
        firstStepSeconds ||= now;
        stepSeconds.push(now - before);
        before = now;
        const { step, steps, pictures } = event;
        const [from, to] = [pictures[0] + 1, (pictures.at(-1) ?? 0) + 1];
        const name = pictures.length > 1 ? `pictures ${from}–${to}` : `picture ${from}`;
        const share = (done + (step / steps) * pictures.length) / settings.length;
        terminal.progress(`${name} of ${settings.length}  step ${step}/${steps}${timeLeft(share)}`);
        preview.step(event);
      },
      async onPicture(i, picture) {
        note(picture);
        files[i] = await outputs.write(i, picture.settings.seed, picture.bytes);
        parameters[i] = picture.parameters;
        done++;
      },
    });
  } catch (error) {
    if (done > 0)
      terminal.note(`${done} of ${settings.length} pictures were finished and are kept: ${folder}`);
    throw error;
  } finally {
    modelHash.stop();
    await preview.end();
    made?.undo();
    await workshop.release();
  }
  return { firstStepBeginsSeconds, firstStepSeconds, stepSeconds, loras, files, parameters };
}

const mostPictures = 100_000;

/** The settings of every picture: those of a prompt one after the other, with the same seeds for each prompt. */
async function settleAll(
  prompts: readonly string[],
  wish: PictureWish,
  options: SettleOptions,
  note: (text: string) => void,
): Promise<PictureSettings[]> {
  const all: PictureSettings[] = [];
  const said = new Set<string>();
  for (const prompt of prompts) {
    const { settings, findings } = await settlePictures({ ...wish, prompt }, options);
    for (const finding of findings) said.add(finding);
    all.push(...settings);
    if (all.length > mostPictures)
      throw usageError('COUNT_INVALID', `more than ${mostPictures} pictures in one run`);
  }
  for (const finding of said) note(finding);
  return all;
}

async function run(prompt: string | undefined, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  checkCounts(options);
  checkDevice(options.device);
  const folders = openPictureFolders(options);
  const prompts = promptsOf(prompt, options.prompts);
  const wish = wishOf(prompts[0], options, options.count, folders);
  const checkpoint = holdUnet(
    openBase(options, text => terminal.note(text)),
    options,
  );
  const settings = await settleAll(prompts, wish, { checkpoint, wildcards: folders.wildcards }, text =>
    terminal.note(text),
  );
  const seeds = settings.map(({ seed }) => seed);
  const outputs = openOutputFiles(options.out, { format: options.format, count: settings.length });
  checkQuality(options.quality, outputs.format);
  const drawn = await draw({ checkpoint, settings, outputs }, options, folders, terminal);
  const seconds = performance.now() / 1000;
  terminal.result(
    {
      files: drawn.files,
      ...{ seconds, firstStepBeginsSeconds: drawn.firstStepBeginsSeconds },
      ...{ firstStepSeconds: drawn.firstStepSeconds, stepSeconds: drawn.stepSeconds },
      seeds: seeds.map(seedToJson),
      loras: drawn.loras.map(({ path, strength, textStrength = strength, blocksText, report }) => ({
        ...{ path, strength, textStrength },
        ...(blocksText === undefined ? {} : { blocks: blocksText }),
        report,
      })),
      pictures: settings.map(({ seed, prompt: text }, i) => ({
        ...{ file: drawn.files[i], seed: seedToJson(seed), prompt: text, parameters: drawn.parameters[i] },
      })),
      parameters: drawn.parameters[0],
    },
    `${drawn.files.join('\n')}\n${drawn.files.length} picture${drawn.files.length > 1 ? 's' : ''} in ${showSeconds(seconds)}, seed ${seeds[0]}`,
  );
}

export function generateCommand(): Command {
  const command = withBase(new Command('generate').optionsGroup('Model:'));
  return withPictureOptions(withLoadOptions(command.optionsGroup('LoRAs and words of their own:')))
    .description('generate pictures from a prompt, with any number of LoRAs')
    .argument('[prompt]', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .optionsGroup('Output:')
    .option(
      '--prompts <file>',
      'in place of the prompt a file with a prompt a line, each with LoRAs of its own',
    )
    .option('--count <n>', 'number of pictures of each prompt', integerOption('--count'), 1)
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
