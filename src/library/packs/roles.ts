/** @file What each member of an archive is for: of a `.lorapack` by its few names, of another zip by what lies beside a LoRA. */
import { badInput, type LoraError } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { jsonEndings, previewEndings, textEndings } from '../side-files/dialects/table.ts';
import type { Archive, Member } from './archive.ts';
import { type PackLimits, packEnding, packNames } from './format.ts';
import { misnamed } from './names.ts';

/** A model and what belongs to it. */
export interface PackedModel {
  readonly stem: string;
  readonly tensors: Member;
  /** JSON and texts by what follows the stem; for a `.lorapack` what it is unpacked as. */
  readonly texts: ReadonlyMap<string, Member>;
  /** The first is shown; the others are left out. */
  readonly previews: readonly Member[];
}

export interface Skipped {
  readonly path: string;
  readonly reason: string;
}

const at = (pack: string, code: string, why: string, hint: string): LoraError =>
  badInput(code, `${pack} ${why}`, hint);

/** Throws where the name cannot be that of a file on every system. */
function checkStem(stem: string, pack: string): void {
  const wrong = misnamed(stem) ?? (Buffer.byteLength(stem) > 200 ? 'is too long' : undefined);
  if (wrong !== undefined)
    throw at(
      pack,
      'PACK_NAME',
      `has a LoRA whose name ${wrong}: ${printable(stem)}`,
      'Ask its maker for another.',
    );
}

function checkSize({ path, bytes }: Member, most: number, pack: string): void {
  if (bytes > most)
    throw at(
      pack,
      'PACK_BOMB',
      `has ${printable(path)} of ${bytes} bytes; at most ${most} are read`,
      'Such archives are made to fill disks.',
    );
}

/** Whether an archive says that it is one of ours. */
export const isLorapack = ({ pack, members }: Archive): boolean =>
  pack.toLowerCase().endsWith(packEnding) ||
  [packNames.checksums, packNames.card].every(name => members.some(({ path }) => path === name));

export interface LorapackRoles {
  readonly stem: string;
  readonly tensors: Member;
  readonly checksums: Member;
  readonly card: Member;
  readonly recipe: Member | undefined;
  readonly licence: Member | undefined;
  readonly previews: readonly Member[];
}

const executes = /\.(ckpt|pt|pth|bin|pkl|pickle|npy|npz|exe|dll|so|sh|bat|cmd|ps1|py|js|vbs)$/i;

