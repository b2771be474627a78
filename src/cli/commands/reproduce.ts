/** @file `lora reproduce`: makes a picture again from what it says of itself. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { Command } from 'commander';
import { LoraError, usageError } from '../../errors.ts';
import { ensureWritableFolder, readPictureTexts, writeFileAtomic } from '../../files/index.ts';
import {
  type FinishedPicture,
  openWorkshop,
  type PictureSettings,
  type PictureText,
  readPicture,
  readPictureText,
  settlePictures,
  type Workshop,
  wishOfFound,
} from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  checkDevice,
  type DeviceName,
  deviceHelp,
  oneLine,
  openDevice,
  openModelHash,
  showSeconds,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { openNotes } from '../generate/notes.ts';
import { describeLora, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { collect } from '../numbers.ts';
import { holdUnet, openPictureFolders, type PictureFolders } from '../picture-options/folders.ts';
import { oneOf } from '../picture-options/values.ts';
import { checkModel, checkParts, type HoldOptions, heldAs, heldSettings } from '../reproduce/base.ts';
import { describeLikeness, likenessOf } from '../reproduce/likeness.ts';
import { findLoras, type LorasHere } from '../reproduce/loras.ts';
import { type Start, startOf } from '../reproduce/start.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, HoldOptions, LoadOptions {
  loraFolder: string[];
  embeddingFolder: string[];
  init?: string;
  mask?: string;
  mark: boolean;
  out?: string;
  show: boolean;
  device: DeviceName;
  json: boolean;
}

/** Our own record, with the files of this machine. */
function settingsOfRecord(
  { settings }: NonNullable<PictureText['record']>,
  { init: initPath, mask: maskPath }: Start,
  loras: LorasHere,
): PictureSettings {
  const { init, inpaint } = settings;
  return {
    ...settings,
    loras: settings.loras.map(lora => ({ ...lora, path: loras.pathOf(lora) })),
    ...(init && initPath ? { init: { ...init, picture: { ...init.picture, path: initPath } } } : {}),
    ...(inpaint && maskPath ? { inpaint: { ...inpaint, mask: { ...inpaint.mask, path: maskPath } } } : {}),
  };
}

async function settingsOf(
  text: PictureText,
  { checkpoint, loras, start }: { checkpoint: Checkpoint; loras: LorasHere; start: Start },
  note: (text: string) => void,
): Promise<PictureSettings> {
  if (text.record) return settingsOfRecord(text.record, start, loras);
  const { denoising, hires } = text.settings;
  if (denoising !== undefined && denoising < 1 && !hires && !start.init)
    note(`denoising strength ${denoising}: if the picture was made from another, give that with --init`);
  const { wish, findings } = wishOfFound(text.settings, { ...start, pathOf: loras.pathOf });
  // Without wildcards: what stands in a picture is what was drawn.
  const settled = await settlePictures(wish, { checkpoint });
  for (const finding of [...findings, ...settled.findings]) note(finding);
  const unused = Object.keys(text.other);
  if (unused.length > 0) note(`not understood, and without effect: ${unused.join(', ')}`);
  return settled.settings[0];
}

