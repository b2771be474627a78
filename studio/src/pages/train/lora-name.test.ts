/** Names of LoRAs: what may be, and what is free. */
import { expect, test } from 'vitest';
import { nameFault, proposeName } from './lora-name.ts';

test('a name that is free', () => {
  expect(proposeName(['', 'zorbi'], new Set())).toBe('zorbi');
  expect(proposeName(['Zorbi'], new Set(['zorbi', 'zorbi 2']))).toBe('Zorbi 3');
  expect(proposeName(['../etc/passwd'], new Set())).toBe('etc passwd');
  expect(proposeName([' ', '…'], new Set())).toBe('my LoRA');
});

test('what is proposed may be', () => {
  for (const wish of ['a/b', '-x-', 'дом', 'é'.repeat(200), '🙂 cat'])
    expect(nameFault(proposeName([wish], new Set())), wish).toBeUndefined();
});

test('what may not be says why', () => {
  expect(nameFault('')).toContain('name');
  expect(nameFault('a/b')).toContain('Letters');
  expect(nameFault('x'.repeat(81))).toContain('81');
});
