/** Prompts to text states, against the text engines of A1111 and ComfyUI (tools/goldens/prompt_states.py). */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import type { Shape, Tensor } from '../../src/engine/index.ts';
import { openTextEncoder, type TextRules } from '../../src/generation/conditioning/text-encoder.ts';
import type { LoraSet } from '../../src/generation/lora-sets.ts';
import { readClipConfig } from '../../src/models/checkpoint/config-files.ts';
import { type Checkpoint, openCheckpoint, openTokenizer, openUnet } from '../../src/models/index.ts';
import { writeConfig } from '../support/configs.ts';
import { type Digest, given, hashedSource, relativeError } from './hashed-weights.ts';

interface Golden {
  readonly word: string;
  readonly vectors: number;
  readonly a1111: readonly {
    readonly emphasis: 'a1111' | 'a1111-nonorm' | 'none';
    readonly clipSkip: number;
    /** What one prompt is over the steps. */
    readonly texts: readonly string[];
    readonly states: readonly Digest[];
  }[];
  /** A small second encoder, and what both make of prompts. */
  readonly sdxl: {
    readonly config: Readonly<Record<string, unknown>>;
    readonly shapes: Readonly<Record<string, Shape>>;
    readonly cases: readonly { readonly text: string; readonly states: Digest; readonly pooled: Digest }[];
  };
  readonly comfy: readonly { readonly clipSkip: number; readonly text: string; readonly states: Digest }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('./data/prompt_states.json', import.meta.url), 'utf8'),
);

/** Float32 in another order of summation: measured 6e-7, and 4e-5 with A1111's means, which are sums near 0. */
const tolerance = 1e-4;

const checkpoint = openCheckpoint('pretrained/pocket');
const encoder = openTextEncoder(checkpoint, {});
afterAll(() => encoder.release());

const rows: Tensor = given('new word', [golden.vectors, checkpoint.textEncoder.config.hiddenSize]);
for (let i = 0; i < rows.data.length; i++) rows.data[i] *= Math.fround(0.05);
const noLoras: LoraSet = {
  ...{ sessionKey: '', key: '', words: [], feeds: {} },
  hooks: () => ({}),
  weights: (_, base) => base,
};
const withWord: LoraSet = {
  ...noLoras,
  ...{ sessionKey: 'word', key: 'word', feeds: { 'text_encoder.new_words': rows } },
  words: [{ word: golden.word, vectors: golden.vectors }],
};
const rules: TextRules = {
  ...{
    emphasis: 'a1111',
    syntax: 'a1111',
    longPrompts: 'chunks',
    clipSkip: 1,
    sdxlClipSkip: 'fixed',
    skipsLayersOf: 'both',
  },
  ...{ zerosForNoText: 'checkpoint', steps: 10 },
};

const read = async (prompt: string, changed: Partial<TextRules> = {}, loras = noLoras) =>
  (await encoder.encode([{ prompt, negativePrompt: '', guided: false, loras }], { ...rules, ...changed }))[0];

describe.each(['a1111', 'a1111-nonorm', 'none'] as const)('A1111, emphasis %s', emphasis => {
  const cases = golden.a1111.filter(one => one.emphasis === emphasis);
  test.each(cases)('clip skip $clipSkip: $texts', async ({ clipSkip, texts, states }) => {
    const loras = texts.some(text => text.includes(golden.word)) ? withWord : noLoras;
    // Two texts of one prompt: `[one:two:5]`, as A1111 sees it in one batch.
    const [one, two] = texts;
    const prompt = two === undefined ? one : `[${one}:${two}:5]`;
    const { positive } = await read(prompt, { emphasis, clipSkip }, loras);
    const { schedule } = positive.parts[0];
    expect(schedule.map(({ until }) => until)).toEqual(
      two === undefined ? [Number.POSITIVE_INFINITY] : [6, Number.POSITIVE_INFINITY],
    );
    for (const [i, { state }] of schedule.entries()) {
      expect(state.context.shape).toEqual(states[i].shape);
      expect(relativeError(state.context, states[i])).toBeLessThan(tolerance);
    }
  });
});

