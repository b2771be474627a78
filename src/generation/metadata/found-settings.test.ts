/** One odd LoRA costs nothing but itself, and tags are read as they are drawn. */
import { expect, test } from 'vitest';
import { validateFound } from './found-settings.ts';
import { mentionedLoras } from './lora-mentions.ts';

test('of a list what is valid is kept, and what is not is said', () => {
  const hash = 'abcdef012345';
  const loras = mentionedLoras('<lora:odd:much> <lora:alice:0.5>', new Map([['alice', hash]]));
  const { settings, findings } = validateFound({ values: { loras }, other: {}, findings: [] });
  expect(settings.loras).toMatchObject([{ name: 'alice', strength: 0.5, hash }]);
  expect(findings.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^loras\.0\.(?:s|textS)trength is \{"name":"odd".*: /),
  ]);
});

test('names in quotes, with colons and equal signs, and tags of any case', () => {
  const prompt = '<lora:"hash:0123456789ab":0.5:1> <LoRA:"a=b":0.25> <lyco: c :lbw=IN=2:step=1-2> <lora::1>';
  expect(mentionedLoras(prompt)).toMatchObject([
    { name: 'hash:0123456789ab', strength: '1', textStrength: '0.5' },
    { name: 'a=b', strength: '0.25' },
    { name: 'c', strength: '1', blocks: 'IN=2' },
  ]);
});
