/** @file A LoRA given by path or by name, with its settings behind it. */
import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { badInput, LoraError, usageError } from '../errors.ts';
import { isLoraFolder } from '../lora/index.ts';
import { listFolder } from './find-lora/listing.ts';
import { type LoraFolders, loraName, openLoraFolders } from './find-lora/lora-folders.ts';
import { nearHint, shownFolders } from './find-lora/near-names.ts';
import { checkStepRange, splitSteps } from './prompt/step-range.ts';

export { type LoraFolders, loraName, openLoraFolders };

const ending = '.safetensors';
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
/** A file, or a folder that PEFT or Diffusers wrote. */
const isLora = (path: string): boolean => isFile(path) || isLoraFolder(path);

/** Folders to look in; opened ones are listed once for many questions. */
export type GivenFolders = LoraFolders | readonly string[];
const opened = (folders: GivenFolders): LoraFolders =>
  'files' in folders ? folders : openLoraFolders(folders);

/**
 * Finds a LoRA by its path, else by what it is called in the given folders (`LoraFolders.find`). A missing or ambiguous
 * name is an error that lists candidates. Names out of a prompt go to `LoraFolders.find`, which stays in its folders.
 */
export function findLora(name: string, folders: GivenFolders): string {
  const known = opened(folders);
  const direct = known.namesOnly ? undefined : [name, name + ending].find(isLora);
  return direct ? resolve(direct) : known.find(name);
}

/** What a LoRA is given with. */
export interface GivenLora {
  readonly path: string;
  readonly strength: number;
  readonly textStrength?: number | undefined;
  /** As written; `parseBlockWeights` reads them for a family. */
  readonly blocks?: string | undefined;
  /** The steps with it, as written; `stepRange` reads them. */
  readonly start?: string | undefined;
  readonly stop?: string | undefined;
}

const optionHint =
  'Write file.safetensors:0.8, and behind it, where wanted, te=0.5 for the text encoder, lbw=… for blocks, ' +
  'start=5, stop=0.5 or step=5-10 for steps.';

/** Takes `:0.8`, `:te=0.5`, `:lbw=…` off the end. A Windows drive letter is no strength. */
function splitSettings(text: string): { path: string; settings: string[] } {
  const settings: string[] = [];
  let path = text;
  while (!isLora(path)) {
    const match = /^(.+):([^:/\\]*)$/.exec(path);
    if (!match || /^hash$/i.test(match[1])) break;
    settings.unshift(match[2]);
    path = match[1];
  }
  return { path, settings };
}

const settingPattern = /^(te|unet|lbw|start|stop|step)=(.*)$/;

function stepsOf(given: ReadonlyMap<string, string>, text: string): Pick<GivenLora, 'start' | 'stop'> {
  const step = given.get('step');
  if (step !== undefined && (given.has('start') || given.has('stop')))
    throw usageError('LORA_STRENGTH', `--lora ${text}: step= beside start= or stop=`, optionHint);
  try {
    const [start, stop] = step === undefined ? [given.get('start'), given.get('stop')] : splitSteps(step);
    checkStepRange(start, stop);
    return { ...(start === undefined ? {} : { start }), ...(stop === undefined ? {} : { stop }) };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    throw usageError(error.code, `--lora ${text}: ${error.message}`, error.hint ?? optionHint);
  }
}

function parseSettings(settings: readonly string[], text: string): Omit<GivenLora, 'path'> {
  const given = new Map<string, string>();
  for (const setting of settings) {
    const [, name = 'unet', value = setting] = settingPattern.exec(setting) ?? [];
    if (given.has(name))
      throw usageError('LORA_STRENGTH', `--lora ${text}: ${name} is given twice`, optionHint);
    given.set(name, value);
  }
  const number = (name: string): number | undefined => {
    const value = given.get(name);
    if (value === undefined) return undefined;
    if (value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
    throw usageError('LORA_STRENGTH', `--lora ${text}: "${value}" is not a strength`, optionHint);
  };
  const [textStrength, blocks] = [number('te'), given.get('lbw')];
  return {
    strength: number('unet') ?? 1,
    ...(textStrength === undefined ? {} : { textStrength }),
    ...(blocks === undefined ? {} : { blocks }),
    ...stepsOf(given, text),
  };
}

/** A path that leads nowhere is never another file of that name. */
function missingFile(path: string): Error {
  const folder = dirname(path);
  const names = listFolder(folder, { endings: [ending], depth: 1 }).files.map(file => loraName(file.path));
  const hint = nearHint(
    loraName(path),
    names,
    `No LoRA files of a name like that in ${shownFolders([folder])}.`,
  );
  return badInput('LORA_NOT_FOUND', `there is no file ${path}`, hint);
}

export interface LoraOptionUse {
  /** Whether there are steps, so that `start=`, `stop=` and `step=` mean something. */
  readonly steps?: boolean;
}

/**
 * Parses `file.safetensors:0.8:te=0.5:lbw=INALL:step=5-10`; the strength is 1 unless given, on the text encoder as on the
 * UNet. A file whose own name ends like that is itself. A name without a file is looked for as in a tag.
 * Throws LORA_STRENGTH, LORA_STEP_RANGE, LORA_NOT_A_FILE, LORA_NOT_FOUND and LORA_AMBIGUOUS.
 */
export function parseLoraOption(
  text: string,
  folders: GivenFolders,
  { steps = false }: LoraOptionUse = {},
): GivenLora {
  const { path, settings } = splitSettings(text);
  const given = parseSettings(settings, text);
  if (!steps && (given.start ?? given.stop) !== undefined)
    throw usageError(
      'LORA_STEP_RANGE',
      `--lora ${text}: there are no steps here that it could be on in`,
      'Leave start=, stop= and step= out; they are for generating.',
    );
  if (existsSync(path) && !isLora(path)) {
    const hint = 'Give one of the files in it, or a folder that PEFT wrote.';
    throw usageError('LORA_NOT_A_FILE', `--lora ${path} is a folder`, hint);
  }
  const isPath = /[/\\]|\.(?:safetensors|pt|pth|ckpt|bin)$/i.test(path);
  if (isPath && !isLora(path) && !isFile(path + ending)) throw missingFile(path);
  return { path: findLora(path, folders), ...given };
}
