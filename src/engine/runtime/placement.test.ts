import { expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import { createGraph, input, output } from '../graph/graph.ts';
import { tensor } from '../tensor/tensor.ts';
import { describePlacement, type Placement, parsePlacement } from './placement.ts';
import { openSession, openWorkerSession } from './session.ts';

const event = (name: string, op_name: string, provider: string) => ({
  cat: 'Node',
  name,
  args: { op_name, provider },
});

test('a profile says which operations fell back, once each, and the copies for their sake', () => {
  const [gpu, cpu] = ['WebGpuExecutionProvider', 'CPUExecutionProvider'];
  const placement = parsePlacement(
    JSON.stringify([
      { cat: 'Session', name: 'model_run', args: {} },
      event('a', 'MatMul', gpu),
      event('b', 'IsNaN', cpu),
      event('b', 'IsNaN', cpu),
      event('c', 'Scan', cpu),
      event('d', 'IsNaN', cpu),
      event('copy', 'MemcpyToHost', gpu),
    ]),
  );
  expect(placement.operations).toBe(4);
  expect(placement.copies).toBe(1);
  expect(describePlacement(placement)).toBe('3 of 4 operations run on the CPU: IsNaN (2), Scan');
  expect(describePlacement({ ...placement, onCpu: new Map() })).toBeUndefined();
});

test.each([
  ['in this thread', openSession],
  ['in a thread of its own', openWorkerSession],
])('a session %s tells its placement once', async (_, open) => {
  const graph = createGraph();
  output('y', f.exp(input(graph, 'x', [2])));
  const placements: Placement[] = [];
  const session = await open(graph, { onPlacement: placement => placements.push(placement) });
  for (const x of [0, 1]) {
    const { y } = await session.run({ x: tensor([2], Float32Array.of(x, x)) });
    expect(y.data[0]).toBeCloseTo(Math.exp(x), 5);
  }
  await session.release();
  expect(placements).toEqual([{ operations: 1, onCpu: new Map([['Exp', 1]]), copies: 0 }]);
});
