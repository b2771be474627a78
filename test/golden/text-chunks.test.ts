/** Texts longer than the text encoder takes at once, against transformers chunk by chunk (tools/goldens/text_chunks.py). */
import { readFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { openCheckpoint, openTextConditioner, padText } from '../../src/models/index.ts';
import { openCaptionTexts, tokensOf } from '../../src/training/captions.ts';
import { completeRecipe } from '../../src/training/recipe/recipe.ts';
import { type Digest, relativeError } from './hashed-weights.ts';

interface Case {
  readonly text: string;
  readonly tokens: number;
  readonly chunks: number;
  readonly states: Digest;
}
const golden: Case[] = JSON.parse(readFileSync(new URL('./data/text_chunks.json', import.meta.url), 'utf8'));
const [none, short, , long] = golden;

/** Float32 in another order of summation; measured 1e-6. */
const tolerance = 2e-5;

const checkpoint = openCheckpoint('pretrained/pocket');
const { maxTokens } = checkpoint.textEncoder.tokenizer;
const conditioner = await openTextConditioner(checkpoint);
afterAll(() => conditioner.release());

test.each(golden)('$tokens tokens in $chunks chunks', async ({ text, chunks, states }) => {
  const { context, truncated } = await conditioner.encode(text, { mostChunks: 16 });
  expect(truncated).toBe('');
  expect(context.shape).toEqual([1, chunks * maxTokens, checkpoint.unet.config.contextWidth]);
  expect(relativeError(context, states)).toBeLessThan(tolerance);
});

test('what goes beyond the most chunks is cut and said', async () => {
  expect(long.chunks).toBeGreaterThan(2);
  const [cut, whole] = [
    await conditioner.encode(long.text, { mostChunks: 2 }),
    await conditioner.encode(long.text, { mostChunks: 16 }),
  ];
  expect(cut.context.data).toEqual(whole.context.data.subarray(0, cut.context.data.length));
  expect(cut.context.shape[1]).toBe(2 * maxTokens);
  const [all, rest] = [long.text, cut.truncated].map(text => text.replaceAll(' ', ''));
  expect(rest.length).toBeGreaterThan(20);
  expect(all.endsWith(rest)).toBe(true);
});

test('a shorter text ends with the states of the empty one', async () => {
  const [text, empty] = [await conditioner.encode(short.text), await conditioner.encode(none.text)];
  const { context } = padText(text, empty, 3 * maxTokens);
  expect(context.shape[1]).toBe(3 * maxTokens);
  expect([...context.data]).toEqual([...text.context.data, ...empty.context.data, ...empty.context.data]);
});

test('captions of one run have the same length, and only what is beyond three chunks is warned of', async () => {
  const captions = [short.text, long.text, `${long.text} ${long.text}`];
  const warnings: string[] = [];
  const texts = await openCaptionTexts(captions, {
    checkpoint,
    recipe: completeRecipe({}, 'pocket', 64),
    onWarning: ({ code, message }) => warnings.push(`${code} ${message}`),
  });
  expect(texts.tokens).toBe(3 * maxTokens);
  for (const text of await texts.get(['', ...captions])) expect(tokensOf(text)).toBe(3 * maxTokens);
  const beyond = captions.filter(
    caption => checkpoint.textEncoder.tokenizer.encode(caption, 3).truncated !== '',
  );
  expect(warnings).toHaveLength(beyond.length);
  expect(beyond).toContain(captions[2]);
  for (const warning of warnings) expect(warning).toMatch(/^CAPTION_TRUNCATED/);
});
