/** @file From a file or folder to the id of its card and what is kept of it. Headers only. */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { openSafetensors, readTensor, type SafetensorsFile } from '../../files/index.ts';
import type { CardUse } from '../card.ts';
import { type Head, idOf, readHead, sampleData, tableDigest } from '../scan/read-head.ts';
import type { FoundModel } from '../scan/walk.ts';
import { mostTorchBytes, pickleError, torchEmbeddingFacts } from './embedding-facts.ts';
import type { FileFacts, TableFacts } from './file-facts.ts';
import { type Metadata, metadataFacts } from './metadata-facts.ts';
import { baseFacts, broken, loraFacts, tableFacts } from './table-facts.ts';

/** What tables of tensors were found to be, kept between scans. */
export interface KnownTables {
  get(key: string): KnownTable | undefined;
  set(key: string, table: KnownTable): void;
}

export interface KnownTable {
  readonly digest: string;
  readonly facts: TableFacts;
  /** Where the alpha of a usual module is, in the data. */
  readonly alpha?: { readonly offset: number; readonly length: number; readonly dtype: string } | undefined;
}

export interface ReadFacts {
  readonly id: string;
  readonly facts: FileFacts;
}

/** What is told of a checkpoint may depend on numbers in it, and an error names its file: such are read each time. */
const isOfTableAlone = ({ use, fault }: TableFacts): boolean => use !== 'checkpoint' && !fault;

function tableOf(head: Head, likely: CardUse, tables: KnownTables): KnownTable {
  const known = head.tableKey === '' ? undefined : tables.get(head.tableKey);
  if (known) return known;
  const file = head.file ?? openSafetensors(head.path);
  const facts = tableFacts(file, likely);
  const entry = facts.alphaKey === undefined ? undefined : file.tensors.get(facts.alphaKey);
  const table = {
    ...{ digest: tableDigest(file), facts },
    ...(entry
      ? { alpha: { offset: entry.offset - file.dataOffset, length: entry.length, dtype: entry.dtype } }
      : {}),
  };
  if (head.tableKey !== '' && isOfTableAlone(facts)) tables.set(head.tableKey, table);
  return table;
}

/** LyCORIS and sd-scripts read 0 as the rank. */
function alphaOf({ path, dataOffset }: Head, { alpha, facts }: KnownTable): number | undefined {
  if (!alpha) return facts.alpha;
  const entry = { ...alpha, name: 'alpha', shape: [1], offset: dataOffset + alpha.offset };
  const file = { path, tensors: new Map([['alpha', entry]]) } as unknown as SafetensorsFile;
  const [value] = readTensor(file, 'alpha').data;
  return value || facts.rank;
}

/** Tensors first; where they leave a choice, metadata; where both speak and disagree, that is shown. */
function withMetadata(table: TableFacts, metadata: Metadata): FileFacts {
  const told = metadataFacts(metadata);
  const { claimedFamily: claimed, ...others } = told;
  const { families, ...facts } = table;
  if (claimed !== undefined && families?.includes(claimed))
    return { ...facts, family: claimed, metadata: others };
  const agrees = claimed === undefined || claimed === facts.family || facts.fault !== undefined;
  if (agrees) return { ...facts, metadata: others };
  if (facts.family === 'unknown') return { ...facts, metadata: told };
  const text = `its metadata say that it is for ${claimed}, its tensors are of ${facts.family}`;
  const finding = { level: 'warning', code: 'FAMILY_DISAGREES', text } as const;
  return { ...facts, findings: [...facts.findings, finding], metadata: told };
}

function safetensorsFacts(path: string, likely: CardUse, tables: KnownTables): ReadFacts {
  const head = readHead(path);
  const table = tableOf(head, likely, tables);
  const facts = withMetadata(table.facts, head.metadata);
  const alpha = facts.use === 'lora' ? alphaOf(head, table) : undefined;
  return {
    id: idOf(table.digest, head.samples),
    facts: alpha === undefined ? facts : { ...facts, alpha },
  };
}

function torchFacts(path: string, bytes: number): ReadFacts {
  const handle = openSync(path, 'r');
  try {
    const id = idOf('torch', sampleData(handle, 0, fstatSync(handle).size));
    const facts =
      bytes <= mostTorchBytes && /\.(?:pt|bin)$/i.test(path) ? torchEmbeddingFacts(path) : undefined;
    if (!facts) throw pickleError(path);
    return { id, facts: withMetadata(facts, {}) };
  } finally {
    closeSync(handle);
  }
}

/** Weights in a folder and in its folders, in the order of their names. */
export function weightFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.name.endsWith('.safetensors'))
    .map(entry => join(entry.parentPath, entry.name))
    .sort();
}

function folderFacts({ path, is }: FoundModel): ReadFacts {
  const isBase = is === 'checkpoint-folder';
  const facts = isBase ? baseFacts(path) : loraFacts(path);
  if (!facts) throw badInput('LORA_UNKNOWN', `${path} holds no module of a LoRA`);
  const heads = weightFiles(path).map(file => readHead(file));
  const ids = heads.map(head => idOf(tableDigest(head.file ?? openSafetensors(head.path)), head.samples));
  const metadata = Object.assign({}, ...heads.map(head => head.metadata)) as Metadata;
  return { id: idOf(...ids), facts: withMetadata(facts, isBase ? {} : metadata) };
}

/** A file that cannot be read has no tensors to be known by: its place stands in for them. */
const idOfPlace = (path: string): string =>
  createHash('sha256').update(`broken ${path}`).digest('hex').slice(0, 16);

const asLoraError = (error: unknown, path: string): LoraError =>
  error instanceof LoraError
    ? error
    : badInput('FILE_UNREADABLE', `${path} cannot be read: ${(error as Error).message}`);

/** Never throws for what is in a file: a card says what is wrong with it. */
export function readFacts(model: FoundModel, uses: readonly CardUse[], tables: KnownTables): ReadFacts {
  const { path, is, bytes, fileName } = model;
  const [likely = 'lora'] = uses;
  try {
    if (is !== 'file') return folderFacts(model);
    if (/\.safetensors$/i.test(fileName)) return safetensorsFacts(path, likely, tables);
    return torchFacts(path, bytes);
  } catch (error) {
    const use = is === 'checkpoint-folder' || /\.ckpt$/i.test(fileName) ? 'checkpoint' : likely;
    const facts = broken(use, asLoraError(error, path));
    return { id: idOfPlace(path), facts: withMetadata(facts, {}) };
  }
}

/** The metadata of a card's file, as they stand there now. */
export function readMetadata({ path, is }: Pick<FoundModel, 'path' | 'is'>): Metadata {
  if (is === 'checkpoint-folder') return {};
  const files = is === 'file' ? [path] : weightFiles(path);
  const known = files.filter(file => /\.safetensors$/i.test(file));
  return Object.assign({}, ...known.map(file => readHead(file).metadata)) as Metadata;
}
