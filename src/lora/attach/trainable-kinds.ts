/**
 * @file The kinds that can be trained, as data: what is trained on a layer, how it starts, and ΔW of it as part of a
 * graph. Shapes and starts are those of LyCORIS (lycoris/modules), so that its readers find what they expect.
 */
import type { Shape, Value } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Role } from '../kinds/module.ts';
import { isSpatial } from './branch.ts';
import { factorize } from './factorization.ts';
import type { TrainableKind, TrainedLayer } from './trained-layer.ts';

export type TrainedRole = Exclude<Role, 'alpha'>;

/** Where a trained tensor starts: kaiming is U(−1/√fanIn, 1/√fanIn), which is He et al. 2015 with a = √5. */
export type Start = 'zero' | 'kaiming' | { readonly deviation: number } | 'norm of the base';

export interface TrainedTensor {
  /** In the graph, the run state and the file; of `lora`, matrices for 1×1 convolutions in the first two. */
  readonly shape: Shape;
  readonly start: Start;
}

export type TrainedTensors = Readonly<Partial<Record<TrainedRole, TrainedTensor>>>;

/** The trained tensors of a layer as values of a graph. */
export type TrainedValues = Readonly<Partial<Record<TrainedRole, Value>>>;

interface TrainableRow {
  readonly tensors: (layer: TrainedLayer) => TrainedTensors;
  /** scale·ΔW [out, in·area]. */
  readonly delta: (values: TrainedValues, layer: TrainedLayer, scale: number) => Value;
}

const areaOf = (shape: Shape): number => shape.slice(2).reduce((a, b) => a * b, 1);
const kaiming = (...shape: number[]): TrainedTensor => ({ shape, start: 'kaiming' });
const zero = (...shape: number[]): TrainedTensor => ({ shape, start: 'zero' });
const normal = (deviation: number, ...shape: number[]): TrainedTensor => ({ shape, start: { deviation } });

const isTucker = ({ tucker, shape }: TrainedLayer): boolean => tucker && isSpatial(shape);

function loraTensors(layer: TrainedLayer): TrainedTensors {
  const { rank, shape } = layer;
  const [out, inside, ...kernel] = shape;
  if (!isSpatial(shape)) return { down: kaiming(rank, inside), up: zero(out, rank) };
  const up = zero(out, rank, 1, 1);
  if (!isTucker(layer)) return { down: kaiming(rank, inside, ...kernel), up };
  return { down: kaiming(rank, inside, 1, 1), mid: kaiming(rank, rank, ...kernel), up };
}

function lohaTensors(layer: TrainedLayer): TrainedTensors {
  const { rank, shape } = layer;
  const [out, inside, ...kernel] = shape;
  if (isTucker(layer)) {
    const [core, outer, inner] = [normal(0.1, rank, rank, ...kernel), [rank, out], normal(1, rank, inside)];
    return {
      ...{ hada_w1_a: normal(0.1, ...outer), hada_w1_b: inner, hada_t1: core },
      ...{ hada_w2_a: zero(...outer), hada_w2_b: inner, hada_t2: core },
    };
  }
  const inner = normal(1, rank, inside * areaOf(shape));
  return {
    ...{ hada_w1_a: normal(0.1, out, rank), hada_w1_b: inner },
    ...{ hada_w2_a: zero(out, rank), hada_w2_b: inner },
  };
}

/** Sides of the small factor [a, c] and of the large one [b, d]. */
function lokrSides({ shape, factor }: TrainedLayer): { a: number; b: number; c: number; d: number } {
  const [a, b] = factorize(shape[0], factor);
  const [c, d] = factorize(shape[1], factor);
  return { a, b, c, d };
}

/** A factor is whole where a product of two would not be smaller. */
function lokrTensors(layer: TrainedLayer): TrainedTensors {
  const { rank, shape, decomposeBoth, fullMatrix } = layer;
  const { a, b, c, d } = lokrSides(layer);
  const kernel = shape.slice(2);
  const isSmall = (rows: number, columns: number): boolean =>
    rank < Math.max(rows, columns) / 2 && !fullMatrix;
  const one: TrainedTensors =
    decomposeBoth && isSmall(a, c)
      ? { lokr_w1_a: kaiming(a, rank), lokr_w1_b: kaiming(rank, c) }
      : { lokr_w1: kaiming(a, c) };
  if (!isSmall(b, d)) return { ...one, lokr_w2: zero(b, d, ...kernel) };
  if (!isTucker(layer))
    return { ...one, lokr_w2_a: kaiming(b, rank), lokr_w2_b: zero(rank, d * areaOf(shape)) };
  const core = kaiming(rank, rank, ...kernel);
  return { ...one, lokr_w2_a: kaiming(rank, b), lokr_w2_b: zero(rank, d), lokr_t2: core };
}

/** The tensors of a row that are there. */
const present = (values: TrainedValues, ...roles: TrainedRole[]): Value[] =>
  roles.map(role => {
    const value = values[role];
    if (!value) throw new Error(`a layer has no ${role}`);
    return value;
  });

