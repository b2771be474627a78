/** @file Matrix products in float32: large ones on the runtime, small ones in plain loops. */
import { matmul } from '../graph/functions.ts';
import { createGraph, input, output } from '../graph/graph.ts';
import { openSession, type Session, type SessionOptions } from '../runtime/session.ts';
import type { Shape, Tensor } from '../tensor/tensor.ts';

export interface ProductOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly scale?: number;
}

export interface Products {
  /** scale · op(a) · op(b) for matrices [rows, columns]. */
  multiply(a: Tensor, b: Tensor, options?: ProductOptions): Promise<Tensor>;
  release(): Promise<void>;
}

/** Multiply–adds below which a call of the runtime costs more than it saves. */
const smallProduct = 20_000;

/** Sessions that are kept open: one a shape, and a UNet's layers have some dozens of them. */
const mostSessions = 128;

interface Sizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

function sizesOf(a: Shape, b: Shape, { transposeA, transposeB }: ProductOptions): Sizes {
  const [rows, inner] = transposeA ? [a[1], a[0]] : [a[0], a[1]];
  const [inner2, columns] = transposeB ? [b[1], b[0]] : [b[0], b[1]];
  if (a.length !== 2 || b.length !== 2 || inner !== inner2) {
    const turned = (shape: Shape, isTurned?: boolean): string => `[${shape}]${isTurned ? 'ᵀ' : ''}`;
    throw new RangeError(`no product of ${turned(a, transposeA)} and ${turned(b, transposeB)}`);
  }
  return { rows, inner, columns };
}

/** Plain loops, summed in float64. */
function multiplyInLoops(
  a: Tensor,
  b: Tensor,
  { rows, inner, columns }: Sizes,
  options: ProductOptions,
): Tensor {
  const { transposeA, transposeB, scale = 1 } = options;
  const [aRow, aInner] = transposeA ? [1, rows] : [inner, 1];
  const [bInner, bColumn] = transposeB ? [1, inner] : [columns, 1];
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < inner; k++) sum += a.data[i * aRow + k * aInner] * b.data[k * bInner + j * bColumn];
      out[i * columns + j] = scale * sum;
    }
  }
  return { shape: [rows, columns], data: out };
}

function openProduct(a: Shape, b: Shape, options: ProductOptions, session: SessionOptions): Promise<Session> {
  const graph = createGraph();
  output('product', matmul(input(graph, 'a', a), input(graph, 'b', b), options));
  return openSession(graph, session);
}

/** Products of matrices of any shapes. The session of a shape is opened once and kept until `release`. */
export function openProducts(options: SessionOptions = {}): Products {
  const sessions = new Map<string, Promise<Session>>();
  /** Oldest use first. */
  const sessionFor = async (a: Shape, b: Shape, product: ProductOptions): Promise<Session> => {
    const { transposeA = false, transposeB = false, scale = 1 } = product;
    const key = `${a} ${b} ${transposeA} ${transposeB} ${scale}`;
    const session = sessions.get(key) ?? openProduct(a, b, product, options);
    sessions.delete(key);
    sessions.set(key, session);
    for (const [oldest, unused] of sessions) {
      if (sessions.size <= mostSessions) break;
      sessions.delete(oldest);
      await (await unused).release();
    }
    return session;
  };
  return {
    async multiply(a, b, product = {}) {
      const sizes = sizesOf(a.shape, b.shape, product);
      if (sizes.rows * sizes.inner * sizes.columns <= smallProduct)
        return multiplyInLoops(a, b, sizes, product);
      const session = await sessionFor(a.shape, b.shape, product);
      return (await session.run({ a, b })).product;
    },
    async release() {
      const all = [...sessions.values()];
      sessions.clear();
      for (const session of all) await (await session).release();
    },
  };
}
