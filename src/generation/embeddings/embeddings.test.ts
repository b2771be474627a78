/** Which embeddings prompts mention, and whether they fit. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { serializeSafetensors } from '../../files/index.ts';
import { type MentionOptions, mentionedEmbeddings } from './mentioned-embeddings.ts';
import { openEmbeddings } from './open-embeddings.ts';

type Shapes = Record<string, readonly [vectors: number, width: number]>;

function embedding(path: string, shapes: Shapes = { emb_params: [2, 8] }): void {
  mkdirSync(dirname(path), { recursive: true });
  const tensors = Object.entries(shapes).map(([name, shape]) => ({
    ...{ name, dtype: 'float32' as const, shape },
    bytes: new Uint8Array(Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i + 1).buffer),
  }));
  writeFileSync(path, serializeSafetensors(tensors, {}));
}

const root = temporaryFolder();
const at = (name: string): string => join(root, name);
for (const name of ['easynegative', 'EasyNegative-v2', 'bad hands 5', 'sub/cat', 'a/twin', 'b/twin'])
  embedding(at(`${name}.safetensors`));
embedding(at('cat-toy/learned_embeds.safetensors'), { '<cat-toy>': [1, 8] });
embedding(at('dog-toy/learned_embeds.safetensors'), { '<dog-toy>': [1, 8] });
embedding(at('girl.safetensors'), { clip_l: [2, 8], clip_g: [2, 12] });
embedding(at('wide.safetensors'), { emb_params: [1, 16] });
// Whoever opens these without need fails.
writeFileSync(at('broken.safetensors'), 'broken');
writeFileSync(at('easynegative.pt'), 'a copy that is not taken');

const embeddings = openEmbeddings([root]);
const find = (prompt: string | string[], options: Partial<MentionOptions> = {}) =>
  mentionedEmbeddings([prompt].flat(), embeddings, {
    syntax: 'a1111',
    widths: { text_encoder: 8 },
    ...options,
  });
const words = (prompt: string | string[], options: Partial<MentionOptions> = {}): string[] =>
  find(prompt, options).embeddings.map(({ word }) => word);

describe('A1111: names as whole words', () => {
  test.each([
    ['bad, easynegative', ['easynegative']],
    ['bad, (EASYNEGATIVE:1.2)', ['easynegative']],
    ['easynegatives, xeasynegative, easynegative2', []],
    // Of names that overlap, the longest.
    ['easynegative-v2', ['EasyNegative-v2']],
    ['easynegative-v2, easynegative', ['EasyNegative-v2', 'easynegative']],
    ['bad hands 5!', ['bad hands 5']],
    ['easynegative easynegative', ['easynegative']],
    ['embedding:easynegative', ['embedding:easynegative']],
    ['embedding:sub/cat.safetensors.', ['embedding:sub/cat.safetensors']],
    ['a <cat-toy> and <sub/cat>', ['<cat-toy>', '<sub/cat>']],
    ['1 < 2 > <3> <', []],
    ['nothing', []],
  ])('%s', (prompt, expected) => {
    expect(words(prompt)).toEqual(expected);
  });

  test('both prompts of a picture, each word once', () => {
    expect(words(['a cat, easynegative', 'easynegative'])).toEqual(['easynegative', 'cat']);
  });
});

test('ComfyUI: embedding:name only', () => {
  const comfy = { syntax: 'comfy' } as const;
  expect(words('easynegative, (embedding:easynegative:1.2), embedding:cat, <cat-toy>', comfy)).toEqual([
    ...['embedding:easynegative', 'embedding:cat'],
  ]);
});

test('diffusers: <name> where there is one, all else is text', () => {
  const plain = { syntax: 'plain' } as const;
  expect(words('<cat-toy> <b> embedding:nope easynegative', plain)).toEqual(['<cat-toy>']);
});

test('words of LoRAs are theirs', () => {
  expect(words('<s0> <cat-toy> easynegative', { known: ['<s0>', 'EasyNegative'] })).toEqual(['<cat-toy>']);
  for (const syntax of ['a1111', 'comfy'] as const)
    expect(words('embedding:S0, a cat', { known: ['s0', 'cat'], syntax })).toEqual([]);
});

test('vectors, name and hash', () => {
  const path = at('easynegative.safetensors');
  expect(find('easynegative').embeddings).toEqual([
    {
      ...{ word: 'easynegative', name: 'easynegative', path },
      hash: createHash('sha256').update(readFileSync(path)).digest('hex'),
      vectors: { text_encoder: { shape: [2, 8], data: Float32Array.from({ length: 16 }, (_, i) => i + 1) } },
    },
  ]);
  const [both] = find('embedding:girl', { widths: { text_encoder: 8, text_encoder_2: 12 } }).embeddings;
  expect([both.vectors.text_encoder?.shape, both.vectors.text_encoder_2?.shape]).toEqual([
    ...[
      [2, 8],
      [2, 12],
    ],
  ]);
});

test.each([
  ['embedding:wide', { text_encoder: 8 }, /vectors of 16 numbers, the checkpoint reads 8$/],
  ['embedding:girl', { text_encoder: 8 }, /vectors of 8 and 12 numbers, the checkpoint reads 8$/],
  [
    '<sub/cat>',
    { text_encoder: 8, text_encoder_2: 12 },
    /vectors of 8 numbers, the checkpoint reads 8 and 12$/,
  ],
])('%s for %o is of another family', (prompt, widths, message) => {
  expect(() => find(prompt, { widths })).toThrow(
    expect.objectContaining({ code: 'EMBEDDING_FAMILY', message: expect.stringMatching(message) }),
  );
});

test('a name that is just a word stays one where the family is another, and is named', () => {
  expect(find('a girl in a wide field')).toEqual({
    embeddings: [],
    findings: [expect.stringMatching(/"girl" .* 8 and 12/), expect.stringMatching(/"wide" .* 16/)],
  });
});

test('a word that two files have, or a damaged one, stays a word, and is named', () => {
  const { embeddings: found, findings } = find('a broken cat and a twin');
  expect(found.map(({ word }) => word)).toEqual(['cat']);
  expect(findings).toEqual([
    expect.stringMatching(/^"broken" in the prompt stays a word: .*broken\.safetensors/),
    expect.stringMatching(/^"twin" in the prompt stays a word: .*a.twin.* or .*b.twin/),
  ]);
});

test.each([
  ['embedding:easynegativ', 'EMBEDDING_NOT_FOUND', /^Nearest names: easynegative/],
  ['<nope>', 'EMBEDDING_NOT_FOUND', /Looked in/],
  ['embedding:twin', 'EMBEDDING_AMBIGUOUS', /embedding:folder\/name/],
  ['embedding:broken', 'FORMAT_TRUNCATED', /./],
  ['<broken>', 'FORMAT_TRUNCATED', /./],
])('%s is %s', (prompt, code, hint) => {
  expect(() => find(prompt)).toThrow(expect.objectContaining({ code, hint: expect.stringMatching(hint) }));
});

test('the folders that A1111 and ComfyUI use below their own', () => {
  for (const folder of ['embeddings', 'models/embeddings']) {
    const own = temporaryFolder();
    embedding(join(own, folder, 'deep/one.safetensors'));
    embedding(join(own, 'models/Lora/two.safetensors'));
    expect(openEmbeddings([own]).names()).toEqual(['one']);
  }
});
