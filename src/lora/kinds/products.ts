/** @file The products of ΔW on the runtime. */
import { openProducts, type Products, type SessionOptions } from '../../engine/index.ts';
import type { Multiply } from './matrices.ts';

export const multiplyWith =
  (products: Products): Multiply =>
  async (a, b) => {
    const [left, right] = [a, b].map(({ rows, columns, data }) => ({ shape: [rows, columns], data }));
    return (await products.multiply(left, right)).data;
  };

/** Does `work` with a product that is fast for large matrices. */
export async function withProducts<Result>(
  work: (multiply: Multiply) => Promise<Result>,
  options: SessionOptions = {},
): Promise<Result> {
  const products = openProducts(options);
  try {
    return await work(multiplyWith(products));
  } finally {
    await products.release();
  }
}
