/**
 * @file Backward of fused attention: the probabilities are recomputed in chunks (Dao et al. 2022, "FlashAttention",
 * §3.1), so that only one chunk of the [t, s] scores is alive at a time.
 */
import * as f from '../graph/functions.ts';
import type { Node, Value } from '../graph/graph.ts';

/** Score elements recomputed at once, unless one row is longer. 1/4 of a 4096×4096 head (measured best trade). */
const chunkElements = 4096 * 1024;

/** Into how many even parts the [t] rows of a head are cut so that a part's rows × s stays below `limit`. */
export function planParts(t: number, s: number, limit = chunkElements): number {
  let parts = 1;
  while ((t / parts) * s > limit && t % (parts * 2) === 0) parts *= 2;
  return parts;
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

  const parts = planParts(t, s, limit);
  const rows = t / parts;
  // One chunk of rows a slice: [n·heads·parts, rows, …]
  const inChunks = (x: Value): Value => f.reshape(x, [n * heads * parts, rows, x.shape[2]]);
  const [qChunks, cotangentChunks, augmentedChunks] = [q, cotangent, augmented].map(inChunks);
  const pick = (x: Value, i: number): Value => f.slice(x, 0, i, i + 1);

  const dqChunks: Value[] = [];
  const [dkHeads, dvHeads]: Value[][] = [[], []]; // transposed, [1, d, s]
  let previous: Value[] = [];
  for (let head = 0; head < n * heads; head++) {
    const [kHead, vHead] = [pick(k, head), pick(augmentedV, head)];
    let [dk, dv]: (Value | undefined)[] = [];
    for (let chunk = head * parts; chunk < (head + 1) * parts; chunk++) {
      // The next chunk waits for the whole of this one; otherwise several score matrices live at once.
      const qRows = f.after(pick(qChunks, chunk), previous);
      const p = f.softmax(f.matmul(qRows, kHead, { transposeB: true, scale })); // [1, rows, s]
      const ds = f.mul(p, f.matmul(pick(augmentedChunks, chunk), vHead, { transposeB: true }));
      const dq = f.matmul(ds, kHead, { scale });
      // Products by Pᵀ and dSᵀ are made the other way round: turning the small factor is cheaper than the large one.
      const dvPart = f.matmul(pick(cotangentChunks, chunk), p, { transposeA: true });
      const dkPart = f.matmul(qRows, ds, { transposeA: true, scale });
      dk = dk ? f.add(dk, dkPart) : dkPart;
      dv = dv ? f.add(dv, dvPart) : dvPart;
      dqChunks.push(dq);
      // What is not wanted must not be waited for, or it would be computed.
      previous = [dq, dk, dv].filter((_, i) => wanted[i]);
    }
    dkHeads.push(dk as Value);
    dvHeads.push(dv as Value);
  }
  const turned = (heads: readonly Value[]): Value => f.transpose(f.concat(heads, 0), [0, 2, 1]);
  return [
    wanted[0] ? headsLast(f.reshape(f.concat(dqChunks, 0), q.shape), n) : undefined,
    wanted[1] ? headsLast(turned(dkHeads), n) : undefined,
    wanted[2] ? headsLast(turned(dvHeads), n) : undefined,
  ];
}
