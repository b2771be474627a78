/** @file Looks into a LoRA file: every module measured once, the file's hashes, its metadata, what is worth telling. */
import type { Checkpoint } from '../../models/index.ts';
import { type LoraFile, openLoraFile } from '../file/open.ts';
import { dialectName, kindName } from '../file/report.ts';
import { noLora } from '../file/what-is-it.ts';
import type { Multiply } from '../kinds/matrices.ts';
import { splitKey } from '../names/suffixes.ts';
import { baseWeights } from './base.ts';
import { coverageOf } from './coverage.ts';
import type { BlockFacts, LoraFacts } from './facts.ts';
import { type Examined, findingsOf } from './findings.ts';
import { hashesOf } from './hashes.ts';
import type { ModuleFacts } from './measure.ts';
import { partOf, sectionOf } from './places.ts';
import type { Sketch } from './sketch.ts';
import { median, summarizeSpectra } from './spectrum.ts';
import { type Survey, surveyModules } from './survey.ts';
import { trainingFacts } from './training-facts.ts';

export interface InspectOptions {
  /** Makes ‖ΔW‖ exact for every kind, and tells it beside ‖W‖. */
  readonly base?: Checkpoint;
  /** For large matrices; plain loops unless given. */
  readonly multiply?: Multiply;
}

export interface Inspected {
  readonly facts: LoraFacts;
  /** For comparing LoRAs in a folder. */
  readonly sketch: Sketch;
}

const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

function groupBy<T>(values: readonly T[], nameOf: (value: T) => string): [name: string, values: T[]][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(nameOf(value));
    if (group) group.push(value);
    else groups.set(nameOf(value), [value]);
  }
  return [...groups];
}

/** ‖·‖ of several changes together; nothing when none is known. */
function together(modules: readonly ModuleFacts[]): { readonly norm?: number } {
  const norms = modules.flatMap(({ norm }) => (norm === undefined ? [] : [norm]));
  return norms.length === 0 ? {} : { norm: Math.sqrt(norms.reduce((sum, norm) => sum + norm * norm, 0)) };
}

function blocksOf(modules: readonly ModuleFacts[]): BlockFacts[] {
  return groupBy(modules, ({ block }) => block).map(([block, own]) => {
    const [{ target }] = own;
    const place = { block, section: sectionOf(target), part: partOf(target) };
    return { ...place, modules: own.length, ...together(own) };
  });
}

const mostStrongest = 5;

function strongestOf(modules: readonly ModuleFacts[]): LoraFacts['strongest'] {
  const known = modules.flatMap(({ target, norm, rms }) =>
    norm === undefined || !rms ? [] : [{ target, norm, rms }],
  );
  if (known.length === 0) return [];
  const middle = median(known.map(({ rms }) => rms));
  return known
    .sort((a, b) => b.rms - a.rms)
    .slice(0, mostStrongest)
    .map(({ target, norm, rms }) => ({ target, norm, timesMedian: rms / middle }));
}

async function filesOf({ files }: LoraFile): Promise<LoraFacts['files']> {
  const facts = [];
  for (const file of files)
    facts.push({ path: file.path, bytes: file.fileSize, hashes: await hashesOf(file) });
  return facts;
}

/** What the headers alone tell. */
function headerFacts(file: LoraFile) {
  const entries = file.files.flatMap(({ tensors }) => [...tensors.values()]);
  // Alphas are often of a type of their own.
  const arrays = entries.filter(({ shape }) => shape.length > 1);
  const types = groupBy(arrays.length > 0 ? arrays : entries, ({ dtype }) => dtype);
  return {
    path: file.path,
    dialect: dialectName(file),
    family: file.family?.name ?? 'unknown',
    parameters: entries.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    dtypes: types.map(([dtype, own]) => ({ dtype, tensors: own.length })),
    training: trainingFacts(file.metadata),
    metadata: file.metadata,
  };
}

function moduleFacts(file: LoraFile, { modules, entries }: Survey) {
  const families = file.family?.families ?? [];
  const ranked = modules.filter(({ rank }) => rank > 0);
  const targets = groupBy(modules, ({ layer }) => layer);
  const spectrum = summarizeSpectra(modules.flatMap(module => module.spectrum ?? []));
  return {
    kinds: groupBy(entries, kindName).map(([kind, own]) => ({ kind, modules: own.length })),
    ranks: distinct(ranked.map(({ rank }) => rank)),
    alphas: distinct(ranked.map(({ alpha }) => alpha)),
    scales: distinct(ranked.map(({ scale }) => scale)),
    coverage: coverageOf(
      modules.map(({ target }) => target),
      families.length === 1 ? families[0] : undefined,
    ),
    modules,
    targets: targets.map(([layer, own]) => ({ layer, modules: own.length })),
    blocks: blocksOf(modules),
    ...together(modules),
    ...(spectrum ? { spectrum } : {}),
    strongest: strongestOf(modules),
  };
}

const hasLoraNames = ({ files }: LoraFile): boolean =>
  files.some(({ tensors }) => [...tensors.keys()].some(key => (splitKey(key)?.role ?? 'ia3') !== 'ia3'));

/**
 * Reads a LoRA file, or a folder of PEFT, and measures it. What is broken in it is told instead of refused; throws
 * LORA_IS_* for what is something else.
 */
export async function inspectLora(path: string, options: InspectOptions = {}): Promise<Inspected> {
  const file = openLoraFile(path, { allowNonfinite: true, tolerant: true });
  if (file.modules.length === 0 && !hasLoraNames(file)) throw noLora(file.files[0]);
  const files = await filesOf(file);
  const { base, multiply } = options;
  const survey = await surveyModules(file, {
    ...(base ? { base: baseWeights(base) } : {}),
    ...(multiply ? { multiply } : {}),
  });
  const used = survey.entries.reduce((sum, { keys }) => sum + keys.size, 0);
  const facts = {
    ...{ files, ...headerFacts(file), ...moduleFacts(file, survey) },
    tensors: { all: file.tensors, used, skipped: survey.skipped },
  };
  const { notFinite, zeroAlphas, sketch } = survey;
  const { embeddings, findings: remarks } = file;
  const examined: Examined = { ...facts, notFinite, zeroAlphas, embeddings, remarks };
  return { facts: { ...facts, findings: findingsOf(examined) }, sketch };
}
