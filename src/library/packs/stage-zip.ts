/** @file Models of a usual zip and their side files, unpacked into a temporary folder. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { previewPng } from '../side-files/export-preview.ts';
import { isRecord } from '../side-files/values.ts';
import type { Archive, Member } from './archive.ts';
import { extractBytes, extractFile } from './extract.ts';
import type { PackLimits } from './format.ts';
import { modelEnding } from './place.ts';
import { type PackedModel, rolesOfZip, type Skipped } from './roles.ts';

export interface StagedModel {
  readonly stem: string;
  readonly sha256: string;
  readonly bytes: number;
  /** What follows the stem → its temporary file. */
  readonly endings: ReadonlyMap<string, string>;
}

export const previewEnding = '.preview.png';

/** Why a text is not taken, or nothing. */
function wrongText(bytes: Buffer, isJson: boolean): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return !isJson || isRecord(JSON.parse(text)) ? undefined : 'is no JSON object';
  } catch {
    return isJson ? 'is no JSON' : 'is no text';
  }
}

/** LoRA-Manager's file without what was its user's own: where it lay, and that it was a favourite. */
function asOwn(bytes: Buffer): string {
  const value = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
  return JSON.stringify({ ...value, file_path: '', preview_url: '', favorite: false }, null, 2);
}

/** The first picture that can be read, written anew. */
async function stagePreview(
  previews: readonly Member[],
  pack: string,
  target: string,
  skipped: Skipped[],
): Promise<boolean> {
  let isTaken = false;
  for (const member of previews) {
    if (isTaken) {
      skipped.push({ path: member.path, reason: 'one preview is kept' });
      continue;
    }
    const { bytes } = await extractBytes(member, pack);
    try {
      await writeFile(target, await previewPng(bytes, member.path), { flag: 'wx' });
      isTaken = true;
    } catch (error) {
      if (!(error instanceof LoraError)) throw error;
      skipped.push({ path: member.path, reason: 'is no picture that can be read' });
    }
  }
  return isTaken;
}

async function stageModel(
  { stem, tensors, texts, previews }: PackedModel,
  index: number,
  { pack }: Archive,
  room: string,
  skipped: Skipped[],
  signal?: AbortSignal,
): Promise<StagedModel> {
  const endings = new Map<string, string>();
  // Not its own name: nothing is to be found in here before it is checked.
  const place = (ending: string): string => join(room, `${index}${ending}.part`);
  const { sha256 } = await extractFile(tensors, pack, place(modelEnding), signal);
  endings.set(modelEnding, place(modelEnding));
  for (const [ending, member] of texts) {
    const { bytes } = await extractBytes(member, pack);
    const wrong = wrongText(bytes, !ending.endsWith('.txt'));
    if (wrong !== undefined) {
      skipped.push({ path: member.path, reason: wrong });
      continue;
    }
    const own = ending === '.metadata.json' ? asOwn(bytes) : bytes;
    await writeFile(place(ending), own, { flag: 'wx' });
    endings.set(ending, place(ending));
  }
  if (await stagePreview(previews, pack, place(previewEnding), skipped))
    endings.set(previewEnding, place(previewEnding));
  return { stem, sha256, bytes: tensors.bytes, endings };
}

export async function stageZip(
  archive: Archive,
  room: string,
  limits: PackLimits,
  signal?: AbortSignal,
): Promise<{ staged: StagedModel[]; skipped: Skipped[] }> {
  const { models, skipped } = rolesOfZip(archive, limits);
  const staged: StagedModel[] = [];
  for (const [index, model] of models.entries())
    staged.push(await stageModel(model, index, archive, room, skipped, signal));
  return { staged, skipped };
}
