/** What the text encoder keeps, frees, refuses and says of places; its states are checked in test/golden/prompt-states.test.ts. */
import { afterAll, describe, expect, test } from 'vitest';
import { type Checkpoint, type NewWord, openCheckpoint } from '../../models/index.ts';
import type { LoraSet } from '../lora-sets.ts';
import { extractLoraTags } from '../prompt/lora-tags.ts';
import { presets } from '../settings/presets.ts';
import { openTextEncoder, type PromptRequest, type TextRules } from './text-encoder.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const encoder = openTextEncoder(checkpoint, {});
afterAll(() => encoder.release());

const noLoras: LoraSet = {
  ...{ sessionKey: '', key: '', words: [], feeds: {} },
  hooks: () => ({}),
  weights: (_, base) => base,
};
const rules: TextRules = { ...presets.lora, clipSkip: 1, steps: 10 };
const ask = (prompt: string, some: Partial<PromptRequest> = {}): PromptRequest => ({
  ...{ prompt, negativePrompt: 'snow', guided: false, loras: noLoras },
  ...some,
});

describe('places are those of the prompt as typed', () => {
  const typed = (text: string): PromptRequest => {
    const { prompt, positionOf } = extractLoraTags(text);
    return ask(prompt, { positionOf });
  };

  test('findings, behind a LoRA tag and AND', async () => {
    const text = '<lora:alice:0.5> a cat AND  a (red  <lora:bob> dog';
    const [{ findings }] = await encoder.encode([typed(text)], rules);
    expect(findings.prompt).toEqual([
      { position: text.indexOf('('), text: expect.stringContaining('"(" is not closed') },
    ]);
  });

  test.each([
    ['<lora:alice> a [cat:dog:1e999]', '1e999'],
    ['a cat AND <lora:alice> a [b:c:1e999]', '1e999'],
    ['[a|b] <lora:alice> a [b:c:1e999]', '1e999'],
    ['<lora:alice> a cat AND a (dog:1.2.3)', ':1.2.3)'],
  ])('%s is an error at %s', async (text, wrong) => {
    await expect(encoder.encode([typed(text)], rules)).rejects.toMatchObject({
      code: 'PROMPT_SYNTAX',
      message: expect.stringContaining(`at character ${text.indexOf(wrong) + 1} `),
    });
  });
});

test('each picture of a batch has a negative prompt or none', async () => {
  const negativePrompt = 'a (bad';
  const prompts = [false, true].map(guided => ask('a cat', { guided, negativePrompt }));
  const [without, guided] = await encoder.encode(prompts, rules);
  expect(without.negative).toBeUndefined();
  expect(without.findings.negativePrompt).toEqual([]);
  expect(guided.negative?.parts).toHaveLength(1);
  expect(guided.findings.negativePrompt).toHaveLength(1);
  expect(guided.positive).toEqual(without.positive);
});

const withWord = (value: number, name = 'zorbi'): LoraSet => {
  const word: NewWord = { word: name, vectors: 1 };
  const width = checkpoint.textEncoder.config.hiddenSize;
  const data = new Float32Array(width).fill(value);
  return {
    ...{ ...noLoras, sessionKey: 'word', key: `${name} ${value}`, words: [word] },
    feeds: { 'text_encoder.new_words': { shape: [1, width], data } },
  };
};

test('ComfyUI: embedding:name is the word of a file, or a LoRA’s own word', async () => {
  const comfy: TextRules = { ...presets.comfy, clipSkip: 1, steps: 10 };
  const read = async (prompt: string, loras: LoraSet): Promise<Float32Array> => {
    const [{ positive }] = await encoder.encode([ask(prompt, { loras })], comfy);
    return positive.parts[0].schedule[0].state.context.data;
  };
  const [file, own] = [withWord(0.1, 'embedding:zorbi'), withWord(0.1)];
  const known = await read('a zorbi, red car', own);
  expect(await read('a embedding:zorbi, red car', own)).toEqual(known);
  expect(await read('a embedding:zorbi, red car', file)).toEqual(known);
  expect(await read('a zorbi, red car', file)).toEqual(await read('a zorbi, red car', noLoras));
  expect(await read('a zorbi, red car', file)).not.toEqual(known);
});

test('NaN is an error every time, and the encoder goes on working', async () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NaN])
    await expect(
      encoder.encode([ask('a zorbi car', { loras: withWord(value) })], rules),
    ).rejects.toMatchObject({
      code: 'PICTURE_NOT_FINITE',
      message: expect.stringContaining('the text encoder gave NaN'),
    });
  const [{ positive }] = await encoder.encode([ask('a zorbi car', { loras: withWord(0.1) })], rules);
  expect(positive.parts[0].schedule[0].state.context.data.every(Number.isFinite)).toBe(true);
});

describe('sessions and tokenizers', () => {
  /** Weights are asked for when an encoder is opened. */
  const counted = () => {
    const opened: string[] = [];
    const loras: LoraSet = {
      ...{ ...noLoras, sessionKey: 'counted', key: 'counted' },
      weights: (part, base) => {
        opened.push(part);
        return base;
      },
    };
    return { opened, loras };
  };

  test('stay open between calls unless they are to rest, after an error too', async () => {
    const own = openTextEncoder(checkpoint, {});
    const { opened, loras } = counted();
    const encode = (prompt: string, rests: boolean) =>
      own.encode([ask(prompt, { loras })], { ...rules, rests });
    await encode('a cat', false);
    await encode('a dog', false);
    expect(opened).toEqual(['text_encoder']);
    await encode('a bird', true);
    expect(opened).toEqual(['text_encoder']);
    await encode('a car', false);
    expect(opened).toEqual(['text_encoder', 'text_encoder']);
    await expect(encode('a [b:c:1e999]', true)).rejects.toMatchObject({ code: 'PROMPT_SYNTAX' });
    await encode('a car', false); // known from before
    expect(opened).toHaveLength(2);
    await encode('a boat', false);
    expect(opened).toHaveLength(3);
    await own.release();
  });

  test('words of LoRAs are learnt once for a set', async () => {
    const { textEncoder } = checkpoint;
    const { tokenizer } = textEncoder;
    let made = 0;
    const counting: Checkpoint['textEncoder']['tokenizer'] = {
      ...tokenizer,
      withWords: (...words) => {
        made++;
        return tokenizer.withWords(...words);
      },
    };
    const own = openTextEncoder({ ...checkpoint, textEncoder: { ...textEncoder, tokenizer: counting } }, {});
    const loras = withWord(0.1);
    await own.encode([ask('a zorbi AND a cat AND [a:b:5]', { loras, guided: true })], rules);
    await own.encode([ask('a zorbi dog', { loras })], rules);
    expect(made).toBe(1);
    await own.encode([ask('a zorbi dog', { loras: withWord(0.2) })], rules);
    expect(made).toBe(2);
    await own.release();
  });
});
