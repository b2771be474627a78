/** @file From a recipe file to given fields: spellings unified, every value checked, all problems told at once. */
import { type GoalName, goalNames } from './goals.ts';
import { type Places, type Problem, problemsFrom, recipeError, showValue } from './problems.ts';
import { type GivenRecipe, isRecipeField, type Recipe, recipeFields, recipeSchema } from './schema.ts';
import { fieldNamed } from './spelling.ts';
import { parseSettings, readSettingsText, type Written } from './written.ts';

/** Fields that may be without a value. */
const nullable: ReadonlySet<string> = new Set(
  recipeFields.filter(field => recipeSchema.shape[field].safeParse(null).success),
);

const anyFields = recipeSchema.partial().strict();

/** What a recipe is made from besides its own fields. */
export interface Intent {
  /** Chooses whatever is not said. */
  readonly goal?: GoalName | undefined;
  /** Times that every picture comes, as often as it repeats, instead of `steps`. */
  readonly epochs?: number | undefined;
}

export interface RecipeFile {
  readonly path: string;
  readonly given: GivenRecipe;
  readonly intent: Intent;
  /** Where a field was said: `recipe.toml line 7`. */
  readonly place: Places;
}

/** Free text: the word "none" is a caption like any other. */
const freeText: ReadonlySet<string> = new Set([
  'caption',
  'trigger',
  'priorClass',
  'validationFolder',
  'captionPrefix',
  'captionSuffix',
]);

/** TOML has no word for nothing: "none" is it, where a field may be without a value. */
function withNone(field: keyof Recipe, value: unknown): unknown {
  if (value !== 'none' || freeText.has(field)) return value;
  return nullable.has(field) ? null : value;
}

/** `512`, `"512x768"`, `[512, 768]` → width and height. */
export function sizeFrom(value: unknown): unknown {
  if (typeof value === 'number') return { width: value, height: value };
  if (Array.isArray(value) && value.length === 2) return { width: value[0], height: value[1] };
  const [, width, height] =
    (typeof value === 'string' && /^\s*(\d{1,6})\s*(?:[x×,]\s*(\d{1,6})\s*)?$/i.exec(value)) || [];
  return width === undefined ? value : { width: Number(width), height: Number(height ?? width) };
}

const overrideNames = new Map([
  ['learningrate', 'learningRate'],
  ['lr', 'learningRate'],
]);

function overridesFrom(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const rename = (key: string): string => overrideNames.get(key.toLowerCase().replace(/[-_]/g, '')) ?? key;
  return value.map(one =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).map(([key, inside]) => [rename(key), inside]))
      : one,
  );
}

function optionsFrom(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, own === 'none' ? null : own]));
}

function valueFrom(field: keyof Recipe, value: unknown): unknown {
  if (field === 'resolution') return sizeFrom(value);
  if (field === 'overrides') return overridesFrom(value);
  if (field === 'optimizerOptions') return optionsFrom(value);
  return withNone(field, value);
}

/** Text that no file can hold as UTF-8 would not come back from it. */
const isBroken = (value: unknown): boolean =>
  typeof value === 'string' ? !value.isWellFormed() : Array.isArray(value) && value.some(isBroken);

function intentFrom(values: Readonly<Record<string, unknown>>, problems: Problem[]): Intent {
  const { goal, epochs } = values;
  if (goal !== undefined && !goalNames.includes(goal as GoalName))
    problems.push({
      field: 'goal',
      message: `${showValue(goal)} is not allowed; give ${goalNames.join(', ')}`,
    });
  if (
    epochs !== undefined &&
    !(Number.isInteger(epochs) && (epochs as number) > 0 && (epochs as number) <= 1e6)
  )
    problems.push({
      field: 'epochs',
      message: `${showValue(epochs)} is not allowed; give a whole number from 1 to 1000000`,
    });
  if (epochs !== undefined && values.steps !== undefined)
    problems.push({ field: 'epochs', message: 'does not go with steps: they say the same thing twice' });
  return { goal: goal as GoalName | undefined, epochs: epochs as number | undefined };
}

function fieldsOf({ values, lines }: Written, path: string, problems: Problem[]) {
  const given: Record<string, unknown> = {};
  const places = new Map<string, string>();
  for (const [key, value] of Object.entries(values)) {
    const name = key === 'goal' || key === 'epochs' ? key : (fieldNamed(key) ?? key);
    const line = lines.get(key);
    const place = line === undefined ? path : `${path} line ${line}`;
    if (Object.hasOwn(given, name))
      problems.push({ field: name, message: `is said twice, the second time as ${key}` });
    if (isBroken(value)) problems.push({ field: name, message: `${showValue(value)} is no text` });
    places.set(name, place);
    Object.defineProperty(given, name, {
      value: isRecipeField(name) ? valueFrom(name, value) : value,
      ...{ enumerable: true, configurable: true, writable: true },
    });
  }
  return { given, places };
}

function recipeOf(written: Written, path: string, hasPlaces: boolean): RecipeFile {
  const problems: Problem[] = [];
  const { given, places } = fieldsOf(written, path, problems);
  const place: Places = field => (hasPlaces ? places.get(field) : undefined);
  const intent = intentFrom(given, problems);
  const { goal: _goal, epochs: _epochs, ...fields } = given;
  const result = anyFields.safeParse(fields);
  const all = [...problems, ...(result.success ? [] : problemsFrom(result.error, fields))];
  if (all.length > 0) throw recipeError(all, place);
  return { path, given: result.data as GivenRecipe, intent, place };
}

/** Parses a recipe; throws RECIPE_INVALID with all that is wrong, RECIPE_NOT_JSON, RECIPE_NOT_TOML or RECIPE_DUPLICATE. */
export const parseRecipeFile = (text: string, path: string): RecipeFile =>
  recipeOf(parseSettings(text, path), path, true);

/** The same of values that stand in no file: fields in any spelling. Throws RECIPE_INVALID with all that is wrong. */
export const parseRecipeValues = (values: Readonly<Record<string, unknown>>): RecipeFile =>
  recipeOf({ values, lines: new Map() }, 'recipe', false);

/** Reads a recipe file; see `parseRecipeFile`. Throws RECIPE_UNREADABLE, RECIPE_TOO_LARGE and RECIPE_NOT_TEXT too. */
export const readRecipeFile = (path: string): RecipeFile => parseRecipeFile(readSettingsText(path), path);

/** The fields of a recipe file. */
export const parseRecipe = (text: string, path: string): GivenRecipe => parseRecipeFile(text, path).given;
