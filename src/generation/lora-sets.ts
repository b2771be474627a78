/** @file The LoRAs of one request, as one side of the model sees them: the UNet or the text encoders. */
import type { Graph, Tensor } from '../engine/index.ts';
import {
  type AppliedModule,
  appliedModules,
  attach,
  attachModules,
  type BaseParts,
  type LoraEmbedding,
  type LoraWeights,
  mergeModules,
  type StrongLora,
} from '../lora/index.ts';
import {
  type Checkpoint,
  type Family,
  type LayerHooks,
  type NewWord,
  newWordsName,
  type WeightSource,
  weightsByPart,
} from '../models/index.ts';

export type ChosenLora = StrongLora;

export type Side = 'unet' | 'text';

export interface LoraSet {
  /** Equal for sets that can share a session: the same ranks on the same layers, or the same merged weights. */
  readonly sessionKey: string;
  /** Equal only for the same LoRAs at the same strengths. */
  readonly key: string;
  /** Words of the LoRAs' own, which prompts may use. */
  readonly words: readonly NewWord[];
  /** What attached LoRAs give to a graph, by its inputs. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Branches on the layers of `part` (`unet`, `text_encoder`, `text_encoder_2`). */
  hooks(graph: Graph, part: string, batch?: number): LayerHooks;
  /** The weights of `part`, with merged LoRAs added in. */
  weights(part: string, base: WeightSource): WeightSource;
}

const sideOf = (target: string): Side => (target.startsWith('text_encoder') ? 'text' : 'unet');

/** Modules of one side only, each with its strength there. */
const onSide = (loras: readonly ChosenLora[], side: Side, family: Family): AppliedModule[] =>
  appliedModules(loras, family).filter(({ module }) => sideOf(module.target) === side);

/** Numbers for LoRAs in memory: what a file says of its own hash may be wrong after an edit. */
const numbers = new WeakMap<LoraWeights, number>();
let lastNumber = 0;
function numberOf(lora: LoraWeights): number {
  const number = numbers.get(lora) ?? ++lastNumber;
  numbers.set(lora, number);
  return number;
}

const partsOf = (checkpoint: Checkpoint, side: Side): BaseParts =>
  new Map([...weightsByPart(checkpoint)].filter(([part]) => sideOf(part) === side));

function keyOf(loras: readonly ChosenLora[], side: Side, merge: boolean): string {
  const members = loras.map(({ lora, strength, textStrength = strength, blocks }) => [
    numberOf(lora),
    side === 'text' ? textStrength : strength,
    ...(blocks ? [[...blocks]] : []),
  ]);
  return JSON.stringify([merge, members]);
}

/** Prepares LoRAs for one side; the set that was asked for last is remembered. */
export function loraSets(
  checkpoint: Checkpoint,
  side: Side,
): (loras: readonly ChosenLora[], merge: boolean) => Promise<LoraSet> {
  const parts = partsOf(checkpoint, side);
  let last: LoraSet | undefined;
  return async (loras, merge) => {
    const applied = onSide(loras, side, checkpoint.family);
    const embeddings = side === 'text' ? embeddingsOf(loras) : [];
    const key = applied.length + embeddings.length > 0 ? keyOf(loras, side, merge) : '';
    if (last?.key !== key) {
      const set = await (merge ? mergedSet : attachedSet)(key, applied, parts);
      last = withEmbeddings(set, embeddings, parts);
    }
    return last;
  };
}

/** Words of all LoRAs; of two that have the same one, the first is meant. */
function embeddingsOf(loras: readonly ChosenLora[]): LoraEmbedding[] {
  const byWord = new Map<string, LoraEmbedding>();
  for (const embedding of loras.flatMap(({ lora }) => lora.embeddings ?? [])) {
    const word = embedding.word.toLowerCase();
    if (!byWord.has(word)) byWord.set(word, embedding);
  }
  return [...byWord.values()];
}

const vectorsIn = ({ vectors }: LoraEmbedding): number =>
  Math.max(...Object.values(vectors).map(({ shape }) => shape[0]));

function wordWidth(weights: WeightSource): number {
  for (const name of weights.names())
    if (name.endsWith('token_embedding.weight')) return weights.shape(name)[1];
  throw new Error('a text encoder without a table of words');
}

/** Adds the words of LoRAs: the rows of their vectors one after the other, zeros for an encoder without them. */
function withEmbeddings(set: LoraSet, embeddings: readonly LoraEmbedding[], parts: BaseParts): LoraSet {
  if (embeddings.length === 0) return set;
  const words = embeddings.map(embedding => ({ word: embedding.word, vectors: vectorsIn(embedding) }));
  const rows = words.reduce((sum, { vectors }) => sum + vectors, 0);
  const feeds = (['text_encoder', 'text_encoder_2'] as const).flatMap(part => {
    const weights = parts.get(part);
    if (!weights) return [];
    const width = wordWidth(weights);
    const data = new Float32Array(rows * width);
    let row = 0;
    for (const [i, { vectors }] of embeddings.entries()) {
      data.set(vectors[part]?.data ?? [], row * width);
      row += words[i].vectors;
    }
    return [[newWordsName(part), { shape: [rows, width], data }] as const];
  });
  return {
    ...set,
    words,
    sessionKey: JSON.stringify([set.sessionKey, words]),
    feeds: { ...set.feeds, ...Object.fromEntries(feeds) },
  };
}

async function attachedSet(
  key: string,
  applied: readonly AppliedModule[],
  parts: BaseParts,
): Promise<LoraSet> {
  const { slots, parameters, feeds } = await attachModules(applied, parts);
  const ranks = slots.map(({ target, rank }) => `${target}:${rank}`);
  return {
    sessionKey: [...ranks, ...parameters.keys()].join(),
    key,
    words: [],
    feeds,
    hooks: (graph, part, batch = 1) => {
      const isOwn = (name: string): boolean => name.startsWith(`${part}.`);
      const own = slots.filter(({ target }) => isOwn(target));
      const replaced = new Map([...parameters].filter(([name]): boolean => isOwn(name)));
      return attach(graph, own, { replaced, batch }).hooks;
    },
    weights: (_, base) => base,
  };
}

async function mergedSet(key: string, applied: readonly AppliedModule[], parts: BaseParts): Promise<LoraSet> {
  const merged = new Map<string, WeightSource>();
  for (const part of parts.keys()) merged.set(part, await mergeModules(applied, parts, part));
  return {
    sessionKey: key,
    key,
    words: [],
    feeds: {},
    hooks: () => ({}),
    weights: (part, base) => merged.get(part) ?? base,
  };
}
