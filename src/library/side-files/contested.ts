/** @file What another program's user wrote in a side file and the card says otherwise: never emptied, and never replaced unasked. */
import { badInput } from '../../errors.ts';
import { plainValue } from './kept-json.ts';

type JsonObject = Record<string, unknown>;

/** 0 is "not set" where these stand. */
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === 0 ||
  (typeof value === 'string' && value.trim() === '') ||
  (Array.isArray(value) && value.length === 0);

/** Without what says nothing, so that what is there stays; a number may go where it is to be replaced. */
export const withoutEmptyOver = (
  before: JsonObject,
  after: JsonObject,
  keys: readonly string[],
  replace: boolean,
): JsonObject => {
  const mayGo = (value: unknown): boolean => isEmpty(value) || (replace && typeof value === 'number');
  const kept = keys.filter(key => isEmpty(plainValue(after[key])) && !mayGo(plainValue(before[key])));
  return { ...after, ...Object.fromEntries(kept.map(key => [key, before[key]])) };
};

const isSame = (a: unknown, b: unknown): boolean => {
  const [x, y] = [plainValue(a), plainValue(b)];
  const text = (value: unknown): string =>
    typeof value === 'string' ? value.replace(/\r\n/g, '\n').trim() : JSON.stringify(value);
  return text(x) === text(y);
};

const mostShown = 120;
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

/** Throws SIDE_FILE_DIFFERS where something that is there would be replaced. */
export function refuseChanges(
  path: string,
  before: JsonObject,
  after: JsonObject,
  keys: readonly string[],
): void {
  const changed = keys.filter(key => !isEmpty(plainValue(before[key])) && !isSame(before[key], after[key]));
  if (changed.length === 0) return;
  const list = changed.map(key => `${key}: ${shown(before[key])} would become ${shown(after[key])}`);
  throw badInput(
    'SIDE_FILE_DIFFERS',
    `${path} says something else: ${list.join('; ')}`,
    'Nothing was written. Ask to replace it, or take over here what it says.',
  );
}
