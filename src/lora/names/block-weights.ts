/**
 * @file Factors on a LoRA's strength by block, as LoRA Block Weight writes them: a list of numbers, the name of a preset,
 * or, beyond it, names with numbers (`M00=0,OUT*=0.5`).
 */
import { usageError } from '../../errors.ts';
import type { Family } from '../../models/index.ts';
import { blockNames, blockWeightLists } from './blocks.ts';
import { familyName } from './family.ts';

/** By name of block; those that are not in it keep the whole strength. */
export type BlockWeights = ReadonlyMap<string, number>;

/** Blocks that keep their strength, besides the text encoder; all others get none. */
const presets: Readonly<Record<string, RegExp>> = {
  NONE: /^$/,
  ALL: /./,
  INALL: /^IN/,
  MID: /^M00$/,
  OUTALL: /^OUT/,
};

/** Those that were made for the depth of these families. */
const fourLevelFamilies: readonly Family[] = ['sd15', 'sd2'];
const fourLevelPresets: Readonly<Record<string, RegExp>> = {
  INS: /^IN0[0-3]$/,
  IND: /^IN0[5-9]|^IN1/,
  MIDD: /^IN0[5-9]|^IN1|^M00$|^OUT0[0-6]$/,
  OUTD: /^OUT0[0-6]$/,
  OUTS: /^OUT0[7-9]$|^OUT1/,
};

const base = 'BASE';

function allNames(family: Family): string[] {
  const blocks = blockNames(family).filter(name => name !== 'EMB' && name !== 'END');
  return [base, ...new Set(blocks)];
}

const presetsOf = (family: Family): typeof presets =>
  fourLevelFamilies.includes(family) ? { ...presets, ...fourLevelPresets } : presets;

function fromPreset(text: string, family: Family): BlockWeights | undefined {
  const rows = presetsOf(family);
  const name = text.toUpperCase();
  if (!Object.hasOwn(rows, name)) {
    if (!Object.hasOwn(fourLevelPresets, name)) return undefined;
    const made = fourLevelFamilies.map(familyName).join(' and ');
    throw invalid(text, `this preset is for ${made}; the base is ${familyName(family)}`, family);
  }
  const keeps = (block: string): boolean => rows[name].test(block) || (block === base && name !== 'NONE');
  return new Map(allNames(family).map(block => [block, keeps(block) ? 1 : 0]));
}

function invalid(text: string, why: string, family: Family): Error {
  const lengths = blockWeightLists(family).map(list => list.length);
  const known = Object.keys(presetsOf(family));
  const hint = `Give ${lengths.join(' or ')} numbers, one of ${known.join(', ')}, or names such as M00=0,OUT*=0.5 (${allNames(family).join(' ')}).`;
  return usageError('BLOCK_WEIGHTS_INVALID', `block weights "${text}": ${why}`, hint);
}

function numberOf(item: string, text: string, family: Family): number {
  const value = Number(item);
  if (item.trim() === '' || !Number.isFinite(value)) throw invalid(text, `"${item}" is not a number`, family);
  return value;
}

function fromNames(text: string, family: Family): BlockWeights {
  const weights = new Map<string, number>();
  for (const pair of text.split(',')) {
    const [name, value, ...more] = pair.split('=').map(part => part.trim());
    if (value === undefined || more.length > 0) throw invalid(text, `"${pair}" is not NAME=NUMBER`, family);
    const wanted = name.toUpperCase();
    const hits = allNames(family).filter(block =>
      wanted.endsWith('*') ? block.startsWith(wanted.slice(0, -1)) : block === wanted,
    );
    if (hits.length === 0) throw invalid(text, `there is no block ${name}`, family);
    for (const block of hits) weights.set(block, numberOf(value, text, family));
  }
  return weights;
}

/** Reads block weights for a family; throws BLOCK_WEIGHTS_INVALID with what could be written. */
export function parseBlockWeights(text: string, family: Family): BlockWeights {
  const preset = fromPreset(text.trim(), family);
  if (preset) return preset;
  if (text.includes('=')) return fromNames(text, family);
  const items = text.split(',');
  if (/^[a-z]+$/i.test(text.trim())) throw invalid(text, 'there is no preset of that name', family);
  const list = blockWeightLists(family).find(({ length }) => length === items.length);
  if (!list) throw invalid(text, `${items.length} numbers are not one for each block`, family);
  return new Map(list.map((name, i) => [name, numberOf(items[i], text, family)]));
}
