/** @file A `.lorapack` unpacked into a temporary folder: every member is listed and has the hash that the list says. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { badInput } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { previewPng } from '../side-files/export-preview.ts';
import { writeSideFile } from '../side-files/write-side-file.ts';
import type { Archive, Member } from './archive.ts';
import { extractBytes, extractFile } from './extract.ts';
import {
  type Checksums,
  checksumsSchema,
  type PackCard,
  type PackLimits,
  packCardSchema,
  packFormat,
  packNames,
} from './format.ts';
import { modelEnding } from './place.ts';
import { rolesOfLorapack } from './roles.ts';
import { previewEnding, type StagedModel } from './stage-zip.ts';

const askMaker = 'It was changed or damaged on its way; ask its maker for another.';

function parse<T>(bytes: Buffer, schema: z.ZodType<T>, name: string, pack: string): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw badInput('PACK_CARD', `${pack}: ${name} is no JSON`, askMaker, cause);
  }
  const format =
    typeof value === 'object' && value !== null ? (value as { format?: unknown }).format : undefined;
  if (typeof format === 'string' && /^lora-studio pack \d+$/.test(format) && format !== packFormat)
    throw badInput('PACK_NEWER', `${pack} is a "${format}"; "${packFormat}" is read`, 'Update lora-studio.');
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  throw badInput('PACK_CARD', `${pack}: ${name}: ${path.join('.')}: ${message}`, askMaker);
}

/** Members and list must be the same; a name on one of them only is refused before anything is unpacked. */
function checkList({ files }: Checksums, { members, pack }: Archive): void {
  const listed = new Set(Object.keys(files));
  for (const { path, bytes } of members) {
    if (path === packNames.checksums) continue;
    if (!listed.delete(path))
      throw badInput(
        'PACK_UNLISTED',
        `${pack}: ${printable(path)} is not in its list of checksums`,
        askMaker,
      );
    if (files[path].bytes !== bytes)
      throw badInput(
        'PACK_CHECKSUM',
        `${pack}: ${printable(path)} has ${bytes} bytes, its list says ${files[path].bytes}`,
        askMaker,
      );
  }
  const [missing] = listed;
  if (missing !== undefined)
    throw badInput('PACK_MISSING', `${pack}: ${printable(missing)} is in its list, but not in it`, askMaker);
}

function checkHash({ files }: Checksums, { path }: Member, sha256: string, pack: string): void {
  if (files[path].sha256 !== sha256)
    throw badInput('PACK_CHECKSUM', `${pack}: ${printable(path)} is not what its checksum says`, askMaker);
}

async function readTexts(
  archive: Archive,
  list: Checksums,
  members: readonly (Member | undefined)[],
): Promise<Map<Member, Buffer>> {
  const texts = new Map<Member, Buffer>();
  for (const member of members) {
    if (!member) continue;
    const { bytes, sha256 } = await extractBytes(member, archive.pack);
    checkHash(list, member, sha256, archive.pack);
    texts.set(member, bytes);
  }
  return texts;
}

/** Unpacks and checks all of it; the files are called as other programs expect them. */
export async function stageLorapack(
  archive: Archive,
  room: string,
  limits: PackLimits,
  signal?: AbortSignal,
): Promise<{ model: StagedModel; card: PackCard }> {
  const { pack } = archive;
  const {
    stem,
    tensors,
    checksums,
    card: cardMember,
    recipe,
    licence,
    previews,
  } = rolesOfLorapack(archive, limits);
  const list = parse((await extractBytes(checksums, pack)).bytes, checksumsSchema, packNames.checksums, pack);
  checkList(list, archive);
  const texts = await readTexts(archive, list, [cardMember, recipe, licence]);
  const card = parse(texts.get(cardMember) ?? Buffer.alloc(0), packCardSchema, packNames.card, pack);
  const endings = new Map<string, string>();
  const put = async (ending: string, bytes: Uint8Array): Promise<void> => {
    const path = join(room, `0${ending}.part`);
    await writeFile(path, bytes, { flag: 'wx' });
    endings.set(ending, path);
  };
  for (const [index, member] of previews.entries()) {
    const { bytes, sha256 } = await extractBytes(member, pack);
    checkHash(list, member, sha256, pack);
    const picture = await previewPng(bytes, `${pack}: ${member.path}`);
    if (index === 0) await put(previewEnding, picture);
  }
  const model = join(room, `${stem}${modelEnding}`);
  const { sha256 } = await extractFile(tensors, pack, model, signal);
  checkHash(list, tensors, sha256, pack);
  if (card.hashes.sha256 !== sha256)
    throw badInput('PACK_CHECKSUM', `${pack}: its card is of another LoRA`, askMaker);
  endings.set(
    '.json',
    await writeSideFile('a1111', model, { favourite: false, ...card, notes: card.notes ?? '' }),
  );
  if (recipe) await put('.recipe.toml', texts.get(recipe) ?? Buffer.alloc(0));
  if (licence) await put('.LICENSE.txt', texts.get(licence) ?? Buffer.alloc(0));
  const part = join(room, '0.part');
  await rename(model, part);
  endings.set(modelEnding, part);
  return { model: { stem, sha256, bytes: tensors.bytes, endings }, card };
}
