/** @file Reads a data set file of sd-scripts (TOML or JSON) as it is: [general] ⊃ [[datasets]] ⊃ [[datasets.subsets]], lower wins. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, extname, isAbsolute, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { badInput, nearestWords } from '../../errors.ts';
import { type DatasetWarning, firstLine } from '../findings.ts';
import type { PictureRules } from '../picture-rules.ts';
import type { PictureSource } from '../source-files.ts';
import { type DatasetSettings, type KeyRow, kohyaKeys, type SubsetKind, valueKinds } from './keys.ts';

type Table = Readonly<Record<string, unknown>>;

/** A source whose rules are those that the file gives; the others are the recipe's. */
export interface KohyaSubset extends Omit<PictureSource, 'rules'> {
  rules: Partial<PictureRules>;
}

export interface KohyaDataset {
  path: string;
  subsets: KohyaSubset[];
  settings: DatasetSettings;
  /** Keys without effect and why, and which of two folders a relative path meant. */
  notes: DatasetWarning[];
}

interface Reading {
  readonly path: string;
  readonly notes: DatasetWarning[];
}

function invalid(path: string, message: string, hint?: string, cause?: unknown): Error {
  return badInput('KOHYA_DATASET_INVALID', `${path}: ${message}`, hint, cause);
}

function parseFile(path: string): Table {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw badInput('FILE_UNREADABLE', `${path} cannot be opened: ${firstLine(error)}`, undefined, error);
  }
  try {
    const value: unknown = extname(path).toLowerCase() === '.json' ? JSON.parse(text) : parse(text);
    return asTable(value, path, 'file');
  } catch (error) {
    if (error instanceof Error && error.name === 'LoraError') throw error;
    throw invalid(path, firstLine(error), 'A data set file is TOML or JSON.', error);
  }
}

function asTable(value: unknown, path: string, where: string): Table {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Table;
  throw invalid(path, `${where} is not a table`);
}

function asTables(value: unknown, path: string, where: string): Table[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value.map((one, i) => asTable(one, path, `${where}[${i}]`));
  throw invalid(path, `${where} is not a list of tables`, `Write [[${where}]] with two brackets.`);
}

function unknownKey(path: string, where: string, key: string, known: readonly string[]): Error {
  const elsewhere = kohyaKeys[key];
  if (elsewhere) {
    const places = {
      above: '[general] or [[datasets]]',
      any: 'any other table',
      subset: '[[datasets.subsets]]',
    };
    const kinds = elsewhere.subsets ? `, for subsets with ${elsewhere.subsets.join(' or ')}` : '';
    return invalid(path, `${where} cannot have ${key}`, `It stands in ${places[elsewhere.place]}${kinds}.`);
  }
  const [nearest] = nearestWords(key, known, 1);
  return invalid(
    path,
    `${where} has an unknown key ${key}`,
    nearest ? `Did you mean ${nearest}?` : `Known: ${known.join(', ')}.`,
  );
}

/** Refuses keys that may not stand here, and values of another kind. */
function checkTable(
  table: Table,
  { path }: Reading,
  where: string,
  isAllowed: (row: KeyRow) => boolean,
  besides: readonly string[] = [],
): void {
  const known = [...Object.keys(kohyaKeys).filter(key => isAllowed(kohyaKeys[key])), ...besides];
  for (const [key, value] of Object.entries(table)) {
    if (besides.includes(key)) continue;
    if (!known.includes(key)) throw unknownKey(path, where, key, known);
    const { is, wanted } = valueKinds[kohyaKeys[key].kind];
    if (!is(value)) throw invalid(path, `${where}: ${key} must be ${wanted}, not ${JSON.stringify(value)}`);
  }
}

function kindOfSubset(subset: Table): SubsetKind {
  if ('conditioning_data_dir' in subset) return 'conditioning';
  return 'metadata_file' in subset ? 'metadata' : 'folder';
}

/** sd-scripts decides by all subsets of a data set; a mixture of kinds is refused. */
function kindOfDataset(subsets: readonly Table[], path: string, where: string): SubsetKind {
  const kinds = new Set(subsets.map(kindOfSubset));
  if (kinds.size === 1) return [...kinds][0];
  const message = `${where} mixes subsets with and without metadata_file or conditioning_data_dir`;
  throw invalid(path, message, 'Give each kind a [[datasets]] of its own.');
}