test.each(golden.comfy)('ComfyUI, clip skip $clipSkip: $text', async ({ clipSkip, text, states }) => {
  const { positive } = await read(text, { emphasis: 'comfy', syntax: 'comfy', clipSkip });
  const [{ state }] = positive.parts[0].schedule;
  expect(state.context.shape).toEqual(states.shape);
  expect(relativeError(state.context, states)).toBeLessThan(tolerance);
});

describe('SDXL', () => {
  const second = {
    config: readClipConfig(writeConfig(golden.sdxl.config)),
    weights: hashedSource(new Map(Object.entries(golden.sdxl.shapes))),
    files: [],
    tokenizer: openTokenizer('pretrained/pocket/tokenizer', '!'),
  };
  const sdxl = { ...checkpoint, family: 'sdxl', textEncoder2: second, zerosForNoText: false } as Checkpoint;
  const both = openTextEncoder(sdxl, {});
  afterAll(() => both.release());
  const one = async (prompt: string, changed: Partial<TextRules> = {}) => {
    const request = { prompt, negativePrompt: '', guided: false, loras: noLoras };
    return (await both.encode([request], { ...rules, ...changed }))[0];
  };

  test.each(golden.sdxl.cases)('both encoders: $text', async ({ text, states, pooled }) => {
    const { positive } = await one(text);
    const [{ state }] = positive.parts[0].schedule;
    expect(state.context.shape).toEqual(states.shape);
    expect(relativeError(state.context, states)).toBeLessThan(tolerance);
    expect(state.pooled?.shape).toEqual(pooled.shape);
    expect(relativeError(state.pooled as Tensor, pooled)).toBeLessThan(tolerance);
  });

  test('clip skip: A1111 has none, ComfyUI counts as in SD 1.x, diffusers from the layer before the last', async () => {
    const read = async (changed: Partial<TextRules>) =>
      (await one('a cat', changed)).positive.parts[0].schedule[0].state.context.data;
    const usual = await read({});
    expect(await read({ clipSkip: 7, sdxlClipSkip: 'fixed', skipsLayersOf: 'both' })).toEqual(usual);
    expect(await read({ clipSkip: 2, sdxlClipSkip: 'counted' })).toEqual(usual);
    expect(await read({ clipSkip: 1, sdxlClipSkip: 'further' })).toEqual(usual);
    // The pocket encoder has two layers: the next one back is not there.
    for (const changed of [
      { clipSkip: 3, sdxlClipSkip: 'counted' },
      { clipSkip: 2, sdxlClipSkip: 'further' },
    ] as const)
      await expect(read(changed)).rejects.toMatchObject({ code: 'CLIP_SKIP_INVALID' });
  });

  test('an empty negative prompt is zeros by rule', async () => {
    const isZero = async (changed: Partial<TextRules>, encoder = both): Promise<boolean> => {
      const request = { prompt: 'a cat', negativePrompt: ' ', guided: true, loras: noLoras };
      const [{ negative }] = await encoder.encode([request], { ...rules, ...changed });
      const state = negative?.parts[0].schedule[0].state;
      return [state?.context, state?.pooled].every(tensor => tensor?.data.every(x => x === 0) ?? true);
    };
    expect(await isZero({ zerosForNoText: 'always' })).toBe(true);
    expect(await isZero({ zerosForNoText: 'never' })).toBe(false);
    expect(await isZero({ zerosForNoText: 'checkpoint' })).toBe(false);
    expect(await isZero({ zerosForNoText: 'always' }, encoder)).toBe(false); // SD 1.x
  });
});

const unet = checkpoint.unet.config;
const sample = given('sample', [1, unet.inChannels, 8, 8]);
const predict = async (context: Tensor): Promise<Tensor> => {
  const size = { batch: 1, height: 8, width: 8, tokens: context.shape[1] };
  const session = await openUnet(checkpoint, size, () => ({}), {});
  const output = await session.predict(sample, 500, { context });
  await session.release();
  return output;
};

