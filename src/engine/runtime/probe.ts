/**
 * @file Whether a provider works here, found out in a process of its own, because a driver may end it. This file is both
 * the side that asks and, started as a program, the side that tries.
 */
import { execFile } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as f from '../graph/functions.ts';
import { createGraph, input, output, weight } from '../graph/graph.ts';
import { tensor } from '../tensor/tensor.ts';
import type { ExecutionProvider } from './providers.ts';
import { openSession } from './session.ts';

export interface Probe {
  readonly provider: ExecutionProvider;
  readonly works: boolean;
  /** Why not. */
  readonly reason?: string;
  /** Of float32 matrix products. */
  readonly gflops?: number;
}

const spread = (side: number, scale: number): Float32Array =>
  Float32Array.from({ length: side * side }, (_, i) => scale * Math.sin(i * 0.7 + scale));

/** Seconds of a chain of products of `side` × `side` matrices, the better of two runs after a first one. */
async function timeProducts(provider: ExecutionProvider, side: number, count: number): Promise<number> {
  const graph = createGraph();
  const w = weight(graph, 'w', [side, side], spread(side, 1 / Math.sqrt(side)));
  let x = input(graph, 'x', [side, side]);
  for (let i = 0; i < count; i++) x = f.matmul(x, w);
  output('y', x);
  const session = await openSession(graph, { provider });
  const feeds = { x: tensor([side, side], spread(side, 1)) };
  const { y } = await session.run(feeds);
  if (!y.data.every(Number.isFinite)) throw new Error('its products are not numbers');
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 2; i++) {
    const started = performance.now();
    await session.run(feeds);
    best = Math.min(best, (performance.now() - started) / 1000);
  }
  await session.release();
  return best;
}

/** GFLOP/s of float32 products: a small one tells a slow device, which is not asked for more. */
export async function deviceSpeed(provider: ExecutionProvider): Promise<number> {
  const [small, large] = [
    { side: 256, count: 1 },
    { side: 1024, count: 16 },
  ];
  const gflop = ({ side, count }: typeof small): number => (2 * count * side ** 3) / 1e9;
  const seconds = await timeProducts(provider, small.side, small.count);
  if (seconds > 0.02) return gflop(small) / seconds;
  return gflop(large) / (await timeProducts(provider, large.side, large.count));
}

/** Opens a small session in this process; throws DEVICE_UNAVAILABLE with what the provider says. */
export async function tryProvider(provider: ExecutionProvider): Promise<void> {
  const graph = createGraph();
  output('y', f.neg(input(graph, 'x', [1])));
  const session = await openSession(graph, { provider });
  await session.release();
}

const patienceSeconds = 120;

interface Ended extends Error {
  readonly killed?: boolean;
  readonly signal?: string | null;
  readonly code?: number | string | null;
}

function whyEnded({ killed, signal, code }: Ended): string {
  if (killed) return `no answer in ${patienceSeconds} s`;
  return `its driver ended the process (${signal ?? `exit code ${code}`})`;
}

/** Opens a small session on a provider in another process and measures it. */
export async function probeProvider(provider: ExecutionProvider): Promise<Probe> {
  const program = fileURLToPath(import.meta.url);
  return new Promise(resolve => {
    execFile(process.execPath, [program, provider], { timeout: patienceSeconds * 1000 }, (error, stdout) => {
      const answer = stdout.split('\n').find(line => line.startsWith('{'));
      if (answer) resolve(JSON.parse(answer) as Probe);
      else resolve({ provider, works: false, reason: whyEnded(error ?? new Error()) });
    });
  });
}

async function answer(provider: ExecutionProvider): Promise<Probe> {
  try {
    return { provider, works: true, gflops: await deviceSpeed(provider) };
  } catch (error) {
    const { message } = error as Error;
    return { provider, works: false, reason: message.replace(/^\w+ cannot be used here: /, '') };
  }
}

const [, started, provider] = process.argv;
if (started && provider && realpathSync(started) === fileURLToPath(import.meta.url))
  process.stdout.write(`${JSON.stringify(await answer(provider as ExecutionProvider))}\n`);