/** A path relative to the working directory, as in sd-scripts; else to the file. Says which, where both could be meant. */
function locate(given: string, key: string, { path, notes }: Reading): string {
  if (isAbsolute(given)) return given;
  const [here, beside] = [resolve(given), resolve(dirname(path), given)];
  if (here === beside) return here;
  const exists = (place: string): boolean => statSync(place, { throwIfNoEntry: false }) !== undefined;
  const found = [here, beside].find(exists);
  if (found === undefined) {
    throw badInput(
      'DATASET_NO_FOLDER',
      `${path}: ${key} "${given}" is neither ${here} nor ${beside}`,
      'Check the path.',
    );
  }
  const message =
    found === beside
      ? `${key} "${given}" is ${beside}, beside the file; there is no ${here}`
      : `${key} "${given}" is ${here}, relative to the working directory as in sd-scripts${exists(beside) ? `; there is ${beside}, too` : ''}`;
  notes.push({ code: 'KOHYA_PATH', message, path });
  return found;
}

/** Lower tables win. */
const inherit = (...tables: readonly Table[]): Table => Object.assign({}, ...tables.toReversed());

function noteUnsupported(values: Table, { path, notes }: Reading, isHere: (row: KeyRow) => boolean): void {
  for (const [key, value] of Object.entries(values)) {
    const row = kohyaKeys[key];
    if (!row?.without || !isHere(row) || value === row.harmless) continue;
    const message = `${key} = ${JSON.stringify(value)} has no effect: ${row.without}`;
    if (notes.some(note => note.message === message)) continue;
    notes.push({ code: 'KOHYA_KEY_WITHOUT_EFFECT', message, path });
  }
}

function rulesOf(values: Table): Partial<PictureRules> {
  const named = Object.entries(values).flatMap(([key, value]) => {
    const rule = kohyaKeys[key]?.rule;
    return rule === undefined ? [] : [[rule, value] as const];
  });
  return Object.fromEntries(named);
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** What `--caption_extension` would say is not known here: both of the usual endings are read. */
const usualEndings = ['.caption', '.txt'];

function readSubset(values: Table, kind: SubsetKind, where: string, reading: Reading): KohyaSubset {
  const { path } = reading;
  const [imageDir, metadata, conditioning] = ['image_dir', 'metadata_file', 'conditioning_data_dir'].map(
    key => {
      const given = text(values[key]);
      return given === undefined ? undefined : locate(given, key, reading);
    },
  );
  if (kind !== 'metadata' && imageDir === undefined) {
    const hint = 'Add image_dir = "folder with pictures".';
    throw invalid(path, `${where} has no image_dir`, hint);
  }
  const repeats = values.num_repeats as number | undefined;
  const classTokens = text(values.class_tokens);
  const ending = text(values.caption_extension);
  const masks: Partial<PictureRules> =
    conditioning === undefined ? {} : { mask: 'files', maskFolder: conditioning };
  const alpha = values.alpha_mask as boolean | undefined;
  return {
    folder: imageDir ?? dirname(metadata as string),
    isFlat: true,
    repeats: repeats ?? 1,
    ...(classTokens === undefined || kind !== 'folder' ? {} : { classTokens }),
    captionEndings: ending === undefined ? usualEndings : [ending],
    ...(metadata === undefined ? {} : { metadataFile: metadata }),
    rules: {
      ...rulesOf(values),
      ...(alpha === undefined ? {} : { mask: alpha ? 'alpha' : 'none' }),
      ...masks,
    },
  };
}

/** sd-scripts leaves out subsets without repeats and those that name a folder again. */
function leaveOut(subsets: readonly KohyaSubset[], { path, notes }: Reading): KohyaSubset[] {
  const seen = new Set<string>();
  const nameOf = ({ folder, metadataFile }: KohyaSubset): string => metadataFile ?? folder;
  return subsets.filter(subset => {
    const name = nameOf(subset);
    const why =
      subset.repeats === 0 ? 'num_repeats is 0' : seen.has(name) ? 'it was named before' : undefined;
    seen.add(name);
    if (why)
      notes.push({ code: 'KOHYA_SUBSET_LEFT_OUT', message: `subset ${name} is left out: ${why}`, path });
    return why === undefined;
  });
}

function sizeOf(value: unknown): { width: number; height: number } {
  const [width, height] = Array.isArray(value) ? value : [value, value];
  return { width, height };
}

function settingsOf(values: Table, { path, notes }: Reading): DatasetSettings {
  const settings: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(values)) {
    const setting = kohyaKeys[key]?.setting;
    if (setting !== undefined) settings[setting] = setting === 'resolution' ? sizeOf(value) : value;
  }
  const note = (message: string) => notes.push({ code: 'KOHYA_BUCKETS', message, path });
  if (values.enable_bucket === undefined) {
    note(
      'enable_bucket is not set: aspect buckets are used, which sd-scripts does only with --enable_bucket',
    );
  } else if (values.enable_bucket === false) {
    const { width, height } = sizeOf(values.resolution);
    if (width === height && width !== undefined) {
      Object.assign(settings, { minBucketSide: width, maxBucketSide: width, noUpscale: false });
    } else note('enable_bucket = false is possible with a square resolution only; aspect buckets are used');
  }
  return settings;
}