test('texts of different length are repeated, and each acts as if it had been alone', async () => {
  const [two, three] = ['a red cat BREAK a (dog:1.2)', 'a BREAK b BREAK c'];
  const prompts = [two, three].map(prompt => ({ prompt, negativePrompt: '', guided: false, loras: noLoras }));
  const both = await encoder.encode(prompts, rules);
  const { maxTokens } = checkpoint.textEncoder.tokenizer;
  for (const [i, { prompt }] of prompts.entries()) {
    const alone = (await read(prompt)).positive.parts[0].schedule[0].state.context;
    const repeated = both[i].positive.parts[0].schedule[0].state.context;
    expect(alone.shape[1]).toBe((2 + i) * maxTokens);
    expect(repeated.shape[1]).toBe(6 * maxTokens);
    const [a, b] = [await predict(alone), await predict(repeated)];
    const size = Math.sqrt(a.data.reduce((sum, x) => sum + x * x, 0));
    const difference = Math.sqrt(a.data.reduce((sum, x, j) => sum + (x - b.data[j]) ** 2, 0));
    expect(difference / size).toBeLessThan(1e-6);
  }
});

test('lengths without a small common multiple are filled up with the empty text, and that is said', async () => {
  const words = (chunks: number): string => Array.from({ length: chunks }, () => 'cat').join(' BREAK ');
  const prompts = [7, 5].map(n => ({ prompt: words(n), negativePrompt: '', guided: false, loras: noLoras }));
  const [seven, five] = await encoder.encode(prompts, rules);
  const empty = (await read('')).positive.parts[0].schedule[0].state.context.data;
  const { data } = five.positive.parts[0].schedule[0].state.context;
  expect([...data.subarray(-empty.length)]).toEqual([...empty]);
  expect(data).toHaveLength(seven.positive.parts[0].schedule[0].state.context.data.length);
  expect(five.findings.prompt[0].text).toContain('filled up');
});

test('AND has weighted parts, of one length; a prompt without it is one', async () => {
  const { positive } = await read('a cat AND a dog BREAK in snow :1.5 AND');
  expect(positive.parts.map(({ weight }) => weight)).toEqual([1, 1.5, 1]);
  const lengths = positive.parts.map(({ schedule }) => schedule[0].state.context.shape[1]);
  expect(new Set(lengths).size).toBe(1);
  expect((await read('a cat')).positive.parts.map(({ weight }) => weight)).toEqual([1]);
});

test('a prompt that is too long is cut and said: 16 chunks, or one for diffusers', async () => {
  const { maxTokens } = checkpoint.textEncoder.tokenizer;
  const words = Array(20 * maxTokens)
    .fill('cat')
    .join(' ');
  const long = await read(words);
  expect(long.positive.parts[0].schedule[0].state.context.shape[1]).toBe(16 * maxTokens);
  expect(long.truncated.prompt).toMatch(/^cat( cat)+$/);
  const cut = await read(words, { syntax: 'plain', emphasis: 'none', longPrompts: 'cut' });
  expect(cut.positive.parts[0].schedule[0].state.context.shape[1]).toBe(maxTokens);
  expect(cut.truncated.prompt.split(' ')).toHaveLength(20 * maxTokens - (maxTokens - 2));
});

test('clip skip beyond the encoder, and weights without end, are errors', async () => {
  await expect(read('a', { clipSkip: 3 })).rejects.toMatchObject({ code: 'CLIP_SKIP_INVALID' });
  const deep = `${'('.repeat(10_000)}a${')'.repeat(10_000)}`;
  await expect(read(deep)).rejects.toMatchObject({ code: 'PROMPT_SYNTAX' });
  await expect(read('a cat, (dog:1.2.3)')).rejects.toThrow(/character 12 /);
});
