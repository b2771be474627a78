/**
 * @file The files that one training left, in the order of their steps: those on the way and the last one. Names are
 * kohya's (`x-000002`, `x-step00000100`), which are ours too, and AI Toolkit's (`x_000000100`).
 */
import { readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { badInput, usageError } from '../../errors.ts';
import { isFolder, openSafetensors } from '../../files/index.ts';
import { isLoraFolder } from '../../lora/index.ts';
import { hashesOfFile } from '../find-lora/tensor-hash.ts';
import { findLora, type LoraFolders, loraName } from '../find-lora.ts';

export interface EpochFile {
  readonly path: string;
  /** `epoch 2`, `step 100`, `best`, `final`; `step 240 · best` where the best is what was saved then */
  readonly label: string;
  /** Finished steps, where the file or its name says them. */
  readonly step: number | undefined;
  /** Where the last file of the training is, or would be. */
  readonly training: string;
}

interface Named {
  readonly path: string;
  readonly stem: string;
  readonly kind: 'epoch' | 'step' | 'best' | 'final';
  readonly count: number;
}

const ending = /\.safetensors$/i;

const marks: readonly { readonly kind: Named['kind']; readonly pattern: RegExp }[] = [
  { kind: 'step', pattern: /-step(\d{8,})$/i },
  { kind: 'epoch', pattern: /-(\d{6,})$/ },
  { kind: 'step', pattern: /_(\d{9,})$/ },
  { kind: 'best', pattern: /-best()$/i },
];

/** What a file's name says of it; `stem` is what training called the LoRA. */
function parseName(path: string): Named {
  const name = loraName(path);
  for (const { kind, pattern } of marks) {
    const match = pattern.exec(name);
    if (match && match.index > 0)
      return { path, stem: name.slice(0, match.index), kind, count: Number(match[1] || 0) };
  }
  return { path, stem: name, kind: 'final', count: 0 };
}

function filesIn(folder: string): Named[] {
  if (!isFolder(folder)) return [];
  const names = readdirSync(folder).filter(name => ending.test(name) && !name.startsWith('.'));
  return names.map(name => parseName(join(folder, name)));
}

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;

interface Dated extends Named {
  readonly step: number | undefined;
  readonly epoch: number | undefined;
}

/** Training writes into each file how far it was (`ss_steps`, `ss_epoch`). */
function dated(named: Named): Dated {
  const { ss_steps, ss_epoch } = openSafetensors(named.path).metadata;
  const { kind, count } = named;
  return {
    ...named,
    step: kind === 'step' ? count : numberIn(ss_steps),
    epoch: kind === 'epoch' ? count : numberIn(ss_epoch),
  };
}

const labels: Readonly<Record<Named['kind'], (count: number) => string>> = {
  epoch: count => `epoch ${count}`,
  step: count => `step ${count}`,
  best: () => 'best',
  final: () => 'final',
};

const asFile = ({ path, stem, kind, count, step }: Dated): EpochFile => ({
  path,
  label: labels[kind](count),
  step,
  training: join(dirname(path), `${stem}.safetensors`),
});

/** By steps where all say them, else by what stands in names, the last file last. */
function inOrder(files: readonly Dated[]): Dated[] {
  const byStep = files.every(({ step }) => step !== undefined);
  const byEpoch = files.every(({ epoch }) => epoch !== undefined);
  const place = ({ kind, count, step, epoch }: Dated): number => {
    if (byStep) return step ?? 0;
    if (byEpoch) return epoch ?? 0;
    return kind === 'epoch' || kind === 'step' ? count : Number.MAX_SAFE_INTEGER - (kind === 'best' ? 1 : 0);
  };
  // Of the same step, the last file comes last.
  const rank = ({ kind }: Dated): number => ['epoch', 'step', 'best', 'final'].indexOf(kind);
  return files.toSorted((a, b) => place(a) - place(b) || rank(a) - rank(b));
}

/** Whether the tensors are the same; files of other steps are not read. */
function isSameState(best: Dated, other: Dated): boolean {
  const [a, b] = [best.step, other.step];
  if (other.kind === 'best' || (a !== undefined && b !== undefined && a !== b)) return false;
  const hash = hashesOfFile(best.path)?.tensors;
  return hash !== undefined && hash === hashesOfFile(other.path)?.tensors;
}

/** As columns: the best is one of its own only where nothing else has its tensors. */
function asColumns(files: readonly Dated[]): EpochFile[] {
  const best = files.find(({ kind }) => kind === 'best');
  const same = best && files.find(other => isSameState(best, other));
  if (!same) return files.map(asFile);
  return files
    .filter(file => file !== best)
    .map(file => (file === same ? { ...asFile(file), label: `${asFile(file).label} · best` } : asFile(file)));
}

/** Files of one training called `stem`; undefined where there are none. */
function family(folder: string, stem: string): Dated[] | undefined {
  const files = filesIn(folder).filter(file => file.stem === stem);
  return files.length > 0 ? inOrder(files.map(dated)) : undefined;
}

function ofFolder(folder: string): Dated[] {
  const stems = [...new Set(filesIn(folder).map(({ stem }) => stem))];
  if (stems.length === 0) throw badInput('LORA_NOT_FOUND', `there are no LoRA files in ${folder}`);
  if (stems.length === 1) return family(folder, stems[0]) ?? [];
  const message = `${folder} holds files of ${stems.length} LoRAs: ${stems.slice(0, 5).join(', ')}`;
  throw usageError('LORA_AMBIGUOUS', message, `Write ${join(folder, stems[0])} for those of one training.`);
}

/** Folders that have files of a training called `stem`. */
const foldersWith = (stem: string, folders: LoraFolders): string[] => [
  ...new Set(
    folders
      .files()
      .filter(path => ending.test(path) && parseName(path).stem === stem)
      .map(path => dirname(resolve(path))),
  ),
];

/** Where training put files of this name: where its path says, else in the one folder that has any. */
function ofName(given: string, folders: LoraFolders): Dated[] | undefined {
  const stem = basename(given);
  const beside = folders.namesOnly ? undefined : family(dirname(resolve(given)), stem);
  if (beside || stem !== given) return beside;
  const places = foldersWith(stem, folders);
  if (places.length <= 1) return places[0] === undefined ? undefined : family(places[0], stem);
  const paths = places.map(place => join(place, stem));
  throw usageError('LORA_AMBIGUOUS', `${stem} could be ${paths.join(' or ')}`, 'Write its path.');
}

/**
 * The files of a training: of a folder that holds one, of the LoRA called `given`, with or without its path, or the one
 * file on the way that is given. Throws LORA_NOT_FOUND with near names, LORA_AMBIGUOUS.
 */
export function epochFiles(given: string, folders: LoraFolders): EpochFile[] {
  if (!folders.namesOnly && isFolder(given) && !isLoraFolder(given)) return asColumns(ofFolder(given));
  const found = ofName(given.replace(ending, ''), folders);
  if (found) return asColumns(found);
  const path = findLora(given, folders);
  if (isFolder(path)) return [{ path, label: basename(path), step: undefined, training: path }];
  const named = dated(parseName(path));
  if (named.kind !== 'final') return [asFile(named)];
  return asColumns(family(dirname(path), named.stem) ?? [named]);
}

/** `count` of some things evenly, with the first and the last. */
export function evenly<T>(things: readonly T[], count: number): T[] {
  if (count >= things.length) return [...things];
  if (count === 1) return things.slice(-1);
  return Array.from({ length: count }, (_, i) => things[Math.round((i * (things.length - 1)) / (count - 1))]);
}
