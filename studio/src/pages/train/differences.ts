/** @file What differs between runs: a row a field, a column a run. */

export interface Difference {
  readonly field: string;
  /** One a run; undefined where the run does not say it. */
  readonly values: readonly (string | undefined)[];
}

const written = (value: unknown): string | undefined =>
  value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);

/** Fields whose values are not all the same, in the order of the first run that has them. */
export function differencesOf(recipes: readonly Readonly<Record<string, unknown>>[]): Difference[] {
  const fields = [...new Set(recipes.flatMap(Object.keys))];
  return fields.flatMap(field => {
    const values = recipes.map(recipe => written(recipe[field]));
    return new Set(values).size > 1 ? [{ field, values }] : [];
  });
}
