/** @file All values of a recipe with where each comes from: as data and as text. */
import type { BaseFacts } from './checks/check.ts';
import { fieldGroups } from './groups.ts';
import { type Origin, originWords } from './origins.ts';
import type { Recipe, RecipeField } from './schema.ts';
import type { Settled } from './settle.ts';

export interface Explained {
  readonly group: string;
  readonly field: RecipeField;
  readonly value: unknown;
  /** As people read it. */
  readonly shown: string;
  readonly origin: Origin;
  /** The origin in words. */
  readonly why: string;
}

const fromBase: Readonly<Partial<Record<RecipeField, (base: BaseFacts) => unknown>>> = {
  predictionType: ({ predictionType }) => predictionType,
  zeroTerminalSnr: ({ zeroTerminalSnr }) => zeroTerminalSnr,
  maxTimestep: ({ trainSteps }) => trainSteps,
};

function showField(field: RecipeField, recipe: Recipe, base: BaseFacts): string {
  const value = recipe[field];
  if (field === 'resolution') return `${recipe.resolution.width}x${recipe.resolution.height}`;
  if (value === null) {
    const known = fromBase[field]?.(base);
    return known === undefined ? '–' : `${known}`;
  }
  if (value === '') return '""';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Every field of a recipe in its group. */
export function explainRecipe({ recipe, origins }: Settled, base: BaseFacts): Explained[] {
  return fieldGroups.flatMap(({ heading, fields }) =>
    (Object.keys(fields) as RecipeField[]).map(field => {
      const origin = origins.get(field) ?? { from: 'default' };
      const why = originWords(origin);
      return {
        group: heading,
        field,
        value: recipe[field],
        shown: showField(field, recipe, base),
        origin,
        why,
      };
    }),
  );
}

/** A table, group by group. */
export function explanationText(rows: readonly Explained[]): string {
  const name = Math.max(...rows.map(({ field }) => field.length));
  const value = Math.min(24, Math.max(...rows.map(({ shown }) => shown.length)));
  const groups = [...new Set(rows.map(({ group }) => group))];
  const lineOf = ({ field, shown, why }: Explained): string =>
    `  ${field.padEnd(name)}  ${shown.padEnd(value)}  ${why}`.trimEnd();
  return groups
    .map(group => [group, ...rows.filter(row => row.group === group).map(lineOf)].join('\n'))
    .join('\n\n');
}
