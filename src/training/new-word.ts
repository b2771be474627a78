/**
 * @file A word of the run's own, whose vectors are trained with the LoRA: pivotal tuning (textual inversion, Gal et al.
 * 2022, beside LoRA). The vectors are parameters like A and B, called `text_encoder.new_words`.
 */
import { randomStream, type Tensor } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import type { LoraEmbedding } from '../lora/index.ts';
import {
  type Checkpoint,
  type EncoderUse,
  encoderUses,
  newWordsName,
  withNewWords,
} from '../models/index.ts';
import type { Recipe } from './recipe/recipe.ts';

type WordFields = Pick<Recipe, 'newWord' | 'newWordVectors' | 'newWordInit' | 'seed'>;

/** The base whose text encoders read the word of the recipe, if it has one. */
export function withNewWord(
  checkpoint: Checkpoint,
  { newWord, newWordVectors }: Pick<Recipe, 'newWord' | 'newWordVectors'>,
): Checkpoint {
  return newWord === null
    ? checkpoint
    : withNewWords(checkpoint, [{ word: newWord, vectors: newWordVectors }]);
}

/** Embeddings of CLIP have about this deviation; a start at random is as large. */
const usualDeviation = 0.015;

function tableOf({ part }: EncoderUse): Float32Array {
  const name = [...part.weights.names()].find(known => known.endsWith('token_embedding.weight'));
  if (name === undefined) throw new Error('a text encoder without a table of words');
  return part.weights.read(name);
}

/** Rows [vectors, width]: the embeddings of the tokens of `newWordInit`, again from the first where they are fewer. */
function startOf(use: EncoderUse, { newWordInit, newWordVectors, seed }: WordFields): Tensor {
  const { config, tokenizer } = use.part;
  const width = config.hiddenSize;
  const data = new Float32Array(newWordVectors * width);
  if (newWordInit === null) {
    const normals = randomStream(seed, `new word ${use.name}`).normals(data.length);
    return { shape: [newWordVectors, width], data: normals.map(x => usualDeviation * x) };
  }
  const { ids, tokens } = tokenizer.encode(newWordInit);
  const own = ids.slice(1, 1 + tokens.length);
  if (own.length === 0 || own.length > newWordVectors) {
    const message = `recipe field newWordInit: "${newWordInit}" is ${own.length} tokens, the new word has ${newWordVectors}`;
    throw usageError('RECIPE_INVALID', message, 'Give a shorter text, or more newWordVectors.');
  }
  const table = tableOf(use);
  for (let i = 0; i < newWordVectors; i++) {
    const row = own[i % own.length] * width;
    data.set(table.subarray(row, row + width), i * width);
  }
  return { shape: [newWordVectors, width], data };
}

/** The vectors that a run starts with, as parameters by name; empty without a new word. */
export function newWordParameters(checkpoint: Checkpoint, recipe: WordFields): Map<string, Tensor> {
  if (recipe.newWord === null) return new Map();
  return new Map(encoderUses(checkpoint).map(use => [newWordsName(use.name), startOf(use, recipe)]));
}

/** What the rate of the run is multiplied by for the vectors, by name. */
export function newWordRateFactors(
  checkpoint: Checkpoint,
  { newWord, newWordLearningRate, textLearningRate, learningRate }: Recipe,
): Map<string, number> {
  if (newWord === null) return new Map();
  return new Map(
    encoderUses(checkpoint).map(({ name }, i) => {
      const text = Array.isArray(textLearningRate) ? textLearningRate[i] : textLearningRate;
      return [newWordsName(name), (newWordLearningRate ?? text ?? learningRate) / learningRate];
    }),
  );
}

/** The word with its trained vectors, for the file. */
export function trainedEmbeddings(
  { newWord }: Pick<Recipe, 'newWord'>,
  parameters: ReadonlyMap<string, Tensor>,
): LoraEmbedding[] {
  if (newWord === null) return [];
  const [first, second] = (['text_encoder', 'text_encoder_2'] as const).map(name =>
    parameters.get(newWordsName(name)),
  );
  return [
    {
      word: newWord,
      vectors: { ...(first ? { text_encoder: first } : {}), ...(second ? { text_encoder_2: second } : {}) },
    },
  ];
}
