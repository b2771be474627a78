/** @file The LoRAs of one request, as one side of the model sees them: the UNet or the text encoders. */
import type { Graph, Shape, Tensor } from '../engine/index.ts';
import { type AppliedLora, attach, combineLoras, type LoraWeights, mergeLoras } from '../lora/index.ts';
import { type Checkpoint, type LayerHooks, listLayers, type WeightSource } from '../models/index.ts';

export interface ChosenLora extends AppliedLora {
  /** Strength on the text encoder(s); as on the UNet unless said. */
  readonly textStrength?: number;
}

export type Side = 'unet' | 'text';

export interface LoraSet {
  /** Equal for sets that can share a session: the same ranks on the same layers, or the same merged weights. */
  readonly sessionKey: string;
  /** Equal only for the same LoRAs at the same strengths. */
  readonly key: string;
  /** Matrices of attached LoRAs by graph input. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** Branches on the layers of `part` (`unet`, `text_encoder`, `text_encoder_2`). */
  hooks(graph: Graph, part: string): LayerHooks;
  /** The weights of `part`, with merged LoRAs added in. */
  weights(part: string, base: WeightSource): WeightSource;
}

const sideOf = (target: string): Side => (target.startsWith('text_encoder') ? 'text' : 'unet');

/** Modules of one side only, with the strength for it; LoRAs that have none there are left out. */
function onSide(loras: readonly ChosenLora[], side: Side): AppliedLora[] {
  return loras.flatMap(({ lora, strength, textStrength = strength }) => {
    const modules = lora.modules.filter(({ target }) => sideOf(target) === side);
    return modules.length > 0
      ? [{ lora: { ...lora, modules }, strength: side === 'text' ? textStrength : strength }]
      : [];
  });
}

/** Numbers for LoRAs in memory: what a file says of its own hash may be wrong after an edit. */
const numbers = new WeakMap<LoraWeights, number>();
let lastNumber = 0;
function numberOf(lora: LoraWeights): number {
  const number = numbers.get(lora) ?? ++lastNumber;
  numbers.set(lora, number);
  return number;
}

function layerShapes(checkpoint: Checkpoint, side: Side): Map<string, Shape> {
  const { unet, textEncoder, textEncoder2 } = checkpoint;
  const layers =
    side === 'unet'
      ? listLayers(unet.weights, 'unet')
      : [
          ...listLayers(textEncoder.weights, 'text_encoder'),
          ...(textEncoder2 ? listLayers(textEncoder2.weights, 'text_encoder_2') : []),
        ];
  return new Map(layers.map(({ target, shape }) => [target, shape]));
}

/** Prepares LoRAs for one side; the set that was asked for last is remembered. */
export function loraSets(
  checkpoint: Checkpoint,
  side: Side,
): (loras: readonly ChosenLora[], merge: boolean) => LoraSet {
  const shapes = layerShapes(checkpoint, side);
  let last: LoraSet | undefined;
  return (loras, merge) => {
    const applied = onSide(loras, side);
    const members = loras.map(({ lora, strength, textStrength = strength }) => [
      numberOf(lora),
      side === 'text' ? textStrength : strength,
    ]);
    const key = JSON.stringify(applied.length > 0 ? [merge, members] : []);
    if (last?.key !== key) last = merge ? mergedSet(key, applied) : attachedSet(key, applied, shapes);
    return last;
  };
}

function attachedSet(
  key: string,
  applied: readonly AppliedLora[],
  shapes: ReadonlyMap<string, Shape>,
): LoraSet {
  const { slots, feeds } = combineLoras(applied, shapes);
  return {
    sessionKey: slots.map(({ target, rank }) => `${target}:${rank}`).join(),
    key,
    feeds,
    hooks: (graph, part) =>
      attach(
        graph,
        slots.filter(({ target }) => target.startsWith(`${part}.`)),
      ).hooks,
    weights: (_, base) => base,
  };
}

function mergedSet(key: string, applied: readonly AppliedLora[]): LoraSet {
  return {
    sessionKey: key,
    key,
    feeds: {},
    hooks: () => ({}),
    weights: (part, base) => mergeLoras(base, part, applied),
  };
}
