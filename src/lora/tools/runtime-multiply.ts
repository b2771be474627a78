/** @file Products on the runtime, as the kinds of LoRA ask for them. */
import type { Products } from '../../engine/index.ts';
import type { Multiply } from '../kinds/matrices.ts';

export const multiplyWith =
  (products: Products): Multiply =>
  async (a, b) => {
    const [one, two] = [a, b].map(({ rows, columns, data }) => ({ shape: [rows, columns], data }));
    return (await products.multiply(one, two)).data;
  };
