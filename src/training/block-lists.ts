/**
 * @file kohya's lists of one number a block: 25 for SD 1 and 2, 23 for SDXL, or down/middle/up with slashes between
 * them, where a rate may be a curve by name (sd-scripts networks/lora.py, get_block_lr_weight).
 */
import { usageError } from '../errors.ts';
import { blockIndices, blockNames } from '../lora/index.ts';
import type { Family } from '../models/index.ts';

/** From place 0 … 1 of a direction's blocks to the factor of their rate. */
const curves: Readonly<Record<string, (place: number) => number>> = {
  sine: place => Math.sin((place * Math.PI) / 2),
  cosine: place => Math.sin(((1 - place) * Math.PI) / 2),
  linear: place => place,
  reverse_linear: place => 1 - place,
  zeros: () => 0,
};

export interface BlockListRule {
  /** How errors call the list. */
  readonly field: string;
  readonly allowCurves?: boolean;
  readonly isAllowed: (value: number) => boolean;
  /** What a value must be, for errors: `a whole number`. */
  readonly what: string;
}

function wrong(field: string, why: string, hint?: string): Error {
  return usageError('RECIPE_INVALID', `recipe field ${field}: ${why}`, hint);
}

/** `0.5,1,1`, or `cosine+0.1` for `count` blocks. */
function section(text: string, count: number, { field, allowCurves }: BlockListRule): number[] {
  const [, name, base] = /^([a-z_]+)(?:\+(.+))?$/.exec(text.trim()) ?? [];
  if (name !== undefined && allowCurves && Object.hasOwn(curves, name)) {
    const add = base === undefined ? 0 : Number(base);
    return Array.from({ length: count }, (_, i) => curves[name](count === 1 ? 0 : i / (count - 1)) + add);
  }
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.some(value => !Number.isFinite(value))) {
    const known = allowCurves ? ` Curves: ${Object.keys(curves).join(', ')}, each with +base.` : '';
    throw wrong(field, `"${text.trim()}" is no list of numbers.${known}`);
  }
  if (values.length === count) return values;
  throw wrong(field, `"${text.trim()}" has ${values.length} numbers, its blocks are ${count}`);
}

/** How many blocks go down, are the middle, go up; SDXL has one more in front and one behind. */
function sizesOf(family: Family): { sizes: number[]; before: number } {
  const middle = blockIndices('M00', family);
  const total = blockNames(family).length;
  const before = blockIndices('EMB', family).length;
  return {
    sizes: [middle[0] - before, middle.length, total - before - 1 - middle[middle.length - 1]],
    before,
  };
}

/** The number of every block, by kohya's index; undefined where a list says nothing of it. */
export function parseBlockList(
  list: string | readonly number[],
  family: Family,
  rule: BlockListRule,
): (number | undefined)[] {
  const { field, isAllowed, what } = rule;
  const count = blockNames(family).length;
  const { sizes, before } = sizesOf(family);
  const text = typeof list === 'string' ? list : list.join(',');
  const sections = text.split('/');
  let values: (number | undefined)[];
  if (sections.length === 3) {
    const inside = sections.flatMap((part, i) => section(part, sizes[i], rule));
    const ends = Array<undefined>(before).fill(undefined);
    values = [...ends, ...inside, ...ends];
  } else if (sections.length === 1 && text.split(',').length === count) {
    values = section(text, count, rule);
  } else {
    const hint = `Give ${count} numbers, or ${sizes.join(' / ')} with slashes between them.`;
    throw wrong(field, `"${text}" does not fit the ${count} blocks of this model`, hint);
  }
  const bad = values.find(value => value !== undefined && !isAllowed(value));
  if (bad !== undefined) throw wrong(field, `${bad} is not ${what}`);
  return values;
}
