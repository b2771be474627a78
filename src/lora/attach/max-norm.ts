/**
 * @file A limit to the norm of ΔW, held after every update: kohya's scale_weight_norms for LoRA (networks/lora.py,
 * apply_max_norm_regularization), LyCORIS' rule for the other kinds (apply_max_norm).
 */
import type { Tensor } from '../../engine/index.ts';
import { scaleOfLayer, type TrainedRole, trainedTensors } from './trainable-kinds.ts';
import type { TrainableKind, TrainedLayer } from './trained-layer.ts';

type Tensors = Partial<Record<TrainedRole, Tensor>>;

interface Plain {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array | Float64Array;
}

const asMatrix = ({ shape, data }: Tensor): Plain => ({
  rows: shape[0],
  columns: data.length / shape[0],
  data,
});

function transposed({ rows, columns, data }: Plain): Plain {
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return { rows: columns, columns: rows, data: out };
}

/** Inner products of all rows. [rows, rows] */
function gram({ rows, columns, data }: Plain): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += data[i * columns + k] * data[j * columns + k];
      out[i * rows + j] = sum;
      out[j * rows + i] = sum;
    }
  return out;
}

/** ‖Σₘₙ core[m, n]·outer[m]⊗inner[n]‖², from the small Gram matrices alone; without a core, m = n. */
function squaredNorm(outer: Plain, inner: Plain, core?: Tensor): number {
  const [a, b] = [gram(outer), gram(inner)];
  if (!core) return a.reduce((sum, x, i) => sum + x * b[i], 0);
  const rank = outer.rows;
  const area = core.data.length / (rank * rank);
  let sum = 0;
  for (let k = 0; k < area; k++) {
    const at = (m: number, n: number): number => core.data[(m * rank + n) * area + k];
    // ⟨core, A·core·B⟩
    for (let m = 0; m < rank; m++)
      for (let n = 0; n < rank; n++) {
        let inside = 0;
        for (let i = 0; i < rank; i++)
          for (let j = 0; j < rank; j++) inside += a[m * rank + i] * at(i, j) * b[j * rank + n];
        sum += at(m, n) * inside;
      }
  }
  return sum;
}

const squares = ({ data }: Tensor): number => data.reduce((sum, x) => sum + x * x, 0);

/** Rows of Σₘ outer[m]⊗inner[m], or of its Tucker form, as they are needed. */
function productRow(outer: Plain, inner: Plain, row: number, into: Float64Array): void {
  into.fill(0);
  for (let m = 0; m < inner.rows; m++) {
    const factor = outer.data[m * outer.columns + row];
    const start = m * inner.columns;
    for (let k = 0; k < inner.columns; k++) into[k] += factor * inner.data[start + k];
  }
}

/** core [r, r, area], inner [r, in] → [r, in·area] */
function tuckerInside(core: Tensor, inner: Plain): Plain {
  const rank = inner.rows;
  const area = core.data.length / (rank * rank);
  const out = new Float64Array(rank * inner.columns * area);
  for (let m = 0; m < rank; m++)
    for (let n = 0; n < rank; n++)
      for (let i = 0; i < inner.columns; i++)
        for (let k = 0; k < area; k++)
          out[(m * inner.columns + i) * area + k] +=
            core.data[(m * rank + n) * area + k] * inner.data[n * inner.columns + i];
  return { rows: rank, columns: inner.columns * area, data: out };
}

/** ‖(w1_a·w1_b) ⊙ (w2_a·w2_b)‖²: there is no short way, so row by row. */
function lohaSquares(t: Tensors): number {
  const half = (a: Tensor, b: Tensor, core: Tensor | undefined): [Plain, Plain] =>
    core ? [asMatrix(a), tuckerInside(core, asMatrix(b))] : [transposed(asMatrix(a)), asMatrix(b)];
  const [outer1, inner1] = half(t.hada_w1_a as Tensor, t.hada_w1_b as Tensor, t.hada_t1);
  const [outer2, inner2] = half(t.hada_w2_a as Tensor, t.hada_w2_b as Tensor, t.hada_t2);
  const [one, two] = [new Float64Array(inner1.columns), new Float64Array(inner2.columns)];
  let sum = 0;
  for (let row = 0; row < outer1.columns; row++) {
    productRow(outer1, inner1, row, one);
    productRow(outer2, inner2, row, two);
    for (let k = 0; k < one.length; k++) sum += (one[k] * two[k]) ** 2;
  }
  return sum;
}

function loraSquares({ down, up, mid }: Tensors): number {
  return squaredNorm(transposed(asMatrix(up as Tensor)), asMatrix(down as Tensor), mid);
}

/** ‖w1 ⊗ w2‖ = ‖w1‖·‖w2‖ */
function lokrSquares(t: Tensors): number {
  const half = (whole: Tensor | undefined, a: Tensor, b: Tensor, core?: Tensor): number => {
    if (whole) return squares(whole);
    return squaredNorm(core ? asMatrix(a) : transposed(asMatrix(a)), asMatrix(b), core);
  };
  return (
    half(t.lokr_w1, t.lokr_w1_a as Tensor, t.lokr_w1_b as Tensor) *
    half(t.lokr_w2, t.lokr_w2_a as Tensor, t.lokr_w2_b as Tensor, t.lokr_t2)
  );
}

interface NormRow {
  /** ‖ΔW‖² without its scale. */
  readonly squares: (tensors: Tensors) => number;
  /** Which tensors are scaled, in equal shares. */
  readonly scaled: (tensors: Tensors) => readonly TrainedRole[];
}

const norms: Readonly<Record<TrainableKind, NormRow>> = {
  lora: { squares: loraSquares, scaled: ({ mid }) => (mid ? ['up'] : ['down', 'up']) },
  loha: { squares: lohaSquares, scaled: () => ['hada_w1_a'] },
  lokr: {
    squares: lokrSquares,
    scaled: tensors => (Object.keys(tensors) as TrainedRole[]).filter(role => role.startsWith('lokr_')),
  },
};

/** ‖ΔW‖ (Frobenius). */
export function deltaNorm(layer: TrainedLayer, tensors: Tensors): number {
  return Math.abs(scaleOfLayer(layer)) * Math.sqrt(norms[layer.kind].squares(tensors));
}

/** Scales down, in place, layers whose ΔW is above its limit; returns how many. */
export function limitNorms(layers: readonly TrainedLayer[], parameters: ReadonlyMap<string, Tensor>): number {
  let count = 0;
  for (const layer of layers) {
    if (layer.maxNorm === 0) continue;
    const tensors: Tensors = Object.fromEntries(
      trainedTensors(layer).map(([role]) => [role, parameters.get(`${layer.target}.${role}`)]),
    );
    const norm = deltaNorm(layer, tensors);
    if (norm <= layer.maxNorm) continue;
    count++;
    const roles = norms[layer.kind].scaled(tensors);
    const share = (layer.maxNorm / norm) ** (1 / roles.length);
    for (const role of roles) {
      const { data } = tensors[role] as Tensor;
      for (let i = 0; i < data.length; i++) data[i] *= share;
    }
  }
  return count;
}
