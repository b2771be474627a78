/** @file What is wrong with a payload, in words: each field with its value and what may stand there. */
import { z } from 'zod';
import { nearestWords } from '../errors.ts';

export interface PayloadIssue {
  /** `loras.0.strength`; empty for the payload itself. */
  readonly path: string;
  /** `"much" is not a number`; without the field's name. */
  readonly message: string;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
}

function schemasAt(schema: JsonSchema | undefined, path: readonly PropertyKey[]): JsonSchema[] {
  if (schema === undefined) return [];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.flatMap(choice => schemasAt(choice, path));
  const [first, ...rest] = path;
  if (first === undefined) return [schema];
  return schemasAt(typeof first === 'number' ? schema.items : schema.properties?.[String(first)], rest);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path)
    at = at !== null && typeof at === 'object' ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  return at;
}

/** Short, on one line. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const articles: Readonly<Record<string, string>> = {
  ...{ string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false' },
  ...{ array: 'a list', object: 'an object', record: 'an object' },
};

const units: Readonly<Record<string, string>> = { string: ' characters', array: ' entries' };

function outOfRange(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, value: unknown): string {
  const [limit, words] =
    issue.code === 'too_big'
      ? [issue.maximum, issue.inclusive === false ? 'less than' : 'at most']
      : [issue.minimum, issue.inclusive === false ? 'more than' : 'at least'];
  const unit = units[issue.origin];
  if (unit === undefined) return `${shown(value)} is not possible; give ${words} ${limit}`;
  const { length } = value as { length: number };
  const what = length === 0 ? 'is empty' : `has ${length}${unit}`;
  return `${what}; ${words} ${limit} are possible`;
}

function choiceWords(value: unknown, choices: readonly unknown[]): string {
  const [near] = typeof value === 'string' ? nearestWords(value, choices.map(String), 1) : [];
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  return `${shown(value)} is not possible; give ${choices.join(', ')}${meant}`;
}

function messageOf(issue: z.core.$ZodIssue, value: unknown, schema: JsonSchema): string {
  if (value === undefined) return 'is missing';
  switch (issue.code) {
    case 'invalid_type':
      return `${shown(value)} is not ${articles[issue.expected] ?? issue.expected}`;
    case 'too_big':
    case 'too_small':
      return outOfRange(issue, value);
    case 'invalid_value':
      return choiceWords(value, issue.values);
    case 'invalid_format':
      return `${shown(value)} is not possible; give ${issue.message.replace(/^Invalid string: must match pattern .*/, 'another text')}`;
    case 'invalid_union': {
      const tags = schemasAt(schema, issue.path).flatMap(({ const: tag }) =>
        tag === undefined ? [] : [tag],
      );
      return tags.length > 0 ? choiceWords(value, tags) : `${shown(value)} is not possible here`;
    }
    default:
      return `${shown(value)} is not possible: ${issue.message}`;
  }
}

const joined = (path: readonly PropertyKey[]): string => path.map(String).join('.');

/** More are told to nobody. */
const mostIssues = 50;

/** Every fault that a schema found, up to fifty; fields that it does not know with the nearest name. */
export function payloadIssues(error: z.ZodError, payload: unknown, schema: z.ZodType): PayloadIssue[] {
  const whole = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
  return error.issues.slice(0, mostIssues).flatMap(issue => {
    const value = valueAt(payload, issue.path);
    if (issue.code !== 'unrecognized_keys')
      return [{ path: joined(issue.path), message: messageOf(issue, value, whole) }];
    const known = schemasAt(whole, issue.path).flatMap(({ properties = {} }) => Object.keys(properties));
    return issue.keys.slice(0, mostIssues).map(key => {
      const near = nearestWords(key, new Set(known));
      const meant = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '';
      return {
        path: joined([...issue.path, key.slice(0, 80)]),
        message: `there is no such field${meant}`,
      };
    });
  });
}
