import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { promptsOf, readPromptFile } from './prompt-file.ts';

const file = join(temporaryFolder(), 'prompts.txt');

test('a prompt a line; empty lines and comments are none', () => {
  writeFileSync(file, '\uFEFFa cat <lora:a:1>\r\n\r\n# dogs\n  a dog, #1  \n');
  expect(readPromptFile(file)).toEqual(['a cat <lora:a:1>', 'a dog, #1']);
  expect(promptsOf(undefined, file)).toHaveLength(2);
  expect(promptsOf('a fox', undefined)).toEqual(['a fox']);
});

test.each([
  ['PROMPT_MISSING', () => promptsOf(undefined, undefined)],
  ['PROMPT_MISSING', () => promptsOf('a', file)],
  ['PROMPTS_NOT_FOUND', () => readPromptFile('/no/such/file')],
  [
    'PROMPTS_INVALID',
    () => {
      writeFileSync(file, '\n# nothing\n');
      return readPromptFile(file);
    },
  ],
])('%s', (code, read) => {
  expect(read).toThrow(expect.objectContaining({ code }));
});