/** The members of a `.lorapack`: each of the names that are in it, once, and nothing else. */
export function rolesOfLorapack({ pack, members, unreadable }: Archive, limits: PackLimits): LorapackRoles {
  const hint = 'It was not made by lora pack, or was changed since; ask its maker for another.';
  const byName = new Map(members.map(member => [member.path, member]));
  const single = (name: string): Member | undefined => byName.get(name);
  const texts = [packNames.checksums, packNames.card, packNames.recipe, packNames.licence];
  const tensors = members.filter(({ path }) => packNames.lora.test(path));
  const previews = members.filter(({ path }) => packNames.preview.test(path));
  const known = new Set<Member | undefined>([...texts.map(single), ...tensors, ...previews]);
  const strange = members.find(member => !known.has(member));
  if (strange) {
    const isPickle = executes.test(strange.path);
    const why = isPickle ? 'which could run' : 'which no pack has';
    throw at(
      pack,
      isPickle ? 'PACK_PICKLE' : 'PACK_UNLISTED',
      `has ${printable(strange.path)}, ${why}`,
      hint,
    );
  }
  if (unreadable > 0) throw at(pack, 'PACK_NAME', `has ${unreadable} names that are no text`, hint);
  const [checksums, card] = [single(packNames.checksums), single(packNames.card)];
  if (!checksums || !card)
    throw at(pack, 'PACK_MISSING', `has no ${checksums ? packNames.card : packNames.checksums}`, hint);
  if (tensors.length !== 1)
    throw at(pack, 'PACK_NO_LORA', `has ${tensors.length} LoRAs; a pack has one`, hint);
  if (previews.length > limits.previews)
    throw at(
      pack,
      'PACK_TOO_MANY',
      `has ${previews.length} previews; at most ${limits.previews} are read`,
      hint,
    );
  for (const name of texts) {
    const member = single(name);
    if (member) checkSize(member, limits.text, pack);
  }
  for (const member of previews) checkSize(member, limits.picture, pack);
  const stem = packNames.lora.exec(tensors[0].path)?.[1] ?? '';
  checkStem(stem, pack);
  const [recipe, licence] = [single(packNames.recipe), single(packNames.licence)];
  return { stem, tensors: tensors[0], checksums, card, recipe, licence, previews };
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const isLitter = (path: string): boolean =>
  /(^|\/)(__MACOSX\/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)/i.test(path);

/** What belongs to a model in another zip: files that are called like it, and lone pictures where there is one model. */
function besides(
  stem: string,
  members: readonly Member[],
  limits: PackLimits,
): Pick<PackedModel, 'texts' | 'previews'> & { used: Member[] } {
  const find = (ending: string): Member | undefined =>
    members.find(({ path }) => baseName(path).toLowerCase() === `${stem}${ending}`.toLowerCase());
  const texts = [...jsonEndings, ...textEndings].flatMap(ending => {
    const member = find(ending);
    return member && member.bytes <= limits.text ? [[ending, member] as const] : [];
  });
  const previews = previewEndings.flatMap(ending => {
    const member = find(ending);
    return member && member.bytes <= limits.picture ? [member] : [];
  });
  return { texts: new Map(texts), previews, used: [...texts.map(([, member]) => member), ...previews] };
}

/** Why a member of another zip is left out. */
function reasonFor({ path, bytes }: Member, limits: PackLimits): string {
  if (isLitter(path)) return 'left by a system';
  if (executes.test(path)) return 'could run when it is opened elsewhere';
  if (bytes > limits.text && /\.(json|info|txt)$/i.test(path)) return `has ${bytes} bytes`;
  return 'belongs to no LoRA in it';
}

/** Models of a zip as sites and people make them, with what other programs wrote beside them. */
export function rolesOfZip(
  archive: Archive,
  limits: PackLimits,
): { models: PackedModel[]; skipped: Skipped[] } {
  const { pack, members, unreadable } = archive;
  const tensors = members.filter(({ path }) => /\.safetensors$/i.test(path) && !isLitter(path));
  if (tensors.length === 0) {
    const pickle = members.find(({ path }) => executes.test(path));
    const hint = 'Give a .lorapack, or a zip with a .safetensors in it.';
    if (pickle)
      throw at(
        pack,
        'PACK_PICKLE',
        `has no .safetensors, but ${printable(pickle.path)}, which could run`,
        hint,
      );
    throw at(pack, 'PACK_NO_LORA', 'has no .safetensors in it', hint);
  }
  const used = new Set<Member>(tensors);
  const models = tensors.map(member => {
    const stem = baseName(member.path).replace(/\.safetensors$/i, '');
    checkStem(stem, pack);
    const found = besides(stem, members, limits);
    for (const one of found.used) used.add(one);
    return { stem, tensors: member, texts: found.texts, previews: found.previews };
  });
  const stems = models.map(({ stem }) => stem.toLowerCase());
  const twice = stems.find((stem, i) => stems.indexOf(stem) !== i);
  if (twice !== undefined)
    throw at(
      pack,
      'PACK_DUPLICATE',
      `has ${printable(twice)}.safetensors in two folders`,
      'Unpack them one by one.',
    );
  const skipped = members
    .filter(member => !used.has(member))
    .map(member => ({ path: member.path, reason: reasonFor(member, limits) }));
  const nameless =
    unreadable > 0 ? [{ path: `${unreadable} members`, reason: 'their names are no text' }] : [];
  return { models, skipped: [...skipped, ...nameless] };
}
