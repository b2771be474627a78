/** @file How two LoRAs differ, module by module, whatever their dialects, types, ranks and kinds. */
import type { Checkpoint } from '../../models/index.ts';
import type { LoraEntry } from '../file/entry.ts';
import { type LoraFile, openLoraFile } from '../file/open.ts';
import { dialectName, kindName } from '../file/report.ts';
import type { Overlap } from '../inspect/angles.ts';
import { baseWeights } from '../inspect/base.ts';
import {
  addOverlaps,
  type CompareOptions,
  compareModules,
  cosineOf,
  distanceOf,
} from '../inspect/compare.ts';
import { hashesOf } from '../inspect/hashes.ts';
import { blockOf, inModelOrder, partOf, sectionOf } from '../inspect/places.ts';
import type { Multiply } from '../kinds/matrices.ts';
import type {
  BlockDifference,
  Difference,
  LoraDifference,
  MetadataDifference,
  ModuleDifference,
  SideFacts,
  Verdict,
} from './diff-facts.ts';

export interface DiffOptions {
  /** Up to this distance two LoRAs are the same. */
  readonly tolerance?: number;
  /** For kinds whose ΔW depends on the base. */
  readonly base?: Checkpoint;
  readonly multiply?: Multiply;
}

/** Sums in float64 of the same numbers in another order differ by less. */
export const usualTolerance = 1e-6;
/** Above this cosine two LoRAs are one, rounded or resized. */
export const closeCosine = 0.999;
/** A norm this much smaller is another strength, not rounding. */
const scaledBy = 0.02;

function differenceOf(overlap: Overlap): Difference {
  const cosine = cosineOf(overlap);
  return {
    norms: [Math.sqrt(overlap.mine), Math.sqrt(overlap.theirs)],
    distance: distanceOf(overlap),
    ...(cosine === undefined ? {} : { cosine }),
  };
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

function sideFacts(file: LoraFile): SideFacts {
  const tensors = file.files.flatMap(one => [...one.tensors.values()]);
  return {
    path: file.path,
    kinds: distinct(file.modules.map(kindName)),
    dialect: dialectName(file),
    family: file.family?.name ?? 'unknown',
    dtypes: distinct(tensors.map(({ dtype }) => dtype)),
    ranks: distinct(file.modules.flatMap(({ rank }) => (rank > 0 ? [rank] : []))).sort((x, y) => x - y),
    modules: file.modules.length,
    skipped: file.skipped.length,
  };
}

function metadataDifferences(a: LoraFile, b: LoraFile): MetadataDifference[] {
  const keys = distinct([...Object.keys(a.metadata), ...Object.keys(b.metadata)]).sort();
  return keys.flatMap(key => {
    const [one, two] = [a.metadata[key], b.metadata[key]];
    if (one === two) return [];
    return [{ key, ...(one === undefined ? {} : { a: one }), ...(two === undefined ? {} : { b: two }) }];
  });
}

interface Compared {
  readonly facts: ModuleDifference;
  readonly overlap: Overlap;
}

async function compareEntries(
  a: LoraFile,
  b: LoraFile,
  pairs: readonly (readonly [LoraEntry, LoraEntry])[],
  options: CompareOptions,
): Promise<Compared[]> {
  const compared: Compared[] = [];
  for (const [one, two] of pairs) {
    const module = a.read(one);
    const { by, isEqual, ...overlap } = await compareModules(module, b.read(two), options);
    const facts: ModuleDifference = {
      target: module.target,
      kinds: [kindName(one), kindName(two)],
      ranks: [one.rank, two.rank],
      ...{ by, isEqual, ...differenceOf(overlap) },
    };
    compared.push({ facts, overlap });
  }
  return compared.sort((x, y) => inModelOrder(x.facts.target, y.facts.target));
}

function blockDifferences(compared: readonly Compared[], file: LoraFile): BlockDifference[] {
  const families = file.family?.families ?? [];
  const family = families.length === 1 ? families[0] : undefined;
  const groups = new Map<string, Compared[]>();
  for (const one of compared) {
    const block = blockOf(one.facts.target, family);
    groups.set(block, [...(groups.get(block) ?? []), one]);
  }
  return [...groups].map(([block, own]) => {
    const { target } = own[0].facts;
    const place = { block, section: sectionOf(target), part: partOf(target), modules: own.length };
    return { ...place, ...differenceOf(addOverlaps(own.map(({ overlap }) => overlap))) };
  });
}

/** What only one of both has counts against nothing. */
async function lonely(
  file: LoraFile,
  entries: readonly LoraEntry[],
  side: 'mine' | 'theirs',
  options: CompareOptions,
): Promise<Overlap> {
  const overlaps: Overlap[] = [];
  for (const entry of entries) {
    const module = file.read(entry);
    const { mine } = await compareModules(module, module, options);
    overlaps.push({ mine: 0, theirs: 0, inner: 0, apart: mine, [side]: mine });
  }
  return addOverlaps(overlaps);
}

async function equality(a: LoraFile, b: LoraFile): Promise<'file' | 'tensors' | undefined> {
  if (a.files.length !== 1 || b.files.length !== 1) return undefined;
  const [one, two] = [await hashesOf(a.files[0]), await hashesOf(b.files[0])];
  if (one.sha256 === two.sha256) return 'file';
  const names = (file: LoraFile): string =>
    JSON.stringify([...file.files[0].tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]).sort());
  return one.tensors === two.tensors && names(a) === names(b) ? 'tensors' : undefined;
}

