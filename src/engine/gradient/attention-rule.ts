/**
 * @file Backward of fused attention: the probabilities are recomputed in chunks (Dao et al. 2022, "FlashAttention",
 * §3.1), so that only one chunk of the [t, s] scores is alive at a time.
 */
import * as f from '../graph/functions.ts';
import type { Node, Value } from '../graph/graph.ts';

/** Score elements recomputed at once, unless one row is longer. 1/4 of a 4096×4096 head (measured best trade). */
const chunkElements = 4096 * 1024;

interface Chunk {
  readonly head: number;
  readonly start: number;
  readonly end: number;
}

/** Cuts [n·heads] × [t] rows so that rows × s stays below `limit` and t is cut evenly. */
export function planChunks(heads: number, t: number, s: number, limit = chunkElements): Chunk[][] {
  let parts = 1;
  while ((t / parts) * s > limit && t % (parts * 2) === 0) parts *= 2;
  const rows = t / parts;
  return Array.from({ length: heads }, (_, head) =>
    Array.from({ length: parts }, (_, i) => ({ head, start: i * rows, end: (i + 1) * rows })),
  );
}

/** [n, t, heads·d] → [n·heads, t, d] */
function headsFirst(x: Value, heads: number): Value {
  const [n, t, width] = x.shape;
  return f.reshape(f.splitHeads(x, heads), [n * heads, t, width / heads]);
}

/** [n·heads, t, d] → [n, t, heads·d] */
function headsLast(x: Value, n: number): Value {
  const [rows, t, d] = x.shape;
  return f.mergeHeads(f.reshape(x, [n, rows / n, t, d]));
}

/**
 * Cotangents of q, k, v. With P = softmax(s·QKᵀ), O = PV, D = rowsum(dO ∘ O):
 * dV = PᵀdO, dS = P ∘ (dO·Vᵀ − D), dQ = s·dS·K, dK = s·dSᵀ·Q.
 * dO·Vᵀ − D is one product: [dO, −D]·[V, 1]ᵀ, which saves a pass over the scores.
 */
export function attentionGradient(
  g: Value,
  node: Node<'attention'>,
  wanted: readonly boolean[],
  limit = chunkElements,
): (Value | undefined)[] {
  const { heads, scale } = node.attributes;
  const [n, t] = node.inputs[0].shape;
  const s = node.inputs[1].shape[1];
  const [q, k, v] = node.inputs.map(x => headsFirst(x, heads));
  const cotangent = headsFirst(g, heads);
  const rowDots = f.reduceSum(f.mul(cotangent, headsFirst(node.outputs[0], heads)), [2]); // [n·heads, t, 1]
  const augmented = f.concat([cotangent, f.neg(rowDots)], 2); // [n·heads, t, d+1]
  const ones = f.expand(f.floats(g, [], [1]), [n * heads, s, 1]);
  const augmentedV = f.concat([v, ones], 2); // [n·heads, s, d+1]

  const dqHeads: Value[] = [];
  const dkHeads: Value[] = [];
  const dvHeads: Value[] = [];
  let previous: Value[] = [];
  for (const parts of planChunks(n * heads, t, s, limit)) {
    const { head } = parts[0];
    const [kHead, vHead] = [k, augmentedV].map(x => f.slice(x, 0, head, head + 1));
    const dqParts: Value[] = [];
    let dk: Value | undefined;
    let dv: Value | undefined;
    for (const { start, end } of parts) {
      const rows = (x: Value): Value => f.slice(f.slice(x, 0, head, head + 1), 1, start, end);
      // The next chunk waits for the whole of this one; otherwise several score matrices live at once.
      const qRows = f.after(rows(q), previous);
      const p = f.softmax(f.matmul(qRows, kHead, { transposeB: true, scale }));
      const dvPart = f.matmul(p, rows(cotangent), { transposeA: true });
      const ds = f.mul(p, f.matmul(rows(augmented), vHead, { transposeB: true }));
      const dq = f.matmul(ds, kHead, { scale });
      const dkPart = f.matmul(ds, qRows, { transposeA: true, scale });
      dk = dk ? f.add(dk, dkPart) : dkPart;
      dv = dv ? f.add(dv, dvPart) : dvPart;
      dqParts.push(dq);
      // What is not wanted must not be waited for, or it would be computed.
      previous = [dq, dk, dv].filter((_, i) => wanted[i]);
    }
    dqHeads.push(f.concat(dqParts, 1));
    dkHeads.push(dk as Value);
    dvHeads.push(dv as Value);
  }
  return [dqHeads, dkHeads, dvHeads].map((parts, i) =>
    wanted[i] ? headsLast(f.concat(parts, 0), n) : undefined,
  );
}
