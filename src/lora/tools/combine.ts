/** @file Several LoRAs as one: all their ranks side by side, which is exact, or the nearest LoRA of lower ranks. */
import { addInPlace, matrix, type Products, type Tensor } from '../../engine/index.ts';
import { badInput, usageError } from '../../errors.ts';
import type { Family } from '../../models/index.ts';
import type { LoraEntry } from '../file/entry.ts';
import type { Skipped } from '../file/group.ts';
import type { LoraFile } from '../file/open.ts';
import { biasDelta } from '../kinds/delta.ts';
import { type Factors, factorsOf, factorTensors, isKernelShape } from '../kinds/low-rank-factors.ts';
import type { LoraModule, LoraWeights } from '../kinds/module.ts';
import { scaleOf } from '../kinds/table.ts';
import type { BlockWeights } from '../names/block-weights.ts';
import { combinedMetadata } from './combine-metadata.ts';
import { checkRankRule, type RankRule } from './rank-rule.ts';
import { changeOf, isSelfContained, layerShapeOf, leftOutOf, needsBaseModel } from './resize.ts';
import { strengthAt } from './strengths.ts';
import { type Truncated, truncateChange, truncateProduct } from './truncate-change.ts';

/** A LoRA file with the strengths that it is combined with. */
export interface CombinedFile {
  readonly file: LoraFile;
  readonly name: string;
  readonly strength: number;
  /** On the text encoder(s); as on the UNet unless said. */
  readonly textStrength?: number | undefined;
  readonly blocks?: BlockWeights | undefined;
}

export interface CombineOptions {
  /** Lower ranks; all ranks side by side unless given. */
  readonly rule?: RankRule | undefined;
  readonly products: Products;
  readonly onProgress?: (done: number, all: number) => void | Promise<void>;
}

export interface CombinedFacts {
  readonly target: string;
  /** All ranks together. */
  readonly before: number;
  readonly after: number;
  readonly kept: number;
}

export interface CombinedLora {
  readonly lora: LoraWeights;
  readonly modules: readonly CombinedFacts[];
  readonly leftOut: readonly (Skipped & { readonly path: string })[];
}

interface Strong {
  readonly module: LoraModule;
  readonly strength: number;
}

/** The families that all files may be of. Throws COMBINE_WRONG_FAMILY for files of different models. */
export function commonFamilies(files: readonly Pick<LoraFile, 'path' | 'family'>[]): readonly Family[] {
  const known = files.flatMap(({ path, family }) => (family ? [{ path, family }] : []));
  const [first] = known;
  if (!first) return [];
  let common = first.family.families;
  for (const { path, family } of known) {
    common = common.filter(one => family.families.includes(one));
    if (common.length > 0 || (family.name === first.family.name && family.families.length === 0)) continue;
    const message = `${first.path} is for ${first.family.name}, ${path} for ${family.name}`;
    throw badInput('COMBINE_WRONG_FAMILY', message, 'Combine LoRAs of one model.');
  }
  return common;
}

/** Factors side by side: Σ fᵢ·upᵢ·downᵢ = [f₁up₁ … fₙupₙ]·[down₁; …; downₙ] */
function sideBySide(parts: readonly Strong[]): Factors {
  const factors = parts.map(({ module, strength }) => ({
    ...factorsOf(module),
    factor: strength * scaleOf(module),
  }));
  const rank = factors.reduce((sum, { down }) => sum + down.rows, 0);
  const [{ up: firstUp, down: firstDown }] = factors;
  const up = matrix(firstUp.rows, rank);
  const down = matrix(rank, firstDown.columns);
  let start = 0;
  for (const part of factors) {
    down.data.set(part.down.data, start * down.columns);
    for (let row = 0; row < up.rows; row++)
      for (let r = 0; r < part.up.columns; r++)
        up.data[row * rank + start + r] = part.factor * part.up.data[row * part.up.columns + r];
    start += part.up.columns;
  }
  return { up, down };
}

/** Σ of all changes as one matrix. */
async function sumOfChanges(parts: readonly Strong[], products: Products): Promise<Tensor> {
  const [first, ...others] = parts;
  const sum = await changeOf(first.module, first.strength, products);
  for (const { module, strength } of others) {
    const { data } = await changeOf(module, strength, products);
    addInPlace(sum.data, data);
  }
  return sum;
}

async function combineFactors(
  parts: readonly Strong[],
  isKernel: boolean,
  { rule, products }: CombineOptions,
): Promise<Omit<Truncated, 'energy'>> {
  const isPlain = parts.every(({ module }) => module.kind === 'lora');
  if (!rule) {
    const other = parts.find(({ module }) => module.kind !== 'lora');
    if (other)
      throw badInput(
        'COMBINE_KIND',
        `${other.module.target} is of the kind ${other.module.kind}, whose ranks cannot stand side by side`,
        'Give --rank or --keep: then it becomes a plain LoRA.',
      );
    const factors = sideBySide(parts);
    return { factors, rank: factors.down.rows, kept: 1 };
  }
  return isPlain
    ? truncateProduct(sideBySide(parts), rule, isKernel)
    : truncateChange(await sumOfChanges(parts, products), rule, isKernel, { products });
}

