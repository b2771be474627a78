/** @file Large matrix products of commands, on the runtime. */
import { openProducts } from '../engine/index.ts';
import type { Multiply } from '../lora/index.ts';

/** Gives `work` a product that opens sessions as they are needed, and closes them at the end. */
export async function withMultiply<T>(work: (multiply: Multiply) => Promise<T>): Promise<T> {
  const products = openProducts();
  const multiply: Multiply = async (a, b) => {
    const [one, two] = [a, b].map(({ rows, columns, data }) => ({ shape: [rows, columns], data }));
    return (await products.multiply(one, two)).data;
  };
  try {
    return await work(multiply);
  } finally {
    await products.release();
  }
}
