import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoraError } from '../../errors.ts';
import { parseRecipe, parseRecipeFile, readRecipeFile } from './read-recipe.ts';
import { recipeFields, recipeSchema } from './schema.ts';

const file = (bytes: string | Uint8Array, name = 'recipe.toml'): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'recipe-')), name);
  writeFileSync(path, bytes);
  return path;
};
const errorOf = (work: () => unknown): LoraError => {
  try {
    work();
  } catch (error) {
    if (error instanceof LoraError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('spellings', () => {
  test.each([
    'learningRate = 1e-4',
    'learning_rate = 1e-4',
    'learning-rate = 1e-4',
    'LEARNING_RATE = 1e-4',
    '{"learningRate": 1e-4}',
  ])('%s', text => expect(parseRecipe(text, 'recipe')).toEqual({ learningRate: 1e-4 }));

  test.each<[string, unknown]>([
    ['resolution = 512', { width: 512, height: 512 }],
    ['resolution = "512x768"', { width: 512, height: 768 }],
    ['resolution = "512,768"', { width: 512, height: 768 }],
    ['resolution = [512, 768]', { width: 512, height: 768 }],
    ['resolution = { width = 512, height = 768 }', { width: 512, height: 768 }],
    ['[resolution]\nwidth = 512\nheight = 768', { width: 512, height: 768 }],
  ])('%s', (text, resolution) => expect(parseRecipe(text, 'r.toml')).toEqual({ resolution }));

  test('"none" is no value, but for free text', () => {
    const text = 'textTargets = "none"\nrepeats = "none"\ncaption = "none"\nmask = "none"\ntargets = "none"';
    const given = { textTargets: null, repeats: null, caption: 'none', mask: 'none', targets: 'none' };
    expect(parseRecipe(text, 'r.toml')).toEqual(given);
  });

  test('tables for layers and for the optimizer', () => {
    const text =
      '[optimizerOptions]\nbeta2 = 0.9\ngrowthRate = "none"\n[[overrides]]\nmatch = "block:mid"\nlearning_rate = 1e-5\n[[overrides]]\nmatch = "*.to_k"\nlr = 2e-5';
    expect(parseRecipe(text, 'r.toml')).toEqual({
      optimizerOptions: { beta2: 0.9, growthRate: null },
      overrides: [
        { match: 'block:mid', learningRate: 1e-5 },
        { match: '*.to_k', learningRate: 2e-5 },
      ],
    });
  });

  test('a goal and epochs stand beside the fields', () => {
    const { given, intent } = parseRecipeFile('goal = "style"\nepochs = 10\nrank = 4', 'r.toml');
    expect({ given, intent }).toEqual({ given: { rank: 4 }, intent: { goal: 'style', epochs: 10 } });
  });

  test('every field knows its line', () => {
    const { place } = parseRecipeFile(
      '# a remark\nrank = 4\n\nbatch_size = 1\n'.replace('batch_size', 'batch'),
      'r.toml',
    );
    expect([place('rank'), place('batch'), place('steps')]).toEqual([
      'r.toml line 2',
      'r.toml line 4',
      undefined,
    ]);
    expect(
      parseRecipeFile(
        '{\n"rank": 4,\n"resolution": {"width": 64, "height": 64},\n"batch": 1}',
        'r.json',
      ).place('batch'),
    ).toBe('r.json line 4');
  });
});

test('the file of docs/recipe.md can be read', () => {
  const [, toml] = /```toml\n(.*?)```/s.exec(readFileSync('docs/recipe.md', 'utf8')) ?? [];
  const { given, intent } = parseRecipeFile(toml, 'docs/recipe.md');
  expect(intent).toEqual({ goal: 'style', epochs: 10 });
  expect(given).toMatchObject({
    textTargets: null,
    optimizerOptions: { dCoef: 2 },
    overrides: [{ rank: 8 }],
  });
});

describe('what is wrong is told, all of it, with what was meant', () => {
  test.each<[string, RegExp]>([
    ['rnak = 4', /rnak: there is no such field; did you mean rank\?/],
    ['lr = 1e-4', /lr: .*did you mean learningRate\?/],
    ['network_dim = 4', /did you mean rank\?/],
    ['train_batch_size = 4', /did you mean batch\?/],
    ['zzzzzz = 4', /zzzzzz: there is no such field( \(|$)/],
    ['kind = "lorra"', /kind: "lorra" is not allowed; give lora, loha or lokr; did you mean lora\?/],
    ['rank = "many"', /rank: "many" is not allowed; give a number/],
    ['rank = nan', /rank: NaN is not allowed/],
    ['learningRate = inf', /learningRate: Infinity is not allowed; give a number above 0, at most 10/],
    ['steps = 1.5', /steps: 1.5 is not allowed; give a whole number from 1 to 10000000/],
    ['batch = [1, 2]', /batch: \[1,2\] is not allowed/],
    ['flip = "yes"', /flip: "yes" is not allowed; give true or false/],
    ['flip = 1', /flip: 1 is not allowed/],
    ['seed = 1979-05-27', /seed: "1979-05-27/],
    ['resolution = "big"', /resolution: "big" is not allowed; give a size such as 512/],
    ['resolution = { width = 64, hight = 64 }', /resolution\.hight: .*did you mean height\?/],
    ['overrides = [{ match = "a", rnk = 1 }]', /overrides\[0\]\.rnk: .*did you mean rank\?/],
    ['overrides = [{ match = 5 }]', /overrides\[0\]\.match: 5 is not allowed; give text that is not empty/],
    ['overrides = [{ rank = 5 }]', /overrides\[0\]\.match: is missing; give text/],
    ['blockRates = true', /blockRates: true is not allowed; give numbers or curves by block/],
    ['dora = "both"', /dora: "both" is not allowed; give false or output or input/],
    ['newWord = "two words"', /newWord: "two words" must be one word/],
    ['optimizerOptions = { beta1 = "x" }', /optimizerOptions/],
    ['goal = "portrait"', /goal: "portrait" is not allowed; give character, style, object, subject/],
    ['epochs = 0', /epochs: 0 is not allowed/],
    ['epochs = 2\nsteps = 3', /epochs: does not go with steps/],
    ['rank = 4\nRank = 5', /rank: is said twice, the second time as Rank/],
  ])('%s', (text, message) => {
    const error = errorOf(() => parseRecipe(text, 'recipe.toml'));
    expect(error).toMatchObject({ code: 'RECIPE_INVALID', exit: 'usage' });
    expect(error.message).toMatch(message);
  });

  test('several at once, each with its line', () => {
    const text = 'rnak = 4\nsteps = 0\n\nkind = "lorra"';
    const { message } = errorOf(() => parseRecipe(text, 'recipe.toml'));
    expect(message.split('\n')).toEqual([
      'the recipe has 3 problems:',
      '  steps: 0 is not allowed; give a whole number from 1 to 10000000 (recipe.toml line 2)',
      '  kind: "lorra" is not allowed; give lora, loha or lokr; did you mean lora? (recipe.toml line 4)',
      '  rnak: there is no such field; did you mean rank? (recipe.toml line 1)',
    ]);
  });

  test('hundreds are counted', () => {
    const text = Array.from({ length: 300 }, (_, i) => `zz${i}zz = 1`).join('\n');
    const { message } = errorOf(() => parseRecipe(text, 'recipe.toml'));
    expect(message).toMatch(/300 problems/);
    expect(message).toMatch(/and 280 more$/);
  });
});

describe('files that are no recipes', () => {
  test.each<[string, string | Uint8Array, string, RegExp]>([
    [
      'a key twice in TOML',
      'rank = 4\nsteps = 3\nrank = 5',
      'RECIPE_DUPLICATE',
      /says rank twice \(lines 1 and 3\)/,
    ],
    [
      'a table twice',
      '[resolution]\nwidth = 1\n[resolution]\nheight = 1',
      'RECIPE_DUPLICATE',
      /resolution twice/,
    ],
    [
      'a key twice in JSON',
      '{"rank": 4,\n "rank": 5}',
      'RECIPE_DUPLICATE',
      /says rank twice \(lines 1 and 2\)/,
    ],
    [
      'a key twice inside',
      '{"resolution": {"width": 4,\n "width": 5}}',
      'RECIPE_DUPLICATE',
      /says width twice/,
    ],
    ['no value', 'rank = ', 'RECIPE_NOT_TOML', /line 1 is not valid TOML/],
    ['no quotes', 'steps = 3\ncaption = a photo', 'RECIPE_NOT_TOML', /line 2 .*caption = a photo/],
    ['half JSON', '{"rank": 4,', 'RECIPE_NOT_JSON', /is not valid JSON/],
    ['deep brackets', `rank = ${'['.repeat(50_000)}`, 'RECIPE_NOT_TOML', /is not valid TOML/],
    ['a null byte', Buffer.from('rank = 4\0'), 'RECIPE_NOT_TEXT', /byte 8 is 0/],
    ['UTF-16', Buffer.from('\ufeffrank = 4', 'utf16le'), 'RECIPE_NOT_TEXT', /saved as UTF-16/],
    ['Latin-1', Buffer.from([...Buffer.from('caption = "'), 0xe9, 0x22]), 'RECIPE_NOT_TEXT', /is not UTF-8/],
    [
      'a picture',
      Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0]),
      'RECIPE_NOT_TEXT',
      /is not text/,
    ],
    [
      '100 MB',
      Buffer.alloc(100e6, 'rank = 4\n'),
      'RECIPE_TOO_LARGE',
      /has 100.0 MB; a recipe has at most 1 MB/,
    ],
  ])('%s', (_, bytes, code, message) => {
    const error = errorOf(() => readRecipeFile(file(bytes)));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test.each<[string, string]>([
    ['[1, 2]', 'list.json'],
    ['null', 'null.json'],
  ])('JSON that is no object: %s', (text, name) => {
    expect(errorOf(() => readRecipeFile(file(text, name))).code).toBe('RECIPE_NOT_JSON');
  });

  test('none at all, and a folder', () => {
    expect(errorOf(() => readRecipeFile('/nowhere/recipe.toml')).code).toBe('RECIPE_UNREADABLE');
    expect(errorOf(() => readRecipeFile(tmpdir())).code).toBe('RECIPE_UNREADABLE');
  });

  test('an empty one says nothing; a byte order mark does no harm', () => {
    expect(readRecipeFile(file('')).given).toEqual({});
    expect(readRecipeFile(file('\ufeff# only a remark\nrank = 4')).given).toEqual({ rank: 4 });
  });

  test('names of objects’ own are fields like others', () => {
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(errorOf(() => parseRecipe(`{"${name}": 1}`, 'r.json')).message).toContain(name);
  });
});

/** Any value that TOML or JSON can hold, near and far from what fields want. */
const value = fc.oneof(
  fc.integer({ min: -5, max: 5000 }),
  fc.double(),
  fc.constantFrom(0, -1, 1e308, Number.MAX_SAFE_INTEGER, Number.NaN, Number.POSITIVE_INFINITY),
  fc.boolean(),
  fc.string(),
  fc.constantFrom('lora', 'linear', 'none', 'v_prediction', 'cosine', 'adamw', '512x512', ''),
  fc.constant(null),
  fc.array(fc.oneof(fc.integer(), fc.string()), { maxLength: 3 }),
  fc.dictionary(
    fc.constantFrom('match', 'rank', 'width', 'height', 'x'),
    fc.oneof(fc.integer(), fc.string()),
    { maxKeys: 3 },
  ),
);
const key = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...recipeFields) },
  { weight: 1, arbitrary: fc.string() },
);

const someFields = recipeSchema.partial();

test('whatever a file says, it is taken as the schema allows it, or refused by name', () => {
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 6 }), said => {
      const text = JSON.stringify(said);
      let given: object;
      try {
        given = parseRecipe(text, 'r.json');
      } catch (error) {
        if (!(error instanceof LoraError)) throw error;
        expect(error.code).toBe('RECIPE_INVALID');
        const named = Object.keys(said).filter(name => error.message.includes(name.slice(0, 20).trim()));
        expect(named.length).toBeGreaterThan(0);
        return;
      }
      expect(someFields.safeParse(given).success).toBe(true);
      for (const name of Object.keys(given)) expect(recipeFields).toContain(name);
    }),
    { numRuns: 10_000, seed: 1 },
  );
});
