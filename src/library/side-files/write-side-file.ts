/**
 * @file Writes what the library knows of a LoRA beside its file, for another program, when the user asks for it. What that
 * program or its user wrote there and has no counterpart here stays; a file that cannot be read is left alone.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { badInput } from '../../errors.ts';
import { hashFile, writeFileAtomic } from '../../files/index.ts';
import type { TriggerSet } from '../card.ts';
import { refuseChanges, withoutEmptyOver } from './contested.ts';
import { ownKey } from './dialects/a1111.ts';
import { tipsOf } from './dialects/lora-manager.ts';
import { a1111Families, civitaiFamilies } from './families.ts';
import { parseKept } from './kept-json.ts';
import { stemOf } from './siblings.ts';
import { isRecord } from './values.ts';

export type WrittenSideDialect = 'a1111' | 'lora-manager';
export const writtenSideDialects: readonly WrittenSideDialect[] = ['a1111', 'lora-manager'];

/** What of a card goes into side files; a WholeCard fits. */
export interface SideCard {
  readonly name: string;
  readonly family: string;
  readonly triggers: readonly TriggerSet[];
  readonly tags: readonly string[];
  readonly notes: string;
  readonly description: string;
  readonly favourite: boolean;
  readonly strength?: number | undefined;
  readonly license?: string | undefined;
  readonly author?: string | undefined;
  readonly hashes?:
    | { readonly sha256?: string | undefined; readonly autoV3?: string | undefined }
    | undefined;
}

type JsonObject = Record<string, unknown>;

const withoutEmpty = (object: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(object).filter(
      ([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
    ),
  );

/** What A1111 has no key for. */
function ownOf({ name, author, license, tags, triggers }: SideCard, stem: string): JsonObject {
  const [first] = triggers;
  const isPlain =
    first === undefined || (triggers.length === 1 && first.name === 'default' && first.words.trim() !== '');
  return withoutEmpty({
    name: name === stem ? undefined : name,
    author,
    license,
    tags,
    triggers: isPlain ? [] : triggers,
  });
}

function a1111Of(before: JsonObject, card: SideCard, path: string): JsonObject {
  const [first] = card.triggers;
  const { [ownKey]: _, ...rest } = before;
  const own = ownOf(card, stemOf(basename(path)));
  return {
    ...rest,
    description: card.description,
    'sd version': a1111Families[card.family] ?? before['sd version'] ?? 'Unknown',
    'activation text': first?.words ?? '',
    'preferred weight': first?.strength ?? card.strength ?? 0,
    'negative text': first?.negative ?? '',
    notes: card.notes,
    ...(Object.keys(own).length > 0 ? { [ownKey]: own } : {}),
  };
}

const keptText = (value: unknown, usual: string): string => (typeof value === 'string' ? value : usual);

/** All fields that LoRA-Manager's reader asks for, or it leaves the model out. */
async function loraManagerOf(before: JsonObject, card: SideCard, path: string): Promise<JsonObject> {
  const { size, mtimeMs } = await stat(path);
  const stem = stemOf(basename(path));
  const words = card.triggers.map(set => set.words);
  const tips = tipsOf(keptText(before.usage_tips, '{}'), []);
  const strength = card.triggers[0]?.strength ?? card.strength;
  const civitai = isRecord(before.civitai) ? before.civitai : {};
  // It finds a model's page and its copies by it.
  const sha256 = card.hashes?.sha256 ?? (keptText(before.sha256, '') || (await hashFile(path)));
  const autov3 = card.hashes?.autoV3;
  return {
    from_civitai: false,
    preview_url: '',
    // When LoRA-Manager first saw it.
    modified: mtimeMs / 1000,
    hash_status: 'completed',
    ...before,
    file_name: stem,
    model_name: card.name,
    file_path: path.split('\\').join('/'),
    size,
    sha256,
    ...(autov3 === undefined ? {} : { autov3 }),
    base_model: civitaiFamilies[card.family] ?? keptText(before.base_model, 'Unknown'),
    notes: card.notes,
    tags: card.tags,
    modelDescription: card.description,
    favorite: card.favourite,
    usage_tips: JSON.stringify(strength === undefined ? tips : { ...tips, strength }),
    trainedWords: words,
    // Its page shows those of here.
    civitai: words.length > 0 ? { ...civitai, trainedWords: words } : civitai,
  };
}

interface WrittenDialect {
  readonly ending: string;
  /** What people write there. */
  readonly texts: readonly string[];
  readonly indent: number;
  readonly make: (before: JsonObject, card: SideCard, path: string) => JsonObject | Promise<JsonObject>;
}

const written: Readonly<Record<WrittenSideDialect, WrittenDialect>> = {
  a1111: {
    ...{ ending: '.json', indent: 4, make: a1111Of },
    texts: ['description', 'activation text', 'preferred weight', 'negative text', 'notes'],
  },
  'lora-manager': {
    ...{ ending: '.metadata.json', indent: 2, make: loraManagerOf },
    texts: ['notes', 'tags', 'modelDescription', 'trainedWords'],
  },
};

const mostBytes = 16 * 2 ** 20;

/** What is there now; nothing where there is none. */
async function readBefore(path: string): Promise<JsonObject> {
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) return {};
  const hint = 'It is left as it is. Repair it, or move it away and try again.';
  const broken = (why: string, cause?: unknown) =>
    badInput('SIDE_FILE_BROKEN', `${path} ${why}`, hint, cause);
  if (!facts.isFile() || facts.size > mostBytes) throw broken('is no file of a size that is read');
  try {
    const value: unknown = parseKept(await readFile(path, 'utf8'));
    if (isRecord(value)) return value;
  } catch (cause) {
    throw broken('is no JSON', cause);
  }
  throw broken('is no JSON object');
}

/**
 * Writes or updates `X.json` or `X.metadata.json` beside the model at `path` and returns its path. Keys that are not
 * known here stay. Throws SIDE_FILE_BROKEN where what is there cannot be kept, and, unless it is to `replace` it,
 * SIDE_FILE_DIFFERS where somebody wrote something else there.
 */
export async function writeSideFile(
  dialect: WrittenSideDialect,
  path: string,
  card: SideCard,
  { replace = false }: { readonly replace?: boolean | undefined } = {},
): Promise<string> {
  const { ending, indent, make, texts } = written[dialect];
  const side = join(dirname(path), `${stemOf(basename(path))}${ending}`);
  const before = await readBefore(side);
  const value = withoutEmptyOver(before, await make(before, card, path), texts, replace);
  if (!replace) refuseChanges(side, before, value, texts);
  await writeFileAtomic(side, `${JSON.stringify(value, null, indent)}\n`);
  return side;
}
