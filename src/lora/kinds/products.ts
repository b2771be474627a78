/** @file The products of ΔW on the runtime. */
import { openProducts } from '../../engine/index.ts';
import type { Multiply } from './matrices.ts';

/** Does `work` with a product that is fast for large matrices. */
export async function withProducts<Result>(work: (multiply: Multiply) => Promise<Result>): Promise<Result> {
  const products = openProducts();
  const multiply: Multiply = async (a, b) => {
    const [left, right] = [a, b].map(({ rows, columns, data }) => ({ shape: [rows, columns], data }));
    return (await products.multiply(left, right)).data;
  };
  try {
    return await work(multiply);
  } finally {
    await products.release();
  }
}
