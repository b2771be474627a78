/** @file `strength of alice: 0.4-1 [4]`: the name of an axis, the LoRA it is about, its values. */
import { resolveSampler } from '../../diffusion/index.ts';
import { type LoraError, nearestWords, usageError } from '../../errors.ts';
import type { PictureSettings } from '../settings/schema.ts';
import type { AxisContext, AxisRow, AxisValue } from './axes/row.ts';
import { axisNames, axisTable, findAxis } from './axes/table.ts';
import { type Failures, type Item, mostValues, splitValues } from './values.ts';

/** An axis as it was given. */
export interface AxisText {
  /** Where: `--x`. */
  readonly place: string;
  readonly text: string;
}

export interface Axis {
  readonly place: string;
  readonly row: AxisRow;
  readonly subject: string | undefined;
  readonly isAdded: boolean;
  /** What it is called on the sheet. */
  readonly title: string;
  readonly values: readonly AxisValue[];
}

interface Head {
  readonly row: AxisRow;
  readonly subject: string | undefined;
  readonly isAdded: boolean;
}

const syntaxHint = 'Write the axis, a colon, its values: --x "strength: 0.4-1 [4]".';

function unknown(name: string, place: string): LoraError {
  const near = nearestWords(name, axisNames());
  const all = axisTable.map(row => row.name).join(', ');
  const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}? Axes: ${all}.` : `Axes: ${all}.`;
  return usageError('COMPARE_AXIS_UNKNOWN', `${place}: there is no axis "${name}"`, hint);
}

/** `+lora of alice` → the row, what it is about, whether it adds a LoRA. */
function parseHead(text: string, place: string): Head {
  const isAdded = text.startsWith('+');
  const whole = text.replace(/^\+\s*/, '').trim();
  const [, short = whole, subject] = /^(.*?)\s+of\s+(.+)$/i.exec(whole) ?? [];
  const row = findAxis(whole) ?? findAxis(short);
  if (!row) throw unknown(whole, place);
  const named = findAxis(whole) === undefined ? subject : undefined;
  if (named !== undefined && !row.ofLora)
    throw usageError(
      'COMPARE_AXIS_INVALID',
      `${place} ${row.name} is not about a LoRA, so not "of ${named}"`,
    );
  if (isAdded && row.name !== 'lora' && row.name !== 'epoch')
    throw usageError(
      'COMPARE_AXIS_INVALID',
      `${place}: +${row.name} cannot add a LoRA; +lora and +epoch can`,
    );
  return { row, subject: named, isAdded };
}

function failuresOf(place: string, name: string): Failures {
  const error = (why: string, hint?: string): LoraError =>
    usageError('COMPARE_AXIS_INVALID', `${place} ${name} ${why}`, hint);
  return {
    fail: error,
    failAt: ({ text, number }: Item, why, hint) =>
      usageError('COMPARE_AXIS_INVALID', `${place} ${name}: value ${number}, "${text}", ${why}`, hint),
  };
}

/**
 * Reads an axis. Throws COMPARE_AXIS_SYNTAX, COMPARE_AXIS_UNKNOWN with near names, COMPARE_AXIS_INVALID with the value
 * that cannot be used, COMPARE_TOO_MANY, and what finding LoRAs throws.
 */
export function parseAxis({ place, text }: AxisText, context: AxisContext): Axis {
  const at = text.indexOf(':');
  if (at < 0) {
    const name = text.trim().split(/\s+/)[0] ?? '';
    const about = name === '' ? 'names no axis' : `"${text.trim()}" has no values`;
    throw usageError('COMPARE_AXIS_SYNTAX', `${place} ${about}`, syntaxHint);
  }
  const { row, subject, isAdded } = parseHead(text.slice(0, at), place);
  const title = subject === undefined ? row.name : `${row.name} of ${subject}`;
  const failures = failuresOf(place, title);
  const items = splitValues(text.slice(at + 1), failures);
  const values = row.read({ ...context, ...failures, items, subject, isAdded });
  if (values.length > mostValues) {
    const message = `${place} ${title} has more than ${mostValues.toLocaleString('en')} values`;
    throw usageError('COMPARE_TOO_MANY', message);
  }
  return { place, row, subject, isAdded, title, values };
}

/** Which axes are about the same thing, so that one would undo the other. */
const undoes: readonly (readonly string[])[] = [['lora', 'epoch']];

const thingOf = ({ row }: Axis): string => undoes.find(names => names.includes(row.name))?.[0] ?? row.name;

/** Throws COMPARE_AXIS_INVALID for an axis about something that neither the pictures nor other axes have. */
export function checkLacks(axes: readonly Axis[], base: PictureSettings): void {
  const names = axes.map(({ row }) => row.name);
  for (const { row, place, title } of axes) {
    const lack = row.lacks?.(base, names);
    if (lack) throw failuresOf(place, title).fail(lack.why, lack.hint);
  }
}

/** Axes that may be given twice: each can search for something else. */
const repeatable = new Set(['S/R']);

/** A sampler with its scheduler beside an axis of schedulers. */
function checkSchedulers(axes: readonly Axis[]): void {
  const samplers = axes.find(({ row }) => row.name === 'sampler');
  const schedulers = axes.find(({ row }) => row.name === 'scheduler');
  if (!samplers || !schedulers) return;
  const both = samplers.values.find(({ label }) => resolveSampler(label).samplerLabel !== label);
  if (!both) return;
  const message = `${samplers.place} sampler has ${both.label}, and ${schedulers.place} has schedulers too`;
  throw usageError('COMPARE_AXIS_TWICE', message, 'Leave the scheduler out of one of them.');
}

/** Throws COMPARE_AXIS_TWICE for two axes of which the second would undo the first. */
export function checkApart(axes: readonly Axis[]): void {
  checkSchedulers(axes);
  for (const [i, axis] of axes.entries()) {
    const before = axes.slice(0, i).find(other => {
      const isSame = thingOf(other) === thingOf(axis) && other.subject === axis.subject;
      if (!isSame || other.isAdded || axis.isAdded) return false;
      return !repeatable.has(axis.row.name) || other.values[0].label === axis.values[0].label;
    });
    if (!before) continue;
    const message = `${before.place} ${before.title} and ${axis.place} ${axis.title} are about the same`;
    throw usageError('COMPARE_AXIS_TWICE', message, 'Leave one of them out.');
  }
}
