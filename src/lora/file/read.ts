/** @file Reads a LoRA file for a base model, and tells what was done with every tensor in it. */
import type { Shape, Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { misfit } from '../kinds/fit.ts';
import type { BaseLayer, LoraModule, LoraWeights } from '../kinds/module.ts';
import { familyName, familyOfContextWidth } from '../names/family.ts';
import type { LoraBase } from './base.ts';
import { type ReadEmbeddings, readEmbeddings } from './embeddings.ts';
import type { LoraEntry } from './entry.ts';
import type { Skipped } from './group.ts';
import { type LoraFile, type OpenLoraOptions, openLoraFile } from './open.ts';
import { type LoadReport, reportOf } from './report.ts';

export interface ReadOptions extends LoraBase, Pick<OpenLoraOptions, 'allowNonfinite'> {
  /** Throw LORA_STRICT when a tensor is not used. */
  readonly strict?: boolean;
  /** Embeddings beside the LoRA are used too. */
  readonly embeddings?: boolean;
}

const baseName = ({ family, contextWidth }: LoraBase): string =>
  family ? familyName(family) : familyOfContextWidth(contextWidth);

function wrongModel({ path, family }: LoraFile, base: LoraBase, because: string): Error {
  const made = family && family.name !== baseName(base) ? family.name : 'another model';
  const message = `${path} was made for ${made}, the base is ${baseName(base)} (${because})`;
  return badInput('LORA_WRONG_MODEL', message, 'Choose a base of the same family as the LoRA.');
}

/** Throws LORA_WRONG_MODEL: a few layers of another family's file may fit by chance; they are not for this model. */
export function checkFamily(file: LoraFile, base: LoraBase): void {
  const { family } = file;
  if (!family) return;
  const { textWidth, families, because } = family;
  const isOther =
    textWidth === undefined
      ? base.family !== undefined && !families.includes(base.family)
      : textWidth !== base.contextWidth;
  if (isOther) throw wrongModel(file, base, because);
}

/** A plain LoRA in the shapes of its layer: 1×1 convolutions and linear layers hold the same numbers. */
function inLayerShape(module: LoraModule, { shape: [out, inside, ...kernel] }: BaseLayer): LoraModule {
  const { kind, tensors, rank } = module;
  if (kind !== 'lora') return module;
  const { down, up, mid } = tensors as { down: Tensor; up: Tensor; mid?: Tensor };
  const ones = kernel.map(() => 1);
  const downShape: Shape = [rank, inside, ...(mid ? ones : kernel)];
  const fitted = {
    ...tensors,
    down: { shape: downShape, data: down.data },
    up: { shape: [out, up.data.length / out, ...ones], data: up.data },
  };
  return { ...module, tensors: fitted };
}

const noLayer = (entry: LoraEntry): string =>
  entry.target === undefined
    ? 'no layer of Stable Diffusion has such a name'
    : `the base model has no ${entry.target}`;

/** All entries that are not used, key by key. */
const skip = (entry: LoraEntry, reason: string): Skipped[] =>
  [...entry.keys.values()].map(key => ({ key, reason }));

function refuseStrict({ path, tensors }: LoraFile, skipped: readonly Skipped[]): void {
  if (skipped.length === 0) return;
  const some = skipped.slice(0, 3).map(({ key, reason }) => `${key}: ${reason}`);
  const message = `${path}: ${skipped.length} of ${tensors} tensors are not used (${some.join('; ')}${skipped.length > 3 ? ' …' : ''})`;
  throw badInput('LORA_STRICT', message, 'Without --strict the others are used.');
}

/** What is not used where embeddings are, with the reason of each. */
function withoutEmbeddings(
  skipped: readonly Skipped[],
  { used, skipped: misfits }: ReadEmbeddings,
): Skipped[] {
  const reasons = new Map(misfits.map(({ key, reason }) => [key, reason]));
  return skipped
    .filter(({ key }) => !used.has(key))
    .map(({ key, reason }) => ({ key, reason: reasons.get(key) ?? reason }));
}

/** Throws when nothing of a file can be used on this base, or so little that it cannot be meant for it. */
function checkEnough(file: LoraFile, base: LoraBase, used: number, misfits: readonly string[]): void {
  if (used > 0 && misfits.length <= used) return;
  if (misfits.length > 0) throw wrongModel(file, base, misfits[0]);
  if (file.modules.every(({ target }) => target === undefined)) {
    const message = `${file.path} is a LoRA of another kind of model: no layer of Stable Diffusion is called ${file.modules[0].name}`;
    throw badInput('LORA_OTHER_MODEL', message, 'Supported are Stable Diffusion 1.x, 2.x and SDXL.');
  }
  throw wrongModel(file, base, `none of its ${file.tensors} tensors fits`);
}

/**
 * Loads a file or a folder of PEFT for a base. Throws LORA_WRONG_MODEL for one that was made for another family,
 * LORA_NOT_FINITE for NaN, LORA_STRICT where that is asked, and what openLoraFile throws.
 */
export function readLora(path: string, base: ReadOptions): { lora: LoraWeights; report: LoadReport } {
  const file = openLoraFile(path, { ...base, hold: true });
  checkFamily(file, base);
  const layers = new Map(base.layers.map(layer => [layer.target, layer]));
  const used = new Map<LoraEntry, LoraModule>();
  const skipped = [...file.skipped];
  const misfits: string[] = [];
  let mismatched = 0;
  for (const entry of file.modules) {
    const layer = layers.get(entry.target ?? '');
    if (!layer) {
      skipped.push(...skip(entry, noLayer(entry)));
      continue;
    }
    const module = file.read(entry);
    const why = misfit(module, layer.shape);
    if (why) {
      skipped.push(...skip(entry, `${layer.target}: ${why}`));
      misfits.push(`${entry.name}: ${why}`);
      mismatched += entry.keys.size;
    } else used.set(entry, inLayerShape(module, layer));
  }
  checkEnough(file, base, used.size, misfits);
  const words = base.embeddings ? readEmbeddings(file.files, base) : undefined;
  const unused = words ? withoutEmbeddings(skipped, words) : skipped;
  if (base.strict) refuseStrict(file, unused);
  const report = reportOf(file, new Set(used.keys()), unused, mismatched, words);
  const lora = { modules: [...used.values()], metadata: file.metadata };
  return { lora: words ? { ...lora, embeddings: words.embeddings } : lora, report };
}
