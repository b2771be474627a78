/** @file Hostile values for a schema: what it describes with something wrong in it, at borders, too deep, too many, no text. */
import fc from 'fast-check';
import { z } from 'zod';

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

/** Text that readers, databases, file systems and pages stumble over. */
const texts: readonly string[] = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\udfff\ud800',
  '\ufeff',
  '../../token',
  '/etc/passwd',
  "'; DROP TABLE jobs; --",
  '"); DELETE FROM files; --',
  '* OR NEAR(a b) "',
  '<script>alert(1)</script>',
  '{{7*7}}#{7*7}',
  'file:///etc/passwd',
  '\u202Egnp.exe',
  '(((((((((((((((((((((((((((((((a',
  '<lora:../../../etc/passwd:1>',
  '<lora:a:1e999>',
  '[[a:b:0.5]:c:2]',
  'x'.repeat(5000),
  '()'.repeat(5000),
  '(a:1.1)'.repeat(1000),
  '́'.repeat(3000),
  '__proto__',
  'constructor',
];

const numbers: readonly number[] = [
  ...[0, -0, 1, -1, 0.5, 1e-320, 1e308, -1e308, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, -(2 ** 53)],
  ...[Number.MAX_VALUE, 1e21, 3.0000000001],
];

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { a: value };
  return value;
};

const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(...texts),
  fc.constantFrom<unknown>(...numbers),
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { toString: 1 }, deep(200)),
  fc.jsonValue({ maxDepth: 3 }),
);

const textOf = ({ minLength = 0, maxLength }: JsonSchema): fc.Arbitrary<unknown> => {
  const border = Math.min(maxLength ?? 100, 20_000);
  return fc.oneof(
    fc.constantFrom(...texts),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('x'.repeat(border), 'x'.repeat(border + 1), 'x'.repeat(Math.max(0, minLength - 1))),
  );
};

const numberOf = ({ minimum = -1, maximum = 1000 }: JsonSchema): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constantFrom(...numbers),
    fc.constantFrom(minimum, maximum, minimum - 1, maximum + 1, minimum + 0.5, maximum - 0.5),
  );

function objectOf({ properties = {}, additionalProperties }: JsonSchema): fc.Arbitrary<unknown> {
  const fields = Object.entries(properties).map(([name, schema]) =>
    fc.tuple(fc.constant(name), hostile(schema)),
  );
  const other =
    typeof additionalProperties === 'object'
      ? hostile(additionalProperties)
      : (anything as fc.Arbitrary<unknown>);
  const extra = fc.array(
    fc.tuple(fc.constantFrom('constructor', 'stpes', 'toString', '', 'a.b', '\ud800'), other),
    {
      maxLength: 1,
    },
  );
  const given = fields.length === 0 ? fc.constant([]) : fc.subarray(fields).chain(some => fc.tuple(...some));
  return fc
    .tuple(given as fc.Arbitrary<[string, unknown][]>, extra)
    .map(([own, more]) => Object.fromEntries([...own, ...more]));
}

/** What nearly fits: each part is what the schema describes, at its borders, or anything else. */
function hostile(schema: JsonSchema): fc.Arbitrary<unknown> {
  const fitting = fits(schema);
  return fc.oneof({ weight: 4, arbitrary: fitting }, { weight: 1, arbitrary: anything });
}

function fits(schema: JsonSchema): fc.Arbitrary<unknown> {
  const either = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (either) return fc.oneof(...either.map(hostile));
  if (schema.enum) return fc.constantFrom(...schema.enum, 'no such');
  if ('const' in schema) return fc.constant(schema.const);
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'string') return textOf(schema);
  if (type === 'number' || type === 'integer') return numberOf(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') return fc.array(schema.items ? hostile(schema.items) : anything, { maxLength: 5 });
  if (type === 'object') return objectOf(schema);
  return anything;
}

/** So many hostile values for a schema, the same ones each time. */
export function hostileValues(schema: z.ZodType, count: number, seed: number): unknown[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return fc.sample(hostile(json), { numRuns: count, seed });
}

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** Bodies that are no JSON, or no honest one; some may fit where unknown fields are passed over. */
export const hostileBodies: readonly (readonly [what: string, body: Buffer, mayFit?: true])[] = [
  ['nothing but a byte', bytes('{')],
  ['half a number', bytes('{"a":1')],
  ['a BOM', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes('{}')]), true],
  ['bad UTF-8', Buffer.concat([bytes('{"a":"'), Buffer.from([0xff, 0xc0, 0xaf]), bytes('"}')]), true],
  ['UTF-16', Buffer.from('{"a":1}', 'utf16le')],
  ['a lone surrogate', bytes('{"\\ud800":"\\udfff"}'), true],
  ['__proto__', bytes('{"__proto__":{"isAdmin":true}}')],
  ['__proto__, escaped', bytes('{"\\u005f_proto__":{"isAdmin":true}}')],
  ['constructor.prototype', bytes('{"constructor":{"prototype":{"isAdmin":true}}}'), true],
  ['the same key twice', bytes('{"name":"a","name":"../../b"}'), true],
  ['100,000 keys', bytes(`{${Array.from({ length: 100_000 }, (_, i) => `"k${i}":0`).join(',')}}`), true],
  ['100,000 levels', bytes(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)],
  ['100,000 levels of objects', bytes(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)],
  ['a text of 900 kB', bytes(`{"name":"${'é'.repeat(450_000)}"}`), true],
  ['a number of 100,000 digits', bytes(`{"seed":${'9'.repeat(100_000)}}`)],
  ['a list', bytes('[1,2,3]')],
  ['a text', bytes('"a"')],
  ['null', bytes('null'), true],
  ['NaN', bytes('{"steps":NaN}')],
  ['1e999', bytes('{"steps":1e999}')],
  ['a comment', bytes('{/* a */}')],
  ['NULs', Buffer.alloc(1000)],
];
