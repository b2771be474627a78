import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import * as f from '../graph/functions.ts';
import { createGraph, type Graph, input, output, weight } from '../graph/graph.ts';
import { tensor } from '../tensor/tensor.ts';
import { openSession, openWorkerSession } from './session.ts';

function doubling(): Graph {
  const graph = createGraph();
  const w = weight(graph, 'w', [2, 2], Float32Array.of(2, 0, 0, 2));
  output('twice', f.matmul(input(graph, 'x', [1, 2]), w));
  return graph;
}

const missingFile = (): Graph => {
  const graph = createGraph();
  const bytes = { path: '/no/such/file', dtype: 'float32', offset: 0, length: 16 } as const;
  output('y', f.matmul(input(graph, 'x', [1, 2]), weight(graph, 'w', [2, 2], bytes)));
  return graph;
};

describe.each([
  ['in this thread', openSession],
  ['in a thread of its own', openWorkerSession],
])('a session %s', (_, open) => {
  test('runs', async () => {
    const session = await open(doubling());
    expect(session.setupSeconds).toBeGreaterThan(0);
    for (const x of [1, 2]) {
      const { twice } = await session.run({ x: tensor([1, 2], Float32Array.of(x, 5)) });
      expect(twice).toEqual({ shape: [1, 2], data: Float32Array.of(2 * x, 10) });
    }
    await session.release();
  });

  test('refuses a missing and a misshaped feed, and goes on', async () => {
    const session = await open(doubling());
    await expect(session.run({})).rejects.toThrow('graph input x was not given');
    await expect(session.run({ x: tensor([2], Float32Array.of(1, 1)) })).rejects.toThrow(
      'x is [1,2], got [2]',
    );
    const { twice } = await session.run({ x: tensor([1, 2], Float32Array.of(1, 1)) });
    expect([...twice.data]).toEqual([2, 2]);
    await session.release();
  });

  test('says so where the machine has no such device', async () => {
    const opening = open(doubling(), { provider: 'webgpu' }).then(session => session.release());
    const code = await opening.then(
      () => 'runs here',
      error => error.code,
    );
    expect(['runs here', 'DEVICE_UNAVAILABLE']).toContain(code);
  });

  test('says why it cannot be opened', async () => {
    await expect(open(missingFile())).rejects.toThrow(/no.such.file/);
  });
});

test('sessions in threads run side by side and answer in their own names', async () => {
  const sessions = await Promise.all([openWorkerSession(doubling()), openWorkerSession(doubling())]);
  const answers = await Promise.all(
    sessions.flatMap((session, i) =>
      [1, 2, 3].map(x => session.run({ x: tensor([1, 2], Float32Array.of(x, i)) })),
    ),
  );
  expect(answers.map(({ twice }) => [...twice.data])).toEqual(
    [0, 1].flatMap(i => [1, 2, 3].map(x => [2 * x, 2 * i])),
  );
  for (const session of sessions) await session.release();
});

test('a session thread that was not released does not keep the process alive', async () => {
  const engine = fileURLToPath(new URL('../index.ts', import.meta.url));
  const program = `
    const f = await import(${JSON.stringify(engine)});
    const graph = f.createGraph();
    f.output('y', f.neg(f.input(graph, 'x', [1])));
    const session = await f.openWorkerSession(graph);
    const { y } = await session.run({ x: f.tensor([1], Float32Array.of(3)) });
    console.log(y.data[0]);`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  expect(stdout.trim()).toBe('-3');
});
