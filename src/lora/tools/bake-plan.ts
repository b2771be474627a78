/** @file Which modules must become plain LoRA for a dialect, and which cannot: a norm or a bias is no matrix. */
import { type WrittenDialect, wordlessIn } from '../file/dialect-tensors.ts';
import { byPart } from '../file/peft-config.ts';
import { changesOf } from '../kinds/delta.ts';
import { isLowRank, type LoraModule } from '../kinds/module.ts';

export interface BakePlan {
  readonly baked: ReadonlySet<LoraModule>;
  /** Modules that the dialect has no word for, baked or not. */
  readonly stuck: readonly { readonly why: string; readonly modules: readonly LoraModule[] }[];
}

/** Whether it changes a matrix or a kernel: that of a norm is a vector. */
const changesMatrix = ({ kind, tensors }: LoraModule): boolean =>
  kind === 'full' ? (tensors.diff?.shape.length ?? 0) > 1 : kind !== 'norm';

const hasBias = (module: LoraModule): boolean => changesOf(module).bias;
const hasMagnitude = ({ tensors }: LoraModule): boolean => tensors.magnitude !== undefined;

/** kohya's words are LyCORIS' too; those for a vector stay, all that is a matrix becomes two. */
function planForKohya(modules: readonly LoraModule[]): BakePlan {
  const isBaked = (module: LoraModule): boolean =>
    changesMatrix(module) && (!isLowRank(module) || module.tensors.mid !== undefined);
  return { baked: new Set(modules.filter(isBaked)), stuck: [] };
}

/** PEFT has DoRA and the bias of up on all layers of a part or on none. */
function planForPeft(modules: readonly LoraModule[], to: WrittenDialect): BakePlan {
  const baked = new Set(modules.filter(module => wordlessIn(to, module)));
  const partlyBiased: LoraModule[] = [];
  for (const ofPart of byPart(modules).values()) {
    const isDora = (module: LoraModule): boolean => hasMagnitude(module) && !baked.has(module);
    if (!ofPart.every(isDora)) for (const module of ofPart.filter(isDora)) baked.add(module);
    if (!ofPart.every(hasBias)) partlyBiased.push(...ofPart.filter(hasBias));
  }
  const vectors = modules.filter(module => !changesMatrix(module));
  const biases = partlyBiased.filter(module => changesMatrix(module));
  const stuck = [
    { why: 'change a norm or a bias only', modules: vectors },
    { why: 'change a bias, which not all layers do', modules: biases },
  ];
  return { baked, stuck: stuck.filter(({ modules: { length } }) => length > 0) };
}

/** What baking does to the modules of a file, of which only shapes are looked at. */
export const planBaking = (modules: readonly LoraModule[], to: WrittenDialect): BakePlan =>
  to === 'kohya' ? planForKohya(modules) : planForPeft(modules, to);