function sumOf(tensors: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(tensors[0].length);
  for (const data of tensors) addInPlace(out, data);
  return out;
}

/** Whole differences and norms are added up, role by role. */
function addWhole(parts: readonly Strong[]): LoraModule {
  const [{ module: first }] = parts;
  const roles = new Set(parts.flatMap(({ module }) => Object.keys(module.tensors))) as Set<'diff'>;
  const tensors = [...roles].map(role => {
    const scaled = parts.flatMap(({ module, strength }) => {
      const tensor = module.tensors[role];
      return tensor ? [{ shape: tensor.shape, data: tensor.data.map(x => strength * x) }] : [];
    });
    return [role, { shape: scaled[0].shape, data: sumOf(scaled.map(({ data }) => data)) }] as const;
  });
  return { ...first, tensors: Object.fromEntries(tensors) };
}

const isWhole = ({ module: { kind } }: Strong): boolean => kind === 'full' || kind === 'norm';

function checkParts(parts: readonly Strong[]): void {
  const [{ module: first }] = parts;
  const shape = layerShapeOf(first);
  for (const { module } of parts) {
    if (!isSelfContained(module)) throw needsBaseModel(module, 'COMBINE_KIND');
    const other = layerShapeOf(module);
    const size = (s: readonly number[]): number => s.slice(1).reduce((a, b) => a * b, 1);
    if (other[0] === shape[0] && size(other) === size(shape)) continue;
    const message = `${module.target} is [${shape}] in one LoRA and [${other}] in another`;
    throw badInput('COMBINE_SHAPE', message, 'They are for different models.');
  }
}

/** All modules of one layer as one, with alpha = rank. */
export async function combineModules(
  parts: readonly Strong[],
  options: CombineOptions,
): Promise<{ module: LoraModule; facts: CombinedFacts }> {
  const [{ module: first }] = parts;
  const { target } = first;
  if (parts.every(isWhole) && new Set(parts.map(({ module }) => module.kind)).size === 1)
    return { module: addWhole(parts), facts: { target, before: 0, after: 0, kept: 1 } };
  checkParts(parts);
  const shape = layerShapeOf(first);
  const { factors, rank, kept } = await combineFactors(parts, isKernelShape(shape), options);
  const biases = parts.flatMap(({ module, strength }) => biasDelta(module, strength) ?? []);
  const bias = biases.length > 0 ? { diff_b: { shape: [shape[0]], data: sumOf(biases) } } : {};
  const tensors = { ...factorTensors(factors, shape), ...bias };
  const before = parts.reduce((sum, { module }) => sum + module.rank, 0);
  return {
    module: { target, kind: 'lora', tensors, rank, alpha: rank },
    facts: { target, before, after: rank, kept },
  };
}

/** The layers of all files, each with the entries that change it. */
function byTarget(files: readonly CombinedFile[]): Map<string, { entry: LoraEntry; from: CombinedFile }[]> {
  const targets = new Map<string, { entry: LoraEntry; from: CombinedFile }[]>();
  for (const from of files)
    for (const entry of from.file.modules)
      if (entry.target !== undefined)
        targets.set(entry.target, [...(targets.get(entry.target) ?? []), { entry, from }]);
  return targets;
}

/** One LoRA that changes a model as all of them together do; of the files, one layer is in memory at a time. */
export async function combineLoras(
  files: readonly CombinedFile[],
  options: CombineOptions,
): Promise<CombinedLora> {
  if (options.rule) checkRankRule(options.rule);
  const [family] = commonFamilies(files.map(({ file }) => file));
  const targets = byTarget(files);
  const modules: LoraModule[] = [];
  const facts: CombinedFacts[] = [];
  for (const entries of targets.values()) {
    await options.onProgress?.(facts.length, targets.size);
    const parts = entries
      .map(({ entry, from }) => ({
        module: from.file.read(entry),
        strength: strengthAt(entry.target as string, from, family),
      }))
      .filter(({ strength }) => strength !== 0);
    if (parts.length === 0) continue;
    const combined = await combineModules(parts, options);
    modules.push(combined.module);
    facts.push(combined.facts);
  }
  if (modules.length === 0)
    throw usageError('COMBINE_NOTHING', 'nothing is combined: no module has a strength other than 0');
  const leftOut = files.flatMap(({ file }) => leftOutOf(file).map(one => ({ path: file.path, ...one })));
  return { lora: { modules, metadata: combinedMetadata(files, modules) }, modules: facts, leftOut };
}
