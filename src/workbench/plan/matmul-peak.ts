/** @file The machine's speed at what training mostly does: one large matrix product. */
import * as f from '../../engine/index.ts';

/** Best GFLOP/s of a few float32 products of 1024×1024 matrices. */
export async function measureMatmulPeak(side = 1024, runs = 12): Promise<number> {
  const graph = f.createGraph();
  const [a, b] = ['a', 'b'].map(name => f.input(graph, name, [side, side]));
  f.output('c', f.matmul(a, b));
  const session = await f.openSession(graph);
  const random = f.randomStream(1, 'matmul peak');
  const feed = f.tensor([side, side], random.normals(side * side));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await session.run({ a: feed, b: feed });
    best = Math.min(best, performance.now() - started);
  }
  await session.release();
  return (2 * side ** 3) / best / 1e6;
}
