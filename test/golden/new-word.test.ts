/** A new word's vectors: states, losses and gradients against transformers and diffusers (tools/goldens/new_word.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { resolveSampler } from '../../src/diffusion/index.ts';
import type { Tensor } from '../../src/engine/index.ts';
import { openGenerator } from '../../src/generation/index.ts';
import { chooseTargets, loraBase, plainLora, readLora, writeLora } from '../../src/lora/index.ts';
import {
  encoderUses,
  listLayers,
  openCheckpoint,
  openTextConditioner,
  tokenizeText,
} from '../../src/models/index.ts';
import { newWordParameters, trainedEmbeddings, withNewWord } from '../../src/training/new-word.ts';
import { openTrainStep } from '../../src/training/train-step.ts';
import { randomLora } from '../support/loras.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { type Digest, given, relativeError } from './hashed-weights.ts';

interface Golden {
  readonly word: string;
  readonly vectors: number;
  readonly timestep: number;
  readonly captions: readonly string[];
  readonly ids: readonly (readonly number[])[];
  readonly states: Digest;
  readonly losses: readonly number[];
  readonly gradient: Digest;
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/new_word.json', import.meta.url), 'utf8'));
const { word, vectors, captions } = golden;

const plain = openCheckpoint('pretrained/pocket');
const checkpoint = withNewWord(plain, { newWord: word, newWordVectors: vectors });
const width = checkpoint.textEncoder.config.hiddenSize;
const rows: Tensor = given('new word', [vectors, width]);
for (let i = 0; i < rows.data.length; i++) rows.data[i] *= Math.fround(0.05);
const added = { 'text_encoder.new_words': rows };
const uses = encoderUses(checkpoint);

test('ids: the word in any case, as a whole word only', () => {
  for (const [i, caption] of captions.entries())
    expect(tokenizeText(uses, caption, 1).tokens.get('text_encoder')?.chunks).toEqual([golden.ids[i]]);
  const idsOf = (text: string) => tokenizeText(uses, text, 1).tokens.get('text_encoder')?.chunks.flat() ?? [];
  const isNew = (id: number): boolean => id >= checkpoint.textEncoder.config.vocabularySize;
  expect(idsOf(`x${word}, ${word}s`).some(isNew)).toBe(false);
  expect(idsOf(`(${word}),${word}`).filter(isNew)).toHaveLength(2 * vectors);
});

test('states equal transformers, and texts without the word are as they were', async () => {
  const [known, usual] = [await openTextConditioner(checkpoint), await openTextConditioner(plain)];
  const states: number[] = [];
  for (const caption of captions)
    states.push(...(await known.encode(caption, { others: added })).context.data);
  // Float32 in another order of summation.
  expect(relativeError({ data: Float32Array.from(states) }, golden.states)).toBeLessThan(2e-5);
  const [a, b] = [await known.encode(captions[2], { others: added }), await usual.encode(captions[2])];
  expect(a.context.data).toEqual(b.context.data);
  await known.release();
  await usual.release();
});

test('losses and the gradient of the vectors equal autograd, through text encoder and UNet', async () => {
  const count = captions.length;
  const channels = checkpoint.unet.config.inChannels;
  const { maxTokens } = checkpoint.textEncoder.tokenizer;
  const shape = { batch: count, height: 8, width: 8, tokens: maxTokens, recompute: false };
  const layers = plainLora(chooseTargets(listLayers(plain.unet.weights, 'unet'), 'attention'), { rank: 2 });
  const zeros = new Map<string, Tensor>();
  for (const {
    target,
    shape: [out, inside],
  } of layers) {
    zeros.set(`${target}.down`, { shape: [2, inside], data: new Float32Array(2 * inside) });
    zeros.set(`${target}.up`, { shape: [out, 2], data: new Float32Array(2 * out) });
  }
  const step = await openTrainStep(checkpoint, layers, shape);
  const texts = captions.map(caption => tokenizeText(uses, caption, 1).tokens.get('text_encoder'));
  const { losses, gradients } = await step.run(
    {
      sample: given('sample', [count, channels, 8, 8]),
      target: given('target', [count, channels, 8, 8]),
      timesteps: { shape: [count], data: new Float32Array(count).fill(golden.timestep) },
      weights: { shape: [count], data: new Float32Array(count).fill(1) },
      texts: new Map([['text_encoder', texts.map(text => text ?? expect.fail('no tokens'))]]),
    },
    new Map([...zeros, ...Object.entries(added)]),
  );
  await step.release();
  for (const [i, loss] of golden.losses.entries()) expect(losses.data[i] / loss).toBeCloseTo(1, 5);
  // Float32 in another order of summation, through both models and back.
  const gradient = gradients.get('text_encoder.new_words');
  expect(gradient && relativeError(gradient, golden.gradient)).toBeLessThan(1e-4);
});

test('the start: embeddings of given words, or small numbers that the seed decides', () => {
  const fields = { newWord: word, newWordVectors: 3, newWordInit: 'red house', seed: 1 };
  const start = newWordParameters(checkpoint, fields).get('text_encoder.new_words');
  const { tokens, ids } = plain.textEncoder.tokenizer.encode('red house');
  const table = plain.textEncoder.weights.read('text_model.embeddings.token_embedding.weight');
  const row = (id: number): number[] => [...table.subarray(id * width, (id + 1) * width)];
  const expected = [0, 1, 2].flatMap(i => row(ids[1 + (i % tokens.length)]));
  expect([...(start?.data ?? [])]).toEqual(expected);
  const random = (seed: number) =>
    newWordParameters(checkpoint, { ...fields, newWordInit: null, seed }).get('text_encoder.new_words')?.data;
  expect(random(1)).toEqual(random(1));
  expect(random(1)).not.toEqual(random(2));
  expect(() => newWordParameters(checkpoint, { ...fields, newWordVectors: 1 })).toThrow(/newWordInit/);
});

test('the file holds the word; prompts use it, and programs that do not know it load the rest', async () => {
  const path = join(temporaryFolder(), 'word.safetensors');
  const lora = randomLora(plain, { seed: 1, rank: 2, targets: /attn/ });
  const embeddings = trainedEmbeddings({ newWord: word }, new Map(Object.entries(added)));
  await writeLora(path, { ...lora, embeddings }, { dtype: 'float32' });
  const [withWord, without] = [true, false].map(used =>
    readLora(path, { ...loraBase(plain), embeddings: used }),
  );
  expect(withWord.lora.embeddings).toEqual(embeddings);
  expect(withWord.report.skipped).toEqual([]);
  expect(withWord.report.findings.join()).toContain(word);
  expect(without.report.skipped).toHaveLength(1);
  expect(without.report.applied + 1).toBe(withWord.report.applied);

  const generator = openGenerator(plain);
  const draw = async (prompt: string, loras: readonly { lora: typeof withWord.lora; strength: number }[]) => {
    const pictures = [{ prompt, negativePrompt: '', seed: 1 }];
    const size = { width: 64, height: 64 };
    const sampler = resolveSampler('DDIM');
    return (
      await generator.generate({ pictures, loras, merge: false, sampler, steps: 2, guidance: 3, ...size })
    )[0].data;
  };
  const [said, unsaid] = [
    await draw(`a ${word}`, [{ ...withWord, strength: 0 }]),
    await draw(`a ${word}`, []),
  ];
  expect(said).not.toEqual(unsaid);
  expect(await draw('a red house', [{ ...withWord, strength: 0 }])).toEqual(await draw('a red house', []));
  await generator.release();
});