const asMatrix = (x: Value): Value => f.reshape(x, [x.shape[0], f.elementCount(x.shape) / x.shape[0]]);

/**
 * Tucker: W[o, i, k] = Σₘₙ core[m, n, k]·outer[m, o]·inner[n, i]. core [r, r, k, k], outer [r, out], inner [r, in]
 * → [out, in·area]
 */
function tucker(core: Value, outer: Value, inner: Value, scale = 1): Value {
  const [rank, , ...kernel] = core.shape;
  const cores = f.reshape(core, [rank, rank, kernel.reduce((a, b) => a * b, 1)]);
  const inside = f.matmul(inner, cores, { transposeA: true }); // [m, in, area]
  return f.matmul(outer, asMatrix(inside), { transposeA: true, scale });
}

function loraDelta(values: TrainedValues, layer: TrainedLayer, scale: number): Value {
  const [down, up] = present(values, 'down', 'up').map(asMatrix);
  if (!isTucker(layer)) return f.matmul(up, down, { scale });
  return tucker(present(values, 'mid')[0], f.transpose(up, [1, 0]), down, scale);
}

function lohaDelta(values: TrainedValues, layer: TrainedLayer, scale: number): Value {
  const [a1, b1, a2, b2] = present(values, 'hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b');
  if (!isTucker(layer)) return f.mul(f.matmul(a1, b1), f.matmul(a2, b2, { scale }));
  const [t1, t2] = present(values, 'hada_t1', 'hada_t2');
  return f.mul(tucker(t1, a1, b1), tucker(t2, a2, b2, scale));
}

function lokrDelta(values: TrainedValues, layer: TrainedLayer, scale: number): Value {
  const { a, b, c, d } = lokrSides(layer);
  const half = (whole: TrainedRole, left: TrainedRole, right: TrainedRole): Value => {
    if (values[whole]) return asMatrix(values[whole]);
    const [one, two] = present(values, left, right);
    const core = whole === 'lokr_w2' && values.lokr_t2;
    return core ? tucker(core, one, two) : f.matmul(one, two);
  };
  const small = half('lokr_w1', 'lokr_w1_a', 'lokr_w1_b');
  const large = half('lokr_w2', 'lokr_w2_a', 'lokr_w2_b'); // [b, d·area]
  // Every product of two elements, then in the order of the Kronecker product: (a, c)·(b, d) → (a, b)·(c, d).
  const row = f.reshape(large, [1, f.elementCount(large.shape)]);
  const products = f.matmul(f.reshape(small, [a * c, 1]), row, { scale });
  const width = d * areaOf(layer.shape);
  const ordered = f.transpose(f.reshape(products, [a, c, b, width]), [0, 2, 1, 3]);
  return f.reshape(ordered, [a * b, c * width]);
}

const trainableKinds: Readonly<Record<TrainableKind, TrainableRow>> = {
  lora: { tensors: loraTensors, delta: loraDelta },
  loha: { tensors: lohaTensors, delta: lohaDelta },
  lokr: { tensors: lokrTensors, delta: lokrDelta },
};

/** DoRA's norms: a column of the outputs or a row of the inputs. */
function magnitudeTensor({ shape, decomposed }: TrainedLayer): TrainedTensors {
  if (!decomposed) return {};
  const [out, inside, ...kernel] = shape;
  const ones = kernel.map(() => 1);
  const own = decomposed === 'output' ? [out, 1, ...ones] : [1, inside, ...ones];
  return { magnitude: { shape: own, start: 'norm of the base' } };
}

/** What is trained on a layer, in the order in which graphs and run states have it. */
export const trainedTensors = (layer: TrainedLayer): [TrainedRole, TrainedTensor][] =>
  Object.entries({ ...trainableKinds[layer.kind].tensors(layer), ...magnitudeTensor(layer) }) as [
    TrainedRole,
    TrainedTensor,
  ][];

/** The factor of ΔW. LoKr of two whole matrices has none (LyCORIS). */
export function scaleOfLayer(layer: TrainedLayer): number {
  const { kind, alpha, rank } = layer;
  if (kind !== 'lokr') return alpha / rank;
  const roles = new Set(trainedTensors(layer).map(([role]) => role));
  return roles.has('lokr_w1') && roles.has('lokr_w2') ? 1 : alpha / rank;
}

/** ΔW [out, in·area] of a layer. */
export const deltaValue = (values: TrainedValues, layer: TrainedLayer): Value =>
  trainableKinds[layer.kind].delta(values, layer, scaleOfLayer(layer));

/** LoRA+ (Hayou et al. 2024): what starts as zero learns faster. */
export function rateFactorOf(layer: TrainedLayer, role: TrainedRole): number {
  const tensor = trainedTensors(layer).find(([name]) => name === role);
  return layer.rateFactor * (tensor?.[1].start === 'zero' ? layer.upRateFactor : 1);
}
