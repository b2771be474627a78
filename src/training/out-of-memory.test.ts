/** What really runs out of memory is known as that; other errors stay what they are. */
import { expect, test } from 'vitest';
import * as f from '../engine/index.ts';
import { LoraError } from '../errors.ts';
import { memoryError } from './out-of-memory.ts';

const thrownBy = async (work: () => unknown): Promise<unknown> => {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

test('ONNX Runtime without room for an activation of 16 TiB', async () => {
  const graph = f.createGraph();
  const column = f.input(graph, 'column', [2 ** 21, 1]);
  const row = f.input(graph, 'row', [1, 2 ** 21]);
  f.output('sum', f.reduceSum(f.add(column, row), [0, 1]));
  const session = await f.openSession(graph);
  const [columnData, rowData] = [new Float32Array(2 ** 21), new Float32Array(2 ** 21)];
  const error = await thrownBy(() =>
    session.run({
      column: { shape: [2 ** 21, 1], data: columnData },
      row: { shape: [1, 2 ** 21], data: rowData },
    }),
  );
  await session.release();
  expect(memoryError(error)).toMatchObject({
    code: 'OUT_OF_MEMORY',
    cause: error,
    hint: expect.stringContaining('--memory'),
  });
});

test('Node without room for an array', async () => {
  const error = await thrownBy(() => new ArrayBuffer(2 ** 52));
  expect(memoryError(error)).toMatchObject({ code: 'OUT_OF_MEMORY' });
});

test('anything else', () => {
  for (const error of [
    new LoraError('A', 'cannot allocate memory'),
    new Error('Invalid feed'),
    'text',
    undefined,
  ])
    expect(memoryError(error)).toBe(error);
});
