/** @file Everything that is wrong with a recipe, told at once: field, value, what is allowed, and what may have been meant. */
import type { z } from 'zod';
import { type LoraError, nearestWords, usageError } from '../../errors.ts';
import { allowedWords, keysAt } from './allowed.ts';
import { isRecipeField, type RecipeField, recipeFields } from './schema.ts';
import { meantFields } from './spelling.ts';

/** One thing that is wrong. */
export interface Problem {
  readonly field: string;
  /** `"10" is not a number above 0`; without the field's name. */
  readonly message: string;
  readonly hint?: string;
  /** Its own code, where one thing alone is wrong; RECIPE_INVALID unless said. */
  readonly code?: string;
}

/** Where a field was said, for messages: `recipe.toml line 7`. */
export type Places = (field: string) => string | undefined;

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value too deep to show';
  }
}

/** A value as it is shown: short, on one line. */
export function showValue(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint') return `${value}`;
  const text = asJson(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path)
    at = at === null || typeof at !== 'object' ? undefined : (at as Record<PropertyKey, unknown>)[key];
  return at;
}

/** `overrides.0.rank` → `overrides[0].rank` */
const showPath = (path: readonly PropertyKey[]): string =>
  path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('');

function unknownKey(key: string, path: readonly PropertyKey[]): Problem {
  const shown = showPath([...path, key.length > 60 ? `${key.slice(0, 57)}…` : key]);
  const [first, ...inside] = path;
  const known = typeof first === 'string' && isRecipeField(first) ? keysAt(first, inside) : undefined;
  const nearest = known ? nearestWords(key, known) : meantFields(key);
  const guess =
    nearest.length > 0
      ? `; did you mean ${nearest.join(' or ')}?`
      : known
        ? `; give ${known.join(', ')}`
        : '';
  return { field: shown, message: `there is no such field${guess}` };
}

function problemsOf(issue: z.core.$ZodIssue, input: unknown): Problem[] {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => unknownKey(key, path));
  const [first, ...inside] = path;
  const field = String(first) as RecipeField;
  const value = valueAt(input, path);
  const allowed = isRecipeField(field) ? allowedWords(field, inside) || allowedWords(field) : '';
  if (value === undefined) return [{ field: showPath(path), message: `is missing; give ${allowed}` }];
  if (issue.code === 'invalid_format')
    return [{ field: showPath(path), message: `${showValue(value)} ${issue.message}` }];
  const guess = typeof value === 'string' ? nearestWords(value, allowed.split(/, | or /), 1)[0] : undefined;
  const meant = guess !== undefined && guess !== value ? `; did you mean ${guess}?` : '';
  return [{ field: showPath(path), message: `${showValue(value)} is not allowed; give ${allowed}${meant}` }];
}

/** What a schema found, in the order of the recipe's fields. */
export function problemsFrom(error: z.ZodError, input: unknown): Problem[] {
  const place = ({ field }: Problem): number => {
    const at = recipeFields.indexOf(field.split(/[.[]/)[0] as RecipeField);
    return at < 0 ? recipeFields.length : at;
  };
  return error.issues.flatMap(issue => problemsOf(issue, input)).sort((a, b) => place(a) - place(b));
}

/** More than this many at once help nobody. */
const mostShown = 20;

/** One error for all that is wrong. */
export function recipeError(problems: readonly Problem[], places: Places = () => undefined): LoraError {
  const line = ({ field, message }: Problem): string => {
    const place = places(field.split(/[.[]/)[0]);
    return `${field}: ${message}${place === undefined ? '' : ` (${place})`}`;
  };
  const [only, ...others] = problems;
  if (others.length === 0)
    return usageError(only.code ?? 'RECIPE_INVALID', `recipe field ${line(only)}`, only.hint);
  const shown = problems.slice(0, mostShown).map(problem => `\n  ${line(problem)}`);
  const more = problems.length > mostShown ? `\n  and ${problems.length - mostShown} more` : '';
  const hints = [...new Set(problems.flatMap(({ hint }) => hint ?? []))];
  const hint = hints.length > 0 ? hints.join(' ') : undefined;
  return usageError(
    'RECIPE_INVALID',
    `the recipe has ${problems.length} problems:${shown.join('')}${more}`,
    hint,
  );
}
