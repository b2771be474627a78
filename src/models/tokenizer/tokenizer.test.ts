/** Tokenizer folders as they come: which file wins, the one-file form, and what is damaged. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openTokenizer } from './tokenizer.ts';

const source = 'pretrained/pocket/tokenizer';

function copy(): { folder: string; write(name: string, content: unknown): void } {
  const folder = join(temporaryFolder(), 'tokenizer');
  cpSync(source, folder, { recursive: true });
  return {
    folder,
    write: (name, content) =>
      writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content)),
  };
}

const padding = (folder: string): number | undefined => openTokenizer(folder).encode('a cat').ids.at(-1);

// As transformers 5.24 gives it for these folders.
test('padding: special_tokens_map.json wins, unless the config lists its added tokens', () => {
  const { folder, write } = copy();
  write('tokenizer_config.json', { model_max_length: 32, pad_token: '<|endoftext|>' });
  write('special_tokens_map.json', { pad_token: '!' });
  expect(padding(folder)).toBe(0);
  write('special_tokens_map.json', { pad_token: { content: '!', lstrip: false } });
  expect(padding(folder)).toBe(0);
  write('tokenizer_config.json', {
    ...{ model_max_length: 32, pad_token: '<|endoftext|>' },
    added_tokens_decoder: { 0: { content: '!' } },
  });
  expect(padding(folder)).toBe(665);
  rmSync(join(folder, 'special_tokens_map.json'));
  write('tokenizer_config.json', { model_max_length: 32, pad_token: '!' });
  expect(padding(folder)).toBe(0);
});

test('tokenizer.json alone, as transformers 5 writes it', () => {
  const { folder, write } = copy();
  const vocab: Record<string, number> = JSON.parse(readFileSync(join(source, 'vocab.json'), 'utf8'));
  const lines = readFileSync(join(source, 'merges.txt'), 'utf8').trimEnd().split('\n').slice(1);
  rmSync(join(folder, 'vocab.json'));
  rmSync(join(folder, 'merges.txt'));
  const text = "A red cat's <|endoftext|> 42 ☃, of course!";
  const { ids } = openTokenizer(source).encode(text);
  for (const merges of [lines, lines.map(line => line.split(' '))]) {
    write('tokenizer.json', { model: { type: 'BPE', vocab, merges } });
    expect(openTokenizer(folder).encode(text).ids).toEqual(ids);
  }
  write('tokenizer.json', { model: { type: 'BPE', vocab } });
  expect(() => openTokenizer(folder)).toThrow(expect.objectContaining({ code: 'TOKENIZER_INVALID' }));
});

test('the end token and the highest id are known, and no limit means 77', () => {
  const { folder, write } = copy();
  write('tokenizer_config.json', '{"model_max_length": 1000000000000000019884624838656}');
  expect(openTokenizer(folder)).toMatchObject({ maxTokens: 77, endId: 665, largestId: 665 });
});

const merges = readFileSync(join(source, 'merges.txt'), 'utf8');
test.each([
  ['vocab.json', '{"a": 0', 'not valid JSON'],
  ['vocab.json', '[]', 'no token'],
  ['vocab.json', 'null', 'whole number'],
  ['vocab.json', '{"a": "0"}', 'whole number'],
  ['vocab.json', '{"a": -1}', 'whole number'],
  ['merges.txt', '', 'lists no merges'],
  ['merges.txt', merges.trimEnd().slice(0, -1), 'makes no token'],
  ['merges.txt', `${merges}q`, 'makes no token'],
  ['merges.txt', `${merges}zz zz\n`, '"zz zz" makes no token'],
  ['tokenizer_config.json', '{"model_max_length": "77"}', 'model_max_length'],
  ['tokenizer_config.json', '{"model_max_length": 1}', 'model_max_length'],
  ['special_tokens_map.json', '{"eos_token": "<|none|>"}', 'no entry for <|none|>'],
])('%s as %j is refused', (name, content, says) => {
  const { folder, write } = copy();
  write(name, content);
  expect(() => openTokenizer(folder)).toThrow(
    expect.objectContaining({
      ...{ code: 'TOKENIZER_INVALID', exit: 'badInput' },
      message: expect.stringContaining(says),
    }),
  );
});

test.each(['vocab.json', 'merges.txt', 'tokenizer_config.json'])('%s missing is said', name => {
  const { folder } = copy();
  rmSync(join(folder, name));
  expect(() => openTokenizer(folder)).toThrow(
    expect.objectContaining({ code: 'TOKENIZER_MISSING_FILE', message: expect.stringContaining(name) }),
  );
});
