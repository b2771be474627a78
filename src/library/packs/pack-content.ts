/** @file What goes into the pack of a LoRA: what its file, its side files and the library say, and the recipe of its run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { openSafetensors, type SafetensorsFile } from '../../files/index.ts';
import { findPrivate, withoutPaths } from '../../lora/index.ts';
import type { Family } from '../../models/index.ts';
import { completeRecipe, readRun, recipeToml, runFolderOf } from '../../training/index.ts';
import { version } from '../../version.ts';
import type { Card } from '../card.ts';
import { metadataFacts } from '../facts/metadata-facts.ts';
import { tableFacts } from '../facts/table-facts.ts';
import type { SideFacts } from '../side-files/facts.ts';
import { readSideFiles } from '../side-files/read-side-files.ts';
import { stemOf } from '../side-files/siblings.ts';
import { triggersOf } from '../triggers/triggers-of.ts';
import type { PackCard } from './format.ts';
import { packFormat } from './format.ts';

export type PackedFacts = Omit<PackCard, 'hashes'>;

export interface PackContent {
  /** The .safetensors. */
  readonly path: string;
  readonly card: PackedFacts;
  readonly previews: readonly Uint8Array[];
  readonly recipe?: string | undefined;
  /** What its maker should know before it is shared. */
  readonly notes: readonly string[];
}

export interface ContentOptions {
  /** Of the library: what its user wrote counts before what lies beside the file. */
  readonly card?: Card | undefined;
  readonly preview?: Uint8Array | undefined;
  /** Notes are for their writer, unless this is asked for. */
  readonly withNotes?: boolean | undefined;
}

const digits = (value: string | undefined, length: number): string | undefined =>
  value !== undefined && new RegExp(`^[\\da-f]{${length}}$`).test(value) ? value : undefined;

/** The checkpoint that it was trained on, without the folders that it lay in. */
function baseOf(metadata: Readonly<Record<string, string>>): PackCard['base'] {
  const said = metadata.ss_sd_model_name;
  const name =
    said === undefined || said === 'None' ? undefined : withoutPaths(basename(said.replaceAll('\\', '/')));
  const base = {
    name: name || undefined,
    sha256: digits(metadata.ss_new_sd_model_hash, 64),
    autoV1: digits(metadata.ss_sd_model_hash, 8),
  };
  const known = Object.entries(base).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/** The whole recipe of the run that left this file, as `lora train --recipe` reads it. */
function recipeOf(path: string): { recipe?: string; note?: string } {
  const folder = runFolderOf(path);
  if (!existsSync(join(folder, 'run.json'))) return {};
  try {
    const { manifest } = readRun(folder);
    const recipe = completeRecipe(manifest.recipe, manifest.base.family as Family, 512);
    const heading = [`Recipe of ${basename(path)}, trained on ${manifest.base.name}`];
    return { recipe: recipeToml(recipe, { heading }) };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    return { note: `the recipe is left out: ${error.message}` };
  }
}

function privateNotes(metadata: Readonly<Record<string, string>>): string[] {
  const found = findPrivate(metadata);
  if (found.length === 0) return [];
  const keys = [...new Set(found.map(({ key }) => key))].join(', ');
  return [`its metadata name folders of a disk (${keys}); lora metadata strip takes them out`];
}

interface Known {
  readonly file: SafetensorsFile;
  readonly side: SideFacts;
  readonly card: Card | undefined;
}

/** Facts in the order of trust: the library's card, which has all of it, else side files, else the file. */
function factsOf({ file, side, card }: Known, withNotes: boolean): PackedFacts {
  const { metadata, path } = file;
  const table = tableFacts(file, 'lora');
  if (table.use !== 'lora' || table.fault)
    throw badInput(
      'PACK_NOT_A_LORA',
      `${path} is no LoRA, but ${table.kind || table.use}`,
      'Only LoRAs are packed.',
    );
  const said = metadataFacts(metadata);
  const stem = stemOf(basename(path));
  const notes = card?.notes ?? side.notes;
  return {
    format: packFormat,
    name: card?.name ?? side.name ?? said.title ?? stem,
    family: card?.family ?? table.family,
    kind: card?.kind ?? table.kind,
    rank: card?.rank ?? table.rank,
    alpha: card?.alpha ?? table.alpha,
    triggers: [...(card?.triggers ?? triggersOf({ side: side.triggers, metadata }).triggers)],
    tags: [...(card?.tags ?? (side.tags.length > 0 ? side.tags : said.tags))],
    description: card?.description ?? side.description ?? said.description ?? '',
    notes: withNotes && notes ? notes : undefined,
    strength: card?.strength ?? side.strength,
    license: card?.license ?? side.license ?? said.license,
    author: card?.author ?? side.author ?? said.author,
    base: baseOf(metadata),
    madeBy: `lora-studio ${version}`,
  };
}

/** Throws FORMAT_… and PACK_NOT_A_LORA for files that cannot be packed. */
export async function packContentOf(path: string, options: ContentOptions = {}): Promise<PackContent> {
  if (!/\.safetensors$/i.test(path))
    throw badInput('PACK_NOT_SAFETENSORS', `${path} is no .safetensors`, 'Make one with lora convert first.');
  const file = openSafetensors(path);
  const side = await readSideFiles(path, readdirSync(dirname(path)));
  const picture = options.preview ?? (side.preview === undefined ? undefined : readFileSync(side.preview));
  const { recipe, note } = recipeOf(path);
  return {
    path,
    card: factsOf({ file, side, card: options.card }, options.withNotes ?? false),
    previews: picture === undefined ? [] : [picture],
    notes: [...privateNotes(file.metadata), ...(note === undefined ? [] : [note])],
    ...(recipe === undefined ? {} : { recipe }),
  };
}
