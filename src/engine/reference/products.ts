/** @file Matrix products, convolutions and attention, as the sums that define them. */
import type { Attributes, ConvAttributes } from '../graph/operations.ts';
import { elementCount, type Shape } from '../tensor/tensor.ts';
import { type Float64Tensor, forEachIndex, offsetOf } from './arrays.ts';

/** out[…, i, j] = scale · Σₖ op(a)[…, i, k] · op(b)[…, k, j] */
export function matmul(
  a: Float64Tensor,
  b: Float64Tensor,
  { transposeA, transposeB, scale }: Attributes['matmul'],
  shape: Shape,
): Float64Array {
  const out = new Float64Array(elementCount(shape));
  const inner = a.shape.at(transposeA ? -2 : -1) as number;
  const [rows, columns] = shape.slice(-2);
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  forEachIndex(shape.slice(0, -2), (batch, flat) => {
    const startA = offsetOf(batch, batchA) * rows * inner;
    const startB = offsetOf(batch, batchB) * inner * columns;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let k = 0; k < inner; k++) {
          const left = a.data[startA + (transposeA ? k * rows + i : i * inner + k)];
          const right = b.data[startB + (transposeB ? j * inner + k : k * columns + j)];
          sum += left * right;
        }
        out[(flat * rows + i) * columns + j] = scale * sum;
      }
    }
  });
  return out;
}

interface ConvShapes {
  /** [n, in, h, w] */
  readonly image: Shape;
  /** [out, in, k, k] */
  readonly weight: Shape;
  /** [n, out, h', w'] */
  readonly result: Shape;
}

/**
 * Calls `visit` with the flat positions (image, weight, result) of every product that a convolution sums up.
 * The convolution and both of its gradients are sums over this one list.
 */
export function forEachConvProduct(
  { image, weight, result }: ConvShapes,
  { stride, pads }: ConvAttributes,
  visit: (image: number, weight: number, result: number) => void,
): void {
  const [, channels, height, width] = image;
  const [, , kernelHeight, kernelWidth] = weight;
  forEachIndex(result, ([n, o, y, x], position) => {
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < kernelHeight; i++) {
        for (let j = 0; j < kernelWidth; j++) {
          const row = y * stride + i - pads[0];
          const column = x * stride + j - pads[1];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const pixel = ((n * channels + c) * height + row) * width + column;
          visit(pixel, ((o * channels + c) * kernelHeight + i) * kernelWidth + j, position);
        }
      }
    }
  });
}

/** softmax over rows of `width`: e^(x − max) / Σ e^(x − max) */
export function softmax(x: Float64Array, width: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = x.subarray(start, start + width);
    const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const powers = row.map(value => Math.exp(value - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    out.set(
      powers.map(power => power / sum),
      start,
    );
  }
  return out;
}

/** Per sample and head: softmax(q·kᵀ·scale)·v. q [n, t, heads·d], k [n, s, heads·d], v [n, s, heads·e] */
export function attention(
  q: Float64Tensor,
  k: Float64Tensor,
  v: Float64Tensor,
  { heads, scale }: Attributes['attention'],
): Float64Array {
  const [n, t, width] = q.shape;
  const [, s, valueWidth] = v.shape;
  const d = width / heads;
  const e = valueWidth / heads;
  const out = new Float64Array(n * t * valueWidth);
  forEachIndex([n, heads, t], ([sample, head, i]) => {
    const scores = new Float64Array(s);
    for (let j = 0; j < s; j++) {
      for (let c = 0; c < d; c++) {
        const left = q.data[(sample * t + i) * width + head * d + c];
        scores[j] += scale * left * k.data[(sample * s + j) * width + head * d + c];
      }
    }
    const weights = softmax(scores, s);
    for (let c = 0; c < e; c++) {
      const position = (sample * t + i) * valueWidth + head * e + c;
      for (let j = 0; j < s; j++) {
        out[position] += weights[j] * v.data[(sample * s + j) * valueWidth + head * e + c];
      }
    }
  });
  return out;
}

/**
 * By the chain rule, with the probabilities P kept: dV = PᵀdO, dP = dO·Vᵀ, dS = P ∘ (dP − Σ P ∘ dP), dQ = scale·dS·K,
 * dK = scale·dSᵀ·Q. Returns the cotangents of q, k and v.
 */
export function attentionGradient(
  g: Float64Tensor,
  q: Float64Tensor,
  k: Float64Tensor,
  v: Float64Tensor,
  { heads, scale }: Attributes['attention'],
): Float64Array[] {
  const [n, t, width] = q.shape;
  const [, s, valueWidth] = v.shape;
  const [d, e] = [width / heads, valueWidth / heads];
  const [dq, dk, dv] = [q, k, v].map(({ data }) => new Float64Array(data.length));
  forEachIndex([n, heads, t], ([sample, head, i]) => {
    const query = (sample * t + i) * width + head * d;
    const out = (sample * t + i) * valueWidth + head * e;
    const key = (j: number): number => (sample * s + j) * width + head * d;
    const value = (j: number): number => (sample * s + j) * valueWidth + head * e;
    const dot = (a: Float64Array, from: number, b: Float64Array, at: number, size: number): number => {
      let sum = 0;
      for (let c = 0; c < size; c++) sum += a[from + c] * b[at + c];
      return sum;
    };
    const scores = Float64Array.from({ length: s }, (_, j) => scale * dot(q.data, query, k.data, key(j), d));
    const p = softmax(scores, s);
    const dp = Float64Array.from({ length: s }, (_, j) => dot(g.data, out, v.data, value(j), e));
    const mean = dot(p, 0, dp, 0, s);
    for (let j = 0; j < s; j++) {
      const ds = p[j] * (dp[j] - mean);
      for (let c = 0; c < d; c++) {
        dq[query + c] += scale * ds * k.data[key(j) + c];
        dk[key(j) + c] += scale * ds * q.data[query + c];
      }
      for (let c = 0; c < e; c++) dv[value(j) + c] += p[j] * g.data[out + c];
    }
  });
  return [dq, dk, dv];
}
