/** Names of the LDM layout against diffusers' own conversion of single files (tools/goldens/checkpoint_keys.py). */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type LdmRow, ldmParts } from '../support/ldm-names.ts';

const golden: Record<string, { count: number; sha256: string; example: string }> = JSON.parse(
  readFileSync(new URL('./data/checkpoint-keys.json', import.meta.url), 'utf8'),
);

const pair = ([name, { name: key, third }, shape]: LdmRow): string =>
  `${name} [${shape.join(', ')}] = ${key}${third === undefined ? '' : `#${third}`}`;

const parts = ldmParts();

test.each(Object.entries(golden))('%s', (part, { count, sha256, example }) => {
  const made = (parts.get(part) ?? []).map(pair);
  expect(made).toContain(example);
  expect(made).toHaveLength(count);
  expect(new Set(made.map(text => text.split(' = ')[1])).size).toBe(count);
  expect(createHash('sha256').update(made.sort().join('\n')).digest('hex')).toBe(sha256);
});
