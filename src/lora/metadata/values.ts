/** @file Whether a value is what Python would have printed for its key. */
import { usageError } from '../../errors.ts';
import { type KeyFacts, metadataKeys, type ValueType } from './keys.ts';

interface Rule {
  readonly reads: (text: string) => boolean;
  readonly example: string;
}

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const rules: Readonly<Record<Exclude<ValueType, 'hash' | 'text'>, Rule>> = {
  int: { reads: text => /^-?\d+$/.test(text), example: '16' },
  float: { reads: text => number.test(text), example: '16.0' },
  bool: { reads: text => /^(True|False)$/.test(text), example: 'True or False' },
  json: { reads: isJson, example: 'JSON' },
  size: { reads: text => /^\(?\d+(, ?\d+)?\)?$/.test(text), example: '(512, 512)' },
  time: { reads: text => number.test(text), example: '1795705200.5' },
  date: {
    reads: text =>
      /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text) &&
      !Number.isNaN(Date.parse(text)),
    example: '2026-11-26T15:00:00',
  },
  picture: {
    reads: text => /^data:image\/(jpeg|png|webp);base64,[A-Za-z0-9+/]+={0,2}$/.test(text),
    example: 'a picture, by --thumbnail',
  },
};

/** What is wrong with a value of a known key, or nothing. */
export function misfitOf(facts: KeyFacts, value: string): string | undefined {
  const { key, type, optional } = facts;
  if (type === 'hash' || type === 'text' || (optional && value === 'None')) return undefined;
  const { reads, example } = rules[type];
  return reads(value) ? undefined : `${key} is ${example}${optional ? ', or None' : ''}`;
}

/** Throws a usage error for what cannot be set by hand. */
export function checkEntry(key: string, value: string): void {
  if (!/^[\x21-\x7e\xa0-\u{10ffff}]{1,200}$/u.test(key) || key === '__metadata__')
    throw usageError(
      'METADATA_KEY',
      `${JSON.stringify(key)} is no name of an entry`,
      'Names have no spaces.',
    );
  const known = metadataKeys.get(key);
  if (known?.type === 'hash') {
    const hint = 'It is computed from the tensors whenever metadata are written.';
    throw usageError('METADATA_HASH', `${key} cannot be set`, hint);
  }
  if (!value.isWellFormed()) throw usageError('METADATA_VALUE', `${key}: the value is no Unicode text`);
  const wrong = known && misfitOf(known, value);
  if (wrong) throw usageError('METADATA_VALUE', `${key}: ${JSON.stringify(value.slice(0, 80))}: ${wrong}`);
}