/** One run has one batch size, one resolution and one set of buckets. */
function unite(all: readonly DatasetSettings[], path: string): DatasetSettings {
  const [first, ...others] = all;
  for (const [index, other] of others.entries()) {
    for (const field of new Set([...Object.keys(first), ...Object.keys(other)]) as Set<
      keyof DatasetSettings
    >) {
      const [a, b] = [first[field], other[field]].map(value => JSON.stringify(value) ?? 'none');
      if (a === b) continue;
      const message = `datasets[0] and datasets[${index + 1}] differ in ${field} (${a} and ${b}); a run has one`;
      throw badInput(
        'KOHYA_DATASETS_DIFFER',
        `${path}: ${message}`,
        'Give both the same, or train them one after the other with --continue.',
      );
    }
  }
  return first;
}

/** Reads a data set file; every key is honoured, named in `notes`, or an error. */
export function readKohyaDataset(path: string): KohyaDataset {
  const file = parseFile(path);
  const reading: Reading = { path, notes: [] };
  for (const key of Object.keys(file)) {
    if (key !== 'general' && key !== 'datasets')
      throw unknownKey(path, 'the file', key, ['general', 'datasets']);
  }
  const general = asTable(file.general ?? {}, path, 'general');
  checkTable(general, reading, '[general]', row => row.place !== 'subset');
  const datasets = asTables(file.datasets, path, 'datasets');
  if (datasets.length === 0)
    throw invalid(path, 'there is no [[datasets]]', 'Add [[datasets]] and [[datasets.subsets]].');
  const subsets: KohyaSubset[] = [];
  const settings = datasets.map((dataset, d) => {
    const where = `datasets[${d}]`;
    const tables = asTables(dataset.subsets, path, `${where}.subsets`);
    if (tables.length === 0)
      throw invalid(path, `${where} has no subset`, 'Add [[datasets.subsets]] with image_dir.');
    const kind = kindOfDataset(tables, path, where);
    const takes = ({ subsets: kinds }: KeyRow): boolean => !kinds || kinds.includes(kind);
    checkTable(dataset, reading, where, row => row.place !== 'subset' && takes(row), ['subsets']);
    for (const [s, table] of tables.entries()) {
      const place = `${where}.subsets[${s}]`;
      checkTable(table, reading, place, row => row.place !== 'above' && takes(row));
      const values = inherit(table, dataset, general);
      noteUnsupported(values, reading, row => row.place !== 'above' && takes(row));
      subsets.push(readSubset(values, kind, place, reading));
    }
    const values = inherit(dataset, general);
    noteUnsupported(values, reading, row => row.place === 'above');
    return settingsOf(values, reading);
  });
  return { path, subsets: leaveOut(subsets, reading), settings: unite(settings, path), notes: reading.notes };
}
