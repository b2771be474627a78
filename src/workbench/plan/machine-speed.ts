/** @file How fast this machine is at what a training step mostly does, measured in about a second. */
import * as f from '../../engine/index.ts';
import { measureMatmulPeak } from './matmul-peak.ts';

export interface MachineSpeed {
  /** Of a large matrix product, a second. */
  readonly flops: number;
  /** Bytes that go through memory a second, where no cache holds them. */
  readonly bytes: number;
}

const additions = 8;
/** 64 MiB a tensor. */
const elements = 2 ** 24;
/** Two tensors are read and one is written. */
const bytesOfAddition = 3 * 4 * elements;

/** Best of a few chains of additions of large tensors. */
async function measureMemory(runs = 6): Promise<number> {
  const graph = f.createGraph();
  const [start, other] = ['start', 'other'].map(name => f.input(graph, name, [1, elements]));
  let value = start;
  for (let i = 0; i < additions; i++) value = f.add(value, other);
  f.output('sum', f.reduceSum(value, [0, 1]));
  const session = await f.openSession(graph);
  const tensor = { shape: [1, elements], data: new Float32Array(elements).fill(1e-3) };
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const started = performance.now();
    await session.run({ start: tensor, other: tensor });
    best = Math.min(best, performance.now() - started);
  }
  await session.release();
  return (additions * bytesOfAddition) / (best / 1000);
}

export async function measureSpeed(): Promise<MachineSpeed> {
  return { flops: 1e9 * (await measureMatmulPeak(1024, 40)), bytes: await measureMemory() };
}