function verdictOf(total: Difference, isComplete: boolean, tolerance: number): Verdict {
  const [mine, theirs] = total.norms;
  if (isComplete && total.distance <= tolerance) return 'weights';
  if (!isComplete || (total.cosine ?? 0) < closeCosine) return 'different';
  return Math.min(mine, theirs) < (1 - scaledBy) * Math.max(mine, theirs) ? 'scaled' : 'close';
}

const nameOf = ({ target, name }: LoraEntry): string => target ?? name;

/** Compares two LoRA files; only one module of each is in memory at a time. */
export async function diffLoras(
  pathA: string,
  pathB: string,
  options: DiffOptions = {},
): Promise<LoraDifference> {
  const { tolerance = usualTolerance, base, multiply } = options;
  const [a, b] = [openLoraFile(pathA), openLoraFile(pathB)];
  const compare: CompareOptions = {
    ...(base ? { base: baseWeights(base) } : {}),
    ...(multiply ? { multiply } : {}),
  };
  const theirs = new Map(b.modules.map(entry => [nameOf(entry), entry]));
  const mine = new Set(a.modules.map(nameOf));
  const pairs = a.modules.flatMap(entry => {
    const other = theirs.get(nameOf(entry));
    return other ? [[entry, other] as const] : [];
  });
  const aloneA = a.modules.filter(entry => !theirs.has(nameOf(entry)));
  const aloneB = b.modules.filter(entry => !mine.has(nameOf(entry)));
  const compared = await compareEntries(a, b, pairs, compare);
  const total = differenceOf(
    addOverlaps([
      ...compared.map(({ overlap }) => overlap),
      await lonely(a, aloneA, 'mine', compare),
      await lonely(b, aloneB, 'theirs', compare),
    ]),
  );
  const isComplete = compared.every(({ facts: { by } }) => by !== 'nothing');
  const verdict = (await equality(a, b)) ?? verdictOf(total, isComplete, tolerance);
  return {
    verdict,
    isSame: verdict === 'file' || verdict === 'tensors' || (isComplete && total.distance <= tolerance),
    ...total,
    ...{ a: sideFacts(a), b: sideFacts(b), metadata: metadataDifferences(a, b) },
    ...{ onlyInA: aloneA.map(nameOf), onlyInB: aloneB.map(nameOf) },
    modules: compared.map(({ facts }) => facts),
    blocks: blockDifferences(compared, a),
  };
}
