/** @file Places of jobs after events. */
import { expect, test } from 'vitest';
import type { ApiJob } from '../../../src/server/api-types.ts';
import { withJob, withoutJob } from './queue-order.ts';

const queued = (id: string, position: number): ApiJob => ({
  ...{ id, kind: 'generate', title: id, state: 'queued', priority: 50, position },
  ...{ attempt: 0, createdAt: 0, artefacts: [], after: [] },
});
const three = new Map(['a', 'b', 'c'].map((id, i) => [id, queued(id, i + 1)]));
const places = (jobs: ReadonlyMap<string, ApiJob>): string =>
  [...jobs.values()]
    .filter(({ state }) => state === 'queued')
    .sort((a, b) => a.position! - b.position!)
    .map(({ id, position }) => `${id}${position}`)
    .join(' ');

test('a moved job pushes the others', () => {
  expect(places(withJob(three, queued('c', 1)))).toBe('c1 a2 b3');
  expect(places(withJob(three, queued('a', 2)))).toBe('b1 a2 c3');
  expect(places(withJob(three, queued('d', 4)))).toBe('a1 b2 c3 d4');
});

test('one that begins or goes leaves no gap', () => {
  const { position: _, ...begun } = queued('a', 1);
  expect(places(withJob(three, { ...begun, state: 'running' }))).toBe('b1 c2');
  expect(places(withoutJob(three, 'b'))).toBe('a1 c2');
});