/** What a picture says of itself, without drawing anything. */
async function show(picture: string, terminal: Terminal): Promise<void> {
  const { program, record, settings: found, other, findings, parameters } = await readPictureText(picture);
  const settings = JSON.parse(
    JSON.stringify(record?.settings ?? found, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  );
  const lines = Object.entries({ ...settings, ...other }).map(([name, value]) =>
    oneLine(`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`),
  );
  for (const { message } of findings) terminal.note(oneLine(message));
  terminal.result({ program, settings, other, parameters }, [`made with ${program}`, ...lines].join('\n'));
}

/** IPTC's mark is given to the new picture where the old one has it; pictures of other programs are generated, too. */
const isMarked = (picture: string, { record }: PictureText): boolean =>
  !record || readPictureTexts(readFileSync(picture), picture).xmp?.includes('DigitalSourceType') === true;

/** Folders to look in: the picture's own comes before those that are given. */
function openFolders(picture: string, options: Options): { folders: PictureFolders; looked: string[] } {
  const own = resolve(dirname(picture));
  const loraFolder = own === resolve('.') ? options.loraFolder : [own, ...options.loraFolder];
  const folders = openPictureFolders({ ...options, loraFolder, wildcardFolder: [] });
  return { folders, looked: ['.', ...loraFolder].map(folder => resolve(folder)) };
}

function outPath(picture: string, { out: given }: Options): string {
  const out = resolve(given ?? `${picture.slice(0, picture.length - extname(picture).length)}-again.png`);
  if (existsSync(out)) throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another --out.');
  if (extname(out).toLowerCase() !== '.png') throw usageError('OUT_NOT_PNG', `--out ${out} must end in .png`);
  return out;
}

async function drawOne(
  workshop: Workshop,
  settings: PictureSettings,
  terminal: Terminal,
): Promise<FinishedPicture> {
  const signal = interruptible(() => terminal.note('stopping after this step …'));
  const told = openNotes(terminal);
  let made: FinishedPicture | undefined;
  try {
    await workshop.prepare([settings]);
    await workshop.draw([settings], {
      signal,
      onStep: ({ step, steps }) => terminal.progress(`step ${step}/${steps}`),
      onPicture(_, picture) {
        told(picture);
        made = picture;
      },
    });
  } finally {
    await workshop.release();
  }
  if (!made) throw new LoraError('INTERNAL', 'no picture was made');
  return made;
}

async function run(picture: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  if (options.show) return show(picture, terminal);
  const note = (text: string): void => terminal.note(oneLine(text));
  checkDevice(options.device);
  const out = outPath(picture, options);
  const text = await readPictureText(picture);
  for (const { message } of text.findings) note(message);
  const { name: model } = text.record?.settings.model ?? text.settings.model ?? {};
  note(`made with ${text.program}${model === undefined ? '' : `, model ${model}`}`);
  const old = await readPicture(picture);
  const { folders, looked } = openFolders(picture, options);
  const start = startOf(text, picture, options);
  const loras = findLoras(text, folders.loras, { looked, note });
  const held = heldAs(text, options);
  checkParts(text, held, note);
  const checkpoint = holdUnet(openBase(options, note), { baseWeights: held.baseWeights ?? 'file' });
  const found = await settingsOf(text, { checkpoint, loras, start }, note);
  const settings = heldSettings(found, checkpoint, held);
  await ensureWritableFolder(dirname(out));
  const modelHash = openModelHash(checkpoint);
  try {
    await checkModel(text, checkpoint, modelHash.hash, note);
    const session = await openDevice(options.device, note);
    const workshop = openWorkshop({
      ...{ checkpoint, session, modelHash: modelHash.hash, load: options, embeddings: folders.embeddings },
      ...{ loras: loras.folders, tiledVae: held.tiledVae, closesAtEnd: true },
      mark: options.mark && isMarked(picture, text),
      onLora: lora => terminal.note(describeLora(lora)),
    });
    const made = await drawOne(workshop, settings, terminal);
    await writeFileAtomic(out, made.bytes, { keepExisting: true });
    const likeness = likenessOf(old, made);
    const seconds = performance.now() / 1000;
    const isLossy = extname(picture).toLowerCase() !== '.png';
    terminal.result(
      { file: out, seconds, program: text.program, ...likeness, parameters: made.parameters },
      `${out}\n${describeLikeness(likeness, isLossy)}, in ${showSeconds(seconds)}`,
    );
  } finally {
    modelHash.stop();
  }
}

export function reproduceCommand(): Command {
  return withLoadOptions(withBase(new Command('reproduce')))
    .description('make a picture again from what it says of itself')
    .argument('<picture>', 'a picture of lora, A1111, Forge, ComfyUI, InvokeAI, SwarmUI …')
    .option(
      '--lora-folder <folder>',
      'where LoRAs are looked for, by hash and by name; may be given again',
      collect,
      [],
    )
    .option('--embedding-folder <folder>', 'textual inversions; may be given again', collect, [])
    .option('--init <picture>', 'the picture it was made from; default: the file of that name beside it')
    .option('--mask <picture>', 'its mask; default: the file of that name beside it, where its name is known')
    .option(
      '--base-weights <form>',
      'how the UNet is held: file, float16 or int8; default: as for the picture',
      oneOf('--base-weights', ['file', 'float16', 'int8'] as const),
    )
    .option('--tiled-vae', 'decode in tiles; default: as for the picture', false)
    .option('--no-mark', 'do not mark the picture as made by a model (IPTC); default: as the picture was')
    .option('--show', 'only say what the picture says of itself', false)
    .option('--out <file>', 'default: the name of the picture with -again.png')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
