/** @file The LoRAs of one request, as one side of the model sees them: the UNet or the text encoders. */
import type { Graph, Shape, Tensor } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import {
  type AppliedModule,
  appliedModules,
  attach,
  attachModules,
  type BaseParts,
  branchesBySample,
  isPlain,
  type LoraEmbedding,
  type LoraWeights,
  mergeModules,
  type Slot,
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
import type { StepRange } from './prompt/step-range.ts';

export interface ChosenLora extends StrongLora {
  /** The steps in which the UNet has it; all unless said. Text is encoded once, with it. */
  readonly steps?: StepRange | undefined;
}

type Side = 'unet' | 'text';

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

/** The LoRAs of the UNet, which may come and go with the steps. */
export interface UnetLoras extends Omit<LoraSet, 'words' | 'feeds'> {
  feedsAt(step: number): Promise<Readonly<Record<string, Tensor>>>;
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

/** Whether a LoRA has anything on a side: layers, or words for the text encoders. */
const isOn = ({ modules, embeddings = [] }: LoraWeights, side: Side): boolean =>
  modules.some(({ target }) => sideOf(target) === side) || (side === 'text' && embeddings.length > 0);

function keyOf(loras: readonly ChosenLora[], side: Side, merge: boolean): string {
  const own = loras.filter(({ lora }) => isOn(lora, side));
  const members = own.map(({ lora, strength, textStrength = strength, blocks, steps }) => [
    numberOf(lora),
    side === 'text' ? textStrength : strength,
    blocks ? [...blocks] : 0,
    steps && side === 'unet' ? [steps.from, steps.to] : 0,
  ]);
  return JSON.stringify([merge, members]);
}

/** Prepares LoRAs for the text encoders; the set that was asked for last is remembered. */
export function textLoraSets(
  checkpoint: Checkpoint,
): (loras: readonly ChosenLora[], merge: boolean) => Promise<LoraSet> {
  const parts = partsOf(checkpoint, 'text');
  let last: LoraSet | undefined;
  return async (loras, merge) => {
    const applied = onSide(loras, 'text', checkpoint.family);
    const embeddings = embeddingsOf(loras);
    const key = applied.length + embeddings.length > 0 ? keyOf(loras, 'text', merge) : '';
    if (last?.key !== key) {
      const set = await (merge ? mergedSet : attachedSet)(key, applied, parts);
      last = withEmbeddings(set, embeddings, parts);
    }
    return last;
  };
}

/**
 * Pictures that can be drawn in one batch, given the LoRAs of each, by their places: all, where the LoRAs are the same or
 * are side branches; else those with the same LoRAs.
 */
export function groupsBySharing(pictures: readonly (readonly ChosenLora[])[], merge: boolean): number[][] {
  const keys = pictures.map(loras => keyOf(loras, 'unet', merge));
  const modules = pictures.flat().flatMap(({ lora }) => lora.modules);
  const areBranches = modules.every(module => sideOf(module.target) === 'text' || isPlain(module));
  const places = [...pictures.keys()];
  if (keys.every(key => key === keys[0]) || (areBranches && !merge)) return [places];
  return [...Map.groupBy(places, place => keys[place]).values()];
}

/** The LoRA as it is in a step: outside its steps with strength 0, so that the graph stays the same. */
const atStep =
  (step: number) =>
  (lora: ChosenLora): ChosenLora =>
    lora.steps === undefined || (lora.steps.from <= step && step < lora.steps.to)
      ? lora
      : { ...lora, strength: 0 };

/** Prepares LoRAs for the UNet; the set that was asked for last is remembered. */
export function unetLoraSets(
  checkpoint: Checkpoint,
): (samples: readonly (readonly ChosenLora[])[], merge: boolean) => Promise<UnetLoras> {
  const parts = partsOf(checkpoint, 'unet');
  let last: UnetLoras | undefined;
  return async (samples, merge) => {
    const keys = samples.map(loras => keyOf(loras, 'unet', merge));
    const isShared = keys.every(key => key === keys[0]);
    const key = isShared ? keys[0] : JSON.stringify(keys);
    if (last?.key === key) return last;
    const applied = (loras: readonly ChosenLora[], step: number): AppliedModule[] =>
      onSide(loras.map(atStep(step)), 'unet', checkpoint.family);
    last = undefined; // merged weights take as much memory as the layers that they change
    if (merge) last = await mergedUnet(key, samples[0], applied(samples[0], 0), parts);
    else {
      const attachAt = isShared
        ? (step: number) => attachModules(applied(samples[0], step), parts)
        : async (step: number) => bySample(samples, loras => applied(loras, step), parts);
      last = await attachedUnet(key, samples.flat(), attachAt);
    }
    return last;
  };
}

function bySample(
  samples: readonly (readonly ChosenLora[])[],
  applied: (loras: readonly ChosenLora[]) => AppliedModule[],
  parts: BaseParts,
): AttachedSlots {
  const weights = parts.get('unet') as WeightSource;
  const shapeOf = (target: string): Shape => weights.shape(`${target.slice('unet.'.length)}.weight`);
  return { ...branchesBySample(samples.map(applied), shapeOf), parameters: new Map() };
}

interface AttachedSlots {
  readonly slots: readonly Slot[];
  readonly parameters: ReadonlyMap<string, Shape>;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** What is fed changes where a LoRA comes or goes; the slots are the same in every step. */
async function attachedUnet(
  key: string,
  loras: readonly ChosenLora[],
  attachAt: (step: number) => Promise<AttachedSlots>,
): Promise<UnetLoras> {
  const phaseOf = (step: number): string => loras.map(lora => (atStep(step)(lora) === lora ? 1 : 0)).join('');
  const first = await attachAt(0);
  let now = { phase: phaseOf(0), feeds: first.feeds };
  return {
    ...{ key, sessionKey: sessionKeyOf(first), weights: (_, base) => base },
    hooks: hooksOf(first),
    async feedsAt(step) {
      const phase = phaseOf(step);
      if (phase !== now.phase) now = { phase, feeds: (await attachAt(step)).feeds };
      return now.feeds;
    },
  };
}

async function mergedUnet(
  key: string,
  loras: readonly ChosenLora[],
  applied: readonly AppliedModule[],
  parts: BaseParts,
): Promise<UnetLoras> {
  if (loras.some(({ steps }) => steps !== undefined)) {
    const hint = 'Leave --merge out: attached LoRAs come and go at no cost.';
    throw usageError('LORA_MERGED_STEPS', 'a merged LoRA is there in every step', hint);
  }
  const { hooks, weights, sessionKey } = await mergedSet(key, applied, parts);
  return { key, sessionKey, hooks, weights, feedsAt: async () => ({}) };
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
    sessionKey: JSON.stringify([set.sessionKey, words]), // the tokenizer of a session knows its words
    feeds: { ...set.feeds, ...Object.fromEntries(feeds) },
  };
}

/** Equal where another set of feeds can go into the same graph. */
function sessionKeyOf({ slots, parameters }: AttachedSlots): string {
  const ranks = slots.map(({ target, rank, scale }) => `${target}:${rank}${scale === 'fed' ? '' : ' each'}`);
  return [...ranks, ...parameters.keys()].join();
}

/** The branches of one part of the model. */
const hooksOf =
  ({ slots, parameters }: AttachedSlots): LoraSet['hooks'] =>
  (graph, part, batch = 1) => {
    const isOwn = (name: string): boolean => name.startsWith(`${part}.`);
    const own = slots.filter(({ target }) => isOwn(target));
    const replaced = new Map([...parameters].filter(([name]): boolean => isOwn(name)));
    return attach(graph, own, { replaced, batch }).hooks;
  };

async function attachedSet(
  key: string,
  applied: readonly AppliedModule[],
  parts: BaseParts,
): Promise<LoraSet> {
  const attached = await attachModules(applied, parts);
  return {
    ...{ key, sessionKey: sessionKeyOf(attached), words: [], feeds: attached.feeds },
    hooks: hooksOf(attached),
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
