/**
 * @file The small language that says which layers are meant: terms with commas between them, each one a preset, a
 * block, a glob or a regular expression, or several of these with `&`; `!` leaves out.
 */
import { usageError } from '../../../errors.ts';
import type { Family } from '../../../models/index.ts';
import { blockIndices, blockNameOf, blockNames } from '../../names/blocks.ts';
import { presetMatcher } from './presets.ts';

/** One condition on a layer: `attention`, `block:mid`, `*.to_k`, `/attn[12]/`. */
export interface Condition {
  readonly text: string;
  readonly isNegated: boolean;
  readonly matches: (target: string) => boolean;
}

/** Conditions that a layer must all meet. */
export interface Term {
  readonly text: string;
  /** Written with `!` in front: what it means is left out of what the others choose. */
  readonly isExclusion: boolean;
  readonly conditions: readonly Condition[];
}

function invalid(option: string, text: string, why: string, hint?: string): Error {
  return usageError('TARGET_INVALID', `${option} ${text}: ${why}`, hint);
}

/** End of the regular expression that starts at `start`, behind its flags; undefined when it does not end. */
function endOfPattern(text: string, start: number): number | undefined {
  for (let i = start + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '/') return i + 1 + (/^[a-z]*/.exec(text.slice(i + 1))?.[0].length ?? 0);
  }
  return undefined;
}

/** Cuts at commas and `&`, but not inside a regular expression: [[condition, …] of the first term, …]. */
function cut(text: string, option: string): string[][] {
  const terms: string[][] = [[]];
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    if (text[i] === '/' && /^\s*!?\s*$/.test(text.slice(start, i))) {
      const end = endOfPattern(text, i);
      if (end === undefined)
        throw invalid(option, text.slice(i), 'the regular expression has no / at its end');
      i = end;
    }
    if (i < text.length && text[i] !== ',' && text[i] !== '&') continue;
    terms[terms.length - 1].push(text.slice(start, i).trim());
    if (text[i] === ',') terms.push([]);
    start = i + 1;
  }
  return terms;
}

function globMatcher(glob: string): (target: string) => boolean {
  const escaped = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const pattern = new RegExp(`(^|\\.)${escaped}$`);
  return target => pattern.test(target);
}

function patternMatcher(text: string, option: string): (target: string) => boolean {
  const end = text.lastIndexOf('/');
  const flags = text.slice(end + 1);
  if (!/^i?$/.test(flags)) throw invalid(option, text, `there is no flag ${flags}`, 'The only flag is i.');
  try {
    const pattern = new RegExp(text.slice(1, end), flags);
    return target => pattern.test(target);
  } catch (cause) {
    throw invalid(option, text, (cause as Error).message);
  }
}

/** `block:down.1`, `block:mid`, `block:IN04`; of a text encoder `block:layers.3`. */
function blockMatcher(name: string, family: Family | undefined): ((target: string) => boolean) | undefined {
  const direction = /^(down|up|mid)(?:_blocks?)?(\.\d+)?$/.exec(name);
  if (direction) {
    const start = `unet.${direction[1]}_block${direction[1] === 'mid' ? '' : 's'}${direction[2] ?? ''}.`;
    return target => target.startsWith(start);
  }
  if (/^layers\.\d+$/.test(name)) return target => target.includes(`.encoder.${name}.`);
  if (name.toUpperCase() === 'BASE') return target => target.startsWith('text_encoder');
  const indices = family ? blockIndices(name, family) : [];
  if (!family || indices.length === 0) return undefined;
  const own = blockNames(family)[indices[0]];
  return target => blockNameOf(target, family) === own;
}

function unknownBlock(text: string, option: string, family: Family | undefined): Error {
  const names = family ? [...new Set(blockNames(family))] : [];
  const numbers = names.length > 0 ? `, or ${names[0]} … ${names.at(-1)}` : '';
  const hint = `Blocks are down, down.0 …, mid, up, up.0 …${numbers}.`;
  return usageError('TARGET_UNKNOWN', `${option} ${text} is no block of this model`, hint);
}

function condition(written: string, option: string, family: Family | undefined): Condition {
  const isNegated = written.startsWith('!');
  const text = isNegated ? written.slice(1).trim() : written;
  if (text === '') throw invalid(option, `"${written}"`, 'a part of it is empty');
  const block = /^block:\s*(.*)$/.exec(text)?.[1];
  const matches =
    block === undefined
      ? (presetMatcher(text) ?? (text.startsWith('/') ? patternMatcher(text, option) : globMatcher(text)))
      : blockMatcher(block, family);
  if (!matches) throw unknownBlock(text, option, family);
  return { text, isNegated, matches };
}

/** Reads an expression; `option` is what errors call it. Throws TARGET_INVALID or, for unknown blocks, TARGET_UNKNOWN. */
export function parseTargets(expression: string, option: string, family: Family | undefined): Term[] {
  return cut(expression, option).map(parts => {
    const [first, ...rest] = parts.map(part => condition(part, option, family));
    return {
      text: parts.join('&'),
      isExclusion: first.isNegated,
      conditions: [{ ...first, isNegated: false }, ...rest],
    };
  });
}

/** Whether a layer meets all conditions of a term. */
export const meets = (target: string, { conditions }: Term): boolean =>
  conditions.every(({ matches, isNegated }) => matches(target) !== isNegated);
