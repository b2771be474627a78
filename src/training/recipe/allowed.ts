/** @file What a field may be, in words, read from its schema. */
import { z } from 'zod';
import { type RecipeField, recipeSchema } from './schema.ts';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema | false;
  readonly prefixItems?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly minLength?: number;
}

const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

/** Safe integers are what a number can hold, not a limit that anybody meant. */
const isLimit = (value: number | undefined): value is number =>
  value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;

function range({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): string {
  if (isLimit(minimum) && isLimit(maximum)) return ` from ${minimum} to ${maximum}`;
  const parts = [
    ...(isLimit(minimum) ? [`of at least ${minimum}`] : []),
    ...(isLimit(exclusiveMinimum) ? [`above ${exclusiveMinimum}`] : []),
    ...(isLimit(maximum) ? [`at most ${maximum}`] : []),
    ...(isLimit(exclusiveMaximum) ? [`below ${exclusiveMaximum}`] : []),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(', ')}`;
}

const byType: Readonly<Record<string, (schema: JsonSchema) => string>> = {
  integer: schema =>
    schema.exclusiveMinimum === 0 && isLimit(schema.maximum)
      ? `a whole number from 1 to ${schema.maximum}`
      : `a whole number${range(schema)}`,
  number: schema => `a number${range(schema)}`,
  boolean: () => 'true or false',
  null: () => 'none',
  string: ({ minLength }) => (minLength ? 'text that is not empty' : 'text'),
  array: ({ items, prefixItems }) =>
    prefixItems ? `a list of ${prefixItems.length} numbers` : `a list of ${plural(words(items || {}))}`,
  object: ({ properties }) => (properties ? `a table of ${Object.keys(properties).join(', ')}` : 'a table'),
};

/** `text that is not empty` → `texts that are not empty` */
const plural = (one: string): string =>
  one.startsWith('text')
    ? 'texts'
    : one.startsWith('a number')
      ? 'numbers'
      : one.startsWith('a table')
        ? `tables${one.slice('a table'.length)}`
        : one;

function words(schema: JsonSchema): string {
  if (schema.enum) return alternatives(schema.enum.map(String));
  if (schema.const !== undefined) return String(schema.const);
  if (schema.anyOf) return alternatives(schema.anyOf.map(words));
  const types = [schema.type ?? []].flat();
  return alternatives(types.map(type => byType[type]?.(schema) ?? type));
}

const jsonSchema = z.toJSONSchema(recipeSchema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

/** Fields that may be written in more ways than their schema shows. */
const ownWords: Readonly<Partial<Record<RecipeField, string>>> = {
  resolution: 'a size such as 512 or "640x512", with sides from 1 to 8192',
  optimizerOptions: 'a table of numbers and true or false, such as { beta2 = 0.99 }',
  blockRates: 'numbers or curves by block, such as "cosine/1/zeros+0.5", or none',
};

function schemaAt(field: RecipeField, inside: readonly PropertyKey[]): JsonSchema | undefined {
  let schema: JsonSchema | undefined = jsonSchema.properties?.[field];
  for (const key of inside) {
    schema =
      typeof key === 'number'
        ? schema?.items || schema?.prefixItems?.[key]
        : schema?.properties?.[String(key)];
  }
  return schema;
}

/** `a number above 0, at most 10`; for a path inside a field, what stands there. */
export function allowedWords(field: RecipeField, inside: readonly PropertyKey[] = []): string {
  if (inside.length === 0 && ownWords[field]) return ownWords[field];
  const schema = schemaAt(field, inside);
  return schema ? words(schema) : '';
}

/** The keys of the table at a path inside a field; undefined where there is none. */
export function keysAt(field: RecipeField, inside: readonly PropertyKey[]): string[] | undefined {
  const { properties } = schemaAt(field, inside) ?? {};
  return properties && Object.keys(properties);
}
