/** @file From what a user calls a LoRA to its file. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { badInput, editDistance, usageError } from '../errors.ts';
import { openSafetensors } from '../files/index.ts';
import { isLoraFolder } from '../lora/index.ts';

const ending = '.safetensors';
/** What a LoRA is called by its file. */
export const loraName = (path: string): string => basename(path).replace(/\.safetensors$/i, '');
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
/** A file, or a folder that PEFT or Diffusers wrote. */
const isLora = (path: string): boolean => isFile(path) || isLoraFolder(path);

/** All LoRA files below a folder, at most four levels deep; links to files count, links to folders do not. */
function filesBelow(folder: string, depth = 4): string[] {
  if (depth === 0 || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readEntries(folder).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      return filesBelow(path, depth - 1);
    return entry.name.toLowerCase().endsWith(ending) && isFile(path) ? [path] : [];
  });
}

/** A folder that may not be read holds nothing that could be used. */
function readEntries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** The name that was given at training (`ss_output_name`), which A1111 puts into prompts; undefined without one. */
function alias(path: string): string | undefined {
  try {
    return openSafetensors(path).metadata.ss_output_name?.toLowerCase();
  } catch {
    return undefined; // not a readable file: then it has no alias either
  }
}

/** Files that are called `name`: by path, whole or from some folder on, and else by alias. */
function filesCalled(name: string, files: readonly string[]): string[] {
  const wanted = `/${name.replaceAll('\\', '/').replace(/\.safetensors$/i, '')}`.toLowerCase();
  const byPath = files.filter(path =>
    path.replaceAll('\\', '/').slice(0, -ending.length).toLowerCase().endsWith(wanted),
  );
  return byPath.length > 0 ? byPath : files.filter(path => alias(path) === wanted.slice(1));
}

function notFound(
  message: string,
  name: string,
  files: readonly string[],
  folders: readonly string[],
): Error {
  const wanted = loraName(name).toLowerCase();
  const near = [...new Set(files.map(loraName))]
    .map(candidate => ({ candidate, far: editDistance(candidate.toLowerCase(), wanted) }))
    .sort((a, b) => a.far - b.far)
    .slice(0, 3);
  const hint =
    near.length > 0
      ? `Nearest names: ${near.map(({ candidate }) => candidate).join(', ')}.`
      : `No LoRA files in ${folders.join(', ')}.`;
  return badInput('LORA_NOT_FOUND', message, hint);
}

/** Finds `<lora:name>` in the given folders. A missing or ambiguous name is an error that lists candidates. */
export function findLora(name: string, folders: readonly string[]): string {
  const direct = [name, name + ending].find(isLora);
  if (direct) return resolve(direct);
  const files = [...new Set(folders.flatMap(folder => filesBelow(folder)).map(path => resolve(path)))];
  const hits = filesCalled(name, files);
  if (hits.length === 1) return hits[0];
  if (hits.length === 0) throw notFound(`no LoRA is called ${name}`, name, files, folders);
  throw usageError(
    'LORA_AMBIGUOUS',
    `<lora:${name}> could be ${hits.join(' or ')}`,
    'Write more of the path in the tag, or give the file with --lora.',
  );
}

/** What a LoRA is given with. */
export interface GivenLora {
  readonly path: string;
  readonly strength: number;
  readonly textStrength?: number | undefined;
  /** As written; `parseBlockWeights` reads them for a family. */
  readonly blocks?: string | undefined;
}

const optionHint =
  'Write file.safetensors:0.8, and behind it, where wanted, te=0.5 for the text encoder and lbw=… for blocks.';

/** Takes `:0.8`, `:te=0.5`, `:lbw=…` off the end. A Windows drive letter is no strength. */
function splitSettings(text: string): { path: string; settings: string[] } {
  const settings: string[] = [];
  let path = text;
  while (!isLora(path)) {
    const match = /^(.+):([^:/\\]*)$/.exec(path);
    if (!match) break;
    settings.unshift(match[2]);
    path = match[1];
  }
  return { path, settings };
}

function parseSettings(settings: readonly string[], text: string): Omit<GivenLora, 'path'> {
  const given = new Map<string, string>();
  for (const setting of settings) {
    const [, name = 'unet', value = setting] = /^(te|unet|lbw)=(.*)$/.exec(setting) ?? [];
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
  };
}

/**
 * Parses `file.safetensors:0.8:te=0.5:lbw=INALL`; the strength is 1 unless given, on the text encoder as on the UNet. A
 * file whose own name ends like that is itself. A name without a file is looked for as in a tag.
 */
export function parseLoraOption(text: string, folders: readonly string[]): GivenLora {
  const { path, settings } = splitSettings(text);
  const given = parseSettings(settings, text);
  if (existsSync(path) && !isLora(path)) {
    const hint = 'Give one of the files in it, or a folder that PEFT wrote.';
    throw usageError('LORA_NOT_A_FILE', `--lora ${path} is a folder`, hint);
  }
  const isPath = extname(path) !== '' || /[/\\]/.test(path);
  if (isPath && !isLora(path) && !isFile(path + ending)) {
    const folder = dirname(path);
    throw notFound(`there is no file ${path}`, path, filesBelow(folder, 1), [folder]);
  }
  return { path: findLora(path, folders), ...given };
}
