/** What is said of a trigger word. */
import { expect, test } from 'vitest';
import { triggerWords } from './trigger-words.ts';

const report = (word: string, codes: readonly string[]) => ({
  trigger: { word, present: 0, of: 0, tokens: 1 },
  findings: codes.map(code => ({
    code,
    severity: 'medium' as const,
    pictures: [],
    text: `${code} said`,
    action: 'Do.',
  })),
});

test('no word, a good one, one that lacks in captions, one that is known', () => {
  expect(triggerWords('', [], undefined).hint).toContain('zorbi');
  expect(triggerWords('zorbi', ['a zorbi', 'zorbi'], report('zorbi', [])).hint).toBe(
    'It is in all captions. The model does not know it yet: good.',
  );
  expect(triggerWords('zorbi', ['a zorbi', 'a cat'], undefined).hint).toContain('1 of 2 captions');
  expect(triggerWords('cat', ['a cat'], report('cat', ['TRIGGER_KNOWN'])).warning).toBe(
    'TRIGGER_KNOWN said Do.',
  );
});

test('a report on another word says nothing of this one', () => {
  expect(triggerWords('zorb', ['a zorb'], report('cat', ['TRIGGER_KNOWN'])).warning).toBeUndefined();
});
