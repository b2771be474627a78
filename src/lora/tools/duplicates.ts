/**
 * @file Which LoRAs of a folder are the same one: equal tensors under other names, the same ΔW in another dialect or type,
 * the same ΔW rounded, resized or scaled. Each file was read once for its sketch; only likely pairs are compared in full.
 */
import { LoraError } from '../../errors.ts';
import type { Inspected } from '../inspect/inspect.ts';
import { sketchCosine } from '../inspect/sketch.ts';
import type { Multiply } from '../kinds/matrices.ts';
import { diffLoras } from './diff.ts';
import type { Verdict } from './diff-facts.ts';

export interface Duplicate {
  readonly path: string;
  /** How it is like the first of its group. */
  readonly verdict: Exclude<Verdict, 'different'>;
  readonly cosine?: number;
  /** ‖ΔW‖ over that of the first. */
  readonly strength: number;
}

export interface DuplicateGroup {
  /** The largest file: the one that kept most. */
  readonly path: string;
  readonly others: readonly Duplicate[];
}

/** Sketches are a few numbers a module, so the cosine of ΔW may be above its limit where theirs is a little below. */
const likelyCosine = 0.97;

const sizeOf = ({ facts }: Inspected): number => facts.files.reduce((sum, { bytes }) => sum + bytes, 0);

const hashOf = ({ facts }: Inspected, name: 'sha256' | 'tensors'): string =>
  facts.files.map(({ hashes }) => hashes[name]).join();

/** How `lora` is like `first`; undefined where it is another LoRA. */
async function likeness(
  first: Inspected,
  lora: Inspected,
  multiply: Multiply | undefined,
): Promise<Duplicate | undefined> {
  const { path } = lora.facts;
  if (hashOf(first, 'sha256') === hashOf(lora, 'sha256')) return { path, verdict: 'file', strength: 1 };
  if (hashOf(first, 'tensors') === hashOf(lora, 'tensors')) return { path, verdict: 'tensors', strength: 1 };
  if (!(Math.abs(sketchCosine(first.sketch, lora.sketch)) >= likelyCosine)) return undefined;
  try {
    const { verdict, norms, cosine } = await diffLoras(first.facts.path, path, multiply ? { multiply } : {});
    if (verdict === 'different' || cosine === undefined) return undefined;
    return { path, verdict, cosine, strength: norms[1] / norms[0] };
  } catch (error) {
    // Broken files were told when they were inspected.
    if (error instanceof LoraError) return undefined;
    throw error;
  }
}

/** Groups of two or more, larger files first; files that are like no other are not told. */
export async function findDuplicates(
  loras: readonly Inspected[],
  multiply?: Multiply,
): Promise<DuplicateGroup[]> {
  const groups: { readonly first: Inspected; readonly others: Duplicate[] }[] = [];
  for (const lora of [...loras].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    let found: Duplicate | undefined;
    for (const { first, others } of groups) {
      found = await likeness(first, lora, multiply);
      if (!found) continue;
      others.push(found);
      break;
    }
    if (!found) groups.push({ first: lora, others: [] });
  }
  return groups.flatMap(({ first, others }) =>
    others.length > 0 ? [{ path: first.facts.path, others }] : [],
  );
}
