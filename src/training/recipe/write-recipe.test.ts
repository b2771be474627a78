import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fieldGroups, fieldText } from './groups.ts';
import { parseRecipe } from './read-recipe.ts';
import { completeRecipe, type GivenRecipe } from './recipe.ts';
import { type RecipeField, recipeFields, recipeSchema } from './schema.ts';
import { recipeToml } from './write-recipe.ts';

const heading = ['a recipe', 'of two lines\nand a break'];

interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
  readonly items?: Schema | false;
  readonly prefixItems?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | false;
  readonly required?: readonly string[];
}

/** Any value that a schema allows, text in any script among them. */
function valueFor(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valueFor));
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map(type => valueFor({ ...schema, type })));
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = schema;
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'integer':
      return fc.integer({
        min: minimum ?? (exclusiveMinimum ?? -1001) + 1,
        max: Math.min(maximum ?? 2 ** 31 - 1, 2 ** 31 - 1),
      });
    case 'number': {
      const min = minimum ?? exclusiveMinimum ?? -1e30;
      const max = maximum ?? exclusiveMaximum ?? 1e30;
      const open = {
        minExcluded: exclusiveMinimum !== undefined,
        maxExcluded: exclusiveMaximum !== undefined,
      };
      return fc.double({ min, max, ...open, noNaN: true, noDefaultInfinity: true });
    }
    case 'string':
      if (schema.pattern)
        return fc.stringMatching(new RegExp(schema.pattern)).filter(text => text.isWellFormed());
      return fc
        .string({ unit: 'binary', minLength: schema.minLength ?? 0, maxLength: 20 })
        .filter(text => text.isWellFormed() && text !== 'none');
    case 'array': {
      const { prefixItems, items } = schema;
      return prefixItems
        ? fc.tuple(...prefixItems.map(valueFor))
        : fc.array(valueFor(items || {}), { maxLength: 3 });
    }
    case 'object': {
      const { properties, additionalProperties, required = [] } = schema;
      if (!properties)
        return fc.dictionary(
          fc.stringMatching(/^[a-zA-Z][\w.é-]{0,5}$/),
          valueFor(additionalProperties || {}),
          { maxKeys: 3 },
        );
      const parts = Object.entries(properties).map(([name, own]) => [name, valueFor(own)] as const);
      return fc.record(Object.fromEntries(parts), { requiredKeys: [...required] });
    }
    default:
      return fc.constantFrom(0, true, null);
  }
}

const { properties = {} } = z.toJSONSchema(recipeSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
const given = fc.record(Object.fromEntries(recipeFields.map(name => [name, valueFor(properties[name])])), {
  requiredKeys: [],
});

test('a written recipe reads back as the same, whatever is in it', () => {
  fc.assert(
    fc.property(given, said => {
      const recipe = completeRecipe(said as GivenRecipe, 'sd15', 512);
      const text = recipeToml(recipe, { heading, remark: field => `from\n"${field}" # here` });
      const back = completeRecipe(parseRecipe(text, 'r.toml'), 'sd15', 512);
      expect(back).toEqual(recipe);
    }),
    { numRuns: 500, seed: 2 },
  );
});

test('fields that may be without a value are so by default: a file needs no word for it', () => {
  const recipe = completeRecipe({}, 'sd15', 512);
  const nullable = recipeFields.filter(field => recipeSchema.shape[field].safeParse(null).success);
  expect(nullable.filter(field => recipe[field] !== null)).toEqual([]);
  expect(nullable.length).toBeGreaterThan(20);
});

describe('groups', () => {
  test('every field is in exactly one, with a sentence', () => {
    const grouped = fieldGroups.flatMap(({ fields }) => Object.keys(fields) as RecipeField[]);
    expect([...grouped].sort()).toEqual([...recipeFields].sort());
    for (const field of grouped) expect(fieldText(field).length, field).toBeGreaterThan(8);
  });

  test('a written recipe has them all, with what each means', () => {
    const text = recipeToml(completeRecipe({}, 'sdxl', 1024), { heading });
    for (const { heading: name } of fieldGroups) expect(text).toContain(`# ---- ${name} ----`);
    for (const field of recipeFields) {
      expect(text).toMatch(new RegExp(`^(# )?${field} = `, 'm'));
      expect(text).toContain(fieldText(field));
    }
  });
});
