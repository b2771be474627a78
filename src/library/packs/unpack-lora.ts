/**
 * @file Unpacks a `.lorapack`, or a zip with LoRAs as sites give it, into a folder of the library. Everything is unpacked and
 * checked in a temporary folder beside; only then files get their names, and after a failure nothing is left.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { ensureFreeSpace, ensureWritableFolder, openSafetensors } from '../../files/index.ts';
import { identify } from '../../lora/index.ts';
import { type Archive, openArchive } from './archive.ts';
import type { PackCard, PackLimits } from './format.ts';
import { usualLimits } from './format.ts';
import { findSame, modelEnding, placeFiles } from './place.ts';
import { isLorapack } from './roles.ts';
import { stageLorapack } from './stage-lorapack.ts';
import { type StagedModel, stageZip } from './stage-zip.ts';

export interface UnpackOptions {
  readonly limits?: Partial<PackLimits> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UnpackedModel {
  readonly path: string;
  /** All files, the model first. */
  readonly files: readonly string[];
  /** What its tensors say it is. */
  readonly what: string;
  readonly sha256: string;
  /** The same file was there before, and nothing was written. */
  readonly wasThere: boolean;
}

export interface Unpacked {
  readonly kind: 'lorapack' | 'zip';
  readonly models: readonly UnpackedModel[];
  /** Of a `.lorapack`. */
  readonly card?: PackCard | undefined;
  readonly skipped: readonly { readonly path: string; readonly reason: string }[];
}

const temporary = /^\.unpack-[\da-f]{12}$/;
const oldHours = 24;

/** What killed unpackings left: folders of this name that nobody has touched for a day. */
async function clearLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!temporary.test(name)) continue;
    const facts = await stat(join(folder, name)).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > oldHours * 3_600_000)
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** What the tensors are; throws FORMAT_… of a file that is no safetensors, in the pack's name. */
function identifyModel(file: string, shown: string, onlyLora: boolean): string {
  try {
    const { is, text } = identify(openSafetensors(file));
    if (is === 'lora' || !onlyLora) return text;
    throw badInput('PACK_NOT_A_LORA', `${file} is ${text}`, 'It was not made by lora pack.');
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    throw badInput(error.code, error.message.replaceAll(file, shown), error.hint, error);
  }
}

async function place(
  staged: StagedModel,
  pack: string,
  folder: string,
  onlyLora: boolean,
): Promise<UnpackedModel> {
  const { stem, sha256, bytes, endings } = staged;
  const what = identifyModel(endings.get(modelEnding) ?? '', `${pack}: ${stem}.safetensors`, onlyLora);
  const same = await findSame(folder, stem, bytes, sha256);
  if (same !== undefined) return { path: same, files: [same], what, sha256, wasThere: true };
  const { paths } = await placeFiles(folder, stem, endings);
  return { path: paths[0], files: paths, what, sha256, wasThere: false };
}

async function stage(
  archive: Archive,
  room: string,
  limits: PackLimits,
  signal?: AbortSignal,
): Promise<{ staged: StagedModel[]; card?: PackCard; skipped: Unpacked['skipped'] }> {
  if (!isLorapack(archive)) return stageZip(archive, room, limits, signal);
  const { model, card } = await stageLorapack(archive, room, limits, signal);
  return { staged: [model], card, skipped: [] };
}

/** Files that were given names are taken back when a later one fails. */
async function placeAll(
  staged: readonly StagedModel[],
  pack: string,
  folder: string,
  onlyLora: boolean,
): Promise<UnpackedModel[]> {
  const placed: UnpackedModel[] = [];
  try {
    for (const model of staged) placed.push(await place(model, pack, folder, onlyLora));
    return placed;
  } catch (error) {
    const files = placed.filter(({ wasThere }) => !wasThere).flatMap(({ files }) => files);
    for (const path of files) await rm(path, { force: true });
    throw error;
  }
}

/** The archive must be a file, and there. */
async function checkFile(pack: string): Promise<void> {
  const facts = await stat(pack).catch(() => undefined);
  if (!facts) throw badInput('FILE_NOT_FOUND', `${pack} is not there`, 'Check the name.');
  if (!facts.isFile()) throw badInput('PACK_NOT_A_ZIP', `${pack} is no file`, 'Give a .lorapack or a zip.');
  if (facts.size === 0) throw badInput('PACK_NOT_A_ZIP', `${pack} is empty`, 'Fetch it again.');
}

/**
 * Unpacks into `folder`, which is made where needed, in the layout that A1111 has: X.safetensors, X.json, X.preview.png.
 * Nothing is overwritten: a name that is taken becomes X-2. Throws PACK_… or FORMAT_… and leaves nothing.
 */
export async function unpackLora(
  pack: string,
  folder: string,
  options: UnpackOptions = {},
): Promise<Unpacked> {
  const limits = { ...usualLimits, ...options.limits };
  const { signal } = options;
  await checkFile(pack);
  const archive = await openArchive(pack, limits);
  const target = resolve(folder);
  try {
    await ensureWritableFolder(target);
    await clearLeftovers(target);
    await ensureFreeSpace(
      target,
      archive.members.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    const room = join(target, `.unpack-${randomBytes(6).toString('hex')}`);
    await mkdir(room, { mode: 0o700 });
    try {
      const { staged, card, skipped } = await stage(archive, room, limits, signal);
      const kind = card ? 'lorapack' : 'zip';
      const models = await placeAll(staged, basename(pack), target, card !== undefined);
      return { kind, models, skipped, ...(card ? { card } : {}) };
    } finally {
      await rm(room, { recursive: true, force: true });
    }
  } finally {
    archive.close();
  }
}
