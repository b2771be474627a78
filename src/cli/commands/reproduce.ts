/** @file `lora reproduce`: makes a picture again from what it says of itself. */
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { badInput, LoraError, usageError } from '../../errors.ts';
import { ensureWritableFolder, writeFileAtomic } from '../../files/index.ts';
import {
  type FinishedPicture,
  findLorasByHash,
  type LoraFolders,
  openLoraFolders,
  openWorkshop,
  type PictureSettings,
  type PictureText,
  readPicture,
  readPictureText,
  settlePictures,
  type WantedLora,
  wishOfFound,
} from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { describeLora, type LoadOptions, withLoadOptions } from '../lora-report.ts';
import { openModelHash } from '../model-hash.ts';
import { collect } from '../numbers.ts';
import { openPictureFolders, type PictureFolders } from '../picture-options/folders.ts';
import { interruptible, openTerminal, showSeconds, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, LoadOptions {
  loraFolder: string[];
  embeddingFolder: string[];
  init?: string;
  mask?: string;
  out?: string;
  show: boolean;
  device: DeviceName;
  json: boolean;
}

/** LoRAs that the text names, found by their hashes or names. Throws LORAS_MISSING with the name and hash of each. */
async function findLoras(
  { settings: { loras = [] } }: PictureText,
  folders: readonly string[],
  note: (text: string) => void,
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map<string, WantedLora>(loras.map(({ name, hash }) => [name, { name, hash }]));
  const { found, missing } = await findLorasByHash([...wanted.values()], openLoraFolders(folders).files());
  if (missing.length > 0) {
    const list = missing.map(({ name, hash }) => (hash ? `${name} (hash ${hash})` : name)).join(', ');
    const hint = `Looked in ${folders.join(', ')}; --lora-folder names another folder.`;
    throw badInput('LORAS_MISSING', `the picture was made with LoRAs that are not here: ${list}`, hint);
  }
  for (const { wanted, path, differs } of found) {
    if (differs)
      note(`${wanted.name}: ${path} is called so, but holds other numbers than the picture was made with`);
    else if (basename(path, extname(path)) !== basename(wanted.name))
      note(`${wanted.name} is called ${path} here`);
  }
  return new Map(found.map(({ wanted, path }) => [wanted.name, path]));
}

/** The picture it started from: given, or lying beside it under its name. */
function startPath(
  given: string | undefined,
  name: string | undefined,
  picture: string,
  option: string,
): string | undefined {
  if (given !== undefined) return given;
  if (name === undefined) return undefined;
  const beside = join(dirname(picture), basename(name));
  if (existsSync(beside)) return beside;
  const hint = `Give it with ${option}.`;
  throw badInput('PICTURE_NOT_FOUND', `the picture was made from ${name}, which is not beside it`, hint);
}

/** Our own record, with the files of this machine. */
function settingsOfRecord(
  { settings }: NonNullable<PictureText['record']>,
  picture: string,
  paths: ReadonlyMap<string, string>,
  options: Options,
): PictureSettings {
  const { init, inpaint } = settings;
  const initPath = startPath(options.init, init?.picture.path, picture, '--init');
  const maskPath = startPath(options.mask, inpaint?.mask.path, picture, '--mask');
  return {
    ...settings,
    loras: settings.loras.map(lora => ({ ...lora, path: paths.get(lora.name) ?? lora.path })),
    ...(init && initPath ? { init: { ...init, picture: { ...init.picture, path: initPath } } } : {}),
    ...(inpaint && maskPath ? { inpaint: { ...inpaint, mask: { ...inpaint.mask, path: maskPath } } } : {}),
  };
}

/** A LoRA in a prompt is what was found for its name, wherever it lies and whatever it is called. */
const withFound = (folders: LoraFolders, paths: ReadonlyMap<string, string>): LoraFolders => ({
  ...folders,
  find: name => paths.get(name) ?? folders.find(name),
});

async function settingsOf(
  text: PictureText,
  picture: string,
  paths: ReadonlyMap<string, string>,
  {
    checkpoint,
    folders,
    options,
    terminal,
  }: { checkpoint: Checkpoint; folders: PictureFolders; options: Options; terminal: Terminal },
): Promise<PictureSettings> {
  if (text.record) return settingsOfRecord(text.record, picture, paths, options);
  const { init, inpaint } = text.settings;
  if ((init || inpaint) && !options.init)
    throw badInput(
      'PICTURE_NOT_FOUND',
      `the picture was made from another${init?.name ? `, ${init.name}` : ''}`,
      'Give it with --init, and its mask with --mask.',
    );
  const { wish, findings } = wishOfFound(text.settings, {
    pathOf: name => paths.get(name) ?? folders.loras.find(name),
    ...{ init: options.init, mask: options.mask },
  });
  const settled = await settlePictures(wish, { checkpoint, wildcards: folders.wildcards });
  for (const finding of [...findings, ...settled.findings]) terminal.note(finding);
  const unused = Object.keys(text.other);
  if (unused.length > 0) terminal.note(`not understood, and without effect: ${unused.join(', ')}`);
  return settled.settings[0];
}

/** Says when the base is another: the picture then comes out differently. */
async function checkModel(
  { settings: { model } }: PictureText,
  checkpoint: Checkpoint,
  hash: () => Promise<string | undefined>,
  note: (text: string) => void,
): Promise<void> {
  if (!model?.hash) return;
  const own = await hash();
  if (own?.startsWith(model.hash.slice(0, 10))) return;
  note(
    `the picture was made with ${model.name ?? 'a checkpoint'} of hash ${model.hash}; ${checkpoint.name} has ${own?.slice(0, 10)}: expect another picture (--base gives the right one)`,
  );
}

interface Likeness {
  readonly identical: boolean;
  /** Mean difference of all levels, 0 … 255. */
  readonly meanDifference: number;
}

/** How far the new pixels are from the old; undefined where the sizes differ. */
function compare(
  old: Pick<FinishedPicture, 'data'>,
  made: Pick<FinishedPicture, 'data'>,
): Likeness | undefined {
  if (old.data.length !== made.data.length) return undefined;
  let sum = 0;
  for (let i = 0; i < old.data.length; i++) sum += Math.abs(old.data[i] - made.data[i]);
  return { identical: sum === 0, meanDifference: sum / old.data.length };
}

function describe(likeness: Likeness | undefined, isLossy: boolean): string {
  if (!likeness) return 'the size is another';
  if (likeness.identical) return 'the same pixels';
  const difference = `differs by ${likeness.meanDifference.toFixed(2)} of 255 levels on average`;
  return isLossy ? `${difference} from the compressed original` : difference;
}

/** What a picture says of itself, without drawing anything. */
async function show(picture: string, terminal: Terminal): Promise<void> {
  const { program, settings, other, findings, parameters } = await readPictureText(picture);
  const plain = JSON.parse(
    JSON.stringify(settings, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  );
  const lines = Object.entries({ ...plain, ...other }).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  for (const { message } of findings) terminal.note(message);
  terminal.result(
    { program, settings: plain, other, parameters },
    [`made with ${program}`, ...lines].join('\n'),
  );
}

async function run(picture: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  if (options.show) return show(picture, terminal);
  const note = (text: string): void => terminal.note(text);
  checkDevice(options.device);
  const ending = extname(picture);
  const out = resolve(options.out ?? `${picture.slice(0, picture.length - ending.length)}-again.png`);
  if (existsSync(out)) throw usageError('OUT_EXISTS', `${out} is there already`, 'Choose another --out.');
  if (extname(out).toLowerCase() !== '.png') throw usageError('OUT_NOT_PNG', `--out ${out} must end in .png`);
  const text = await readPictureText(picture);
  for (const { message } of text.findings) note(message);
  note(`made with ${text.program}${text.settings.model?.name ? `, model ${text.settings.model.name}` : ''}`);
  const lists = ['.', dirname(picture), ...options.loraFolder];
  const paths = await findLoras(text, [...new Set(lists.map(folder => resolve(folder)))], note);
  const folders = openPictureFolders({ ...options, wildcardFolder: [] });
  const checkpoint = openBase(options, note);
  const modelHash = openModelHash(checkpoint);
  const signal = interruptible(() => note('stopping after this step …'));
  try {
    const settings = await settingsOf(text, picture, paths, { checkpoint, folders, options, terminal });
    const session = await openDevice(options.device, note);
    const workshop = openWorkshop({
      ...{ checkpoint, session, modelHash: modelHash.hash, load: options, embeddings: folders.embeddings },
      loras: withFound(folders.loras, paths),
      onLora: lora => note(describeLora(lora)),
    });
    await ensureWritableFolder(dirname(out));
    let made: FinishedPicture | undefined;
    await workshop.draw([settings], {
      signal,
      onStep: ({ step, steps }) => terminal.progress(`step ${step}/${steps}`),
      onPicture: (_, drawn) => {
        made = drawn;
      },
    });
    await workshop.release();
    if (!made) throw new LoraError('INTERNAL', 'no picture was made');
    await checkModel(text, checkpoint, modelHash.hash, note);
    await writeFileAtomic(out, made.bytes, { keepExisting: true });
    const likeness = compare(await readPicture(picture), made);
    const seconds = performance.now() / 1000;
    const isLossy = ending.toLowerCase() !== '.png';
    terminal.result(
      { file: out, seconds, program: text.program, ...likeness, parameters: made.parameters },
      `${out}\n${describe(likeness, isLossy)}, in ${showSeconds(seconds)}`,
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
    .option('--mask <picture>', 'its mask')
    .option('--show', 'only say what the picture says of itself', false)
    .option('--out <file>', 'default: the name of the picture with -again.png')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
