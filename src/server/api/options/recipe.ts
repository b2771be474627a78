/** @file The fields of a recipe as a form shows them: kind, choices and what they are by themselves, read from its schema. */
import { z } from 'zod';
import {
  completeRecipe,
  fieldGroups,
  goalNames,
  goalTexts,
  type RecipeField,
  recipeFields,
  recipeSchema,
} from '../../../training/index.ts';
import type { ApiRecipeOptions } from '../../schemas/system.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
}

const types: Readonly<Record<string, string>> = {
  number: 'number',
  integer: 'integer',
  boolean: 'switch',
  array: 'list',
};

/** Alternatives without "none". */
function parts(schema: JsonSchema): JsonSchema[] {
  return (schema.anyOf ?? [schema])
    .flatMap(part => (part.anyOf ? parts(part) : [part]))
    .flatMap(part => [part.type ?? []].flat().map(type => ({ ...part, type })))
    .filter(({ type }) => type !== 'null');
}

function formOf(schema: JsonSchema | undefined): { type: string; choices?: string[] } {
  const found = schema ? parts(schema) : [];
  const words = found.flatMap(part => part.enum ?? (part.const === undefined ? [] : [part.const]));
  if (words.length > 0) {
    const hasSwitch = found.some(({ type }) => type === 'boolean');
    const all = [...(hasSwitch ? [true, false] : []), ...words].map(String);
    return { type: 'choice', choices: [...new Set(all)] };
  }
  const kinds = [...new Set(found.map(({ type }) => types[String(type)] ?? 'text'))];
  return { type: kinds.length === 1 ? kinds[0] : 'text' };
}

/** Whatever the goal and the base decide later: what a recipe has that says nothing. */
const usual = completeRecipe({}, 'sd15', 512);

const schemas = (
  z.toJSONSchema(recipeSchema, { io: 'input', unrepresentable: 'any' }) as {
    properties?: Record<string, JsonSchema>;
  }
).properties;

const others = 'Others';

const rowOf = (field: RecipeField, group: string, text: string): ApiRecipeOptions['fields'][number] => ({
  ...{ field, group, text, ...formOf(schemas?.[field]), fallback: usual[field] },
});

let made: ApiRecipeOptions | undefined;

/** Made once. */
export function recipeChoices(): ApiRecipeOptions {
  made ??= {
    goals: goalNames.map(name => ({
      ...{ value: name, label: name[0].toUpperCase() + name.slice(1), text: goalTexts[name] },
    })),
    fields: [
      ...fieldGroups.flatMap(({ heading, fields }) =>
        Object.entries(fields).map(([field, text]) => rowOf(field as RecipeField, heading, text)),
      ),
      ...recipeFields
        .filter(field => !fieldGroups.some(({ fields }) => field in fields))
        .map(field => rowOf(field, others, '')),
    ],
  };
  return made;
}
