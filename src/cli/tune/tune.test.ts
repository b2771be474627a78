/** `lora doctor --tune`: measures, keeps what it measured, goes on where it was interrupted, and ignores damaged files. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import * as f from '../../engine/index.ts';
import { createGraph, input, output, type WeightPlace, weight } from '../../engine/index.ts';
import { architectureOf, shapesOnly } from '../../models/index.ts';
import { addMeasured, choicesOf, readTuning, thisMachine, tuningPath } from '../../workbench/index.ts';
import { openTerminal } from '../terminal.ts';
import { tune } from './tune.ts';
import { workloadsOf } from './workloads.ts';

const folder = mkdtempSync(join(tmpdir(), 'lora-tune-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const terminal = { ...openTerminal(true), progress: () => {}, note: () => {} };

/** Two small convolutions, one of them twice. */
function smallWork() {
  const graph = createGraph();
  const pads = [1, 1, 1, 1] as const;
  const kernel = (name: string, to: number, from: number): f.Value =>
    weight(graph, name, [to, from, 3, 3], new Float32Array(to * from * 9) as WeightPlace);
  const x = f.conv2d(input(graph, 'x', [1, 4, 8, 8]), kernel('a', 8, 4), undefined, { pads });
  const square = kernel('b', 8, 8);
  output('y', f.conv2d(f.conv2d(x, square, undefined, { pads }), square, undefined, { pads }));
  const found = [...f.convolutionsOf(graph).values()];
  const counts = new Map(found.map(({ convolution, count }) => [convolution.key, count]));
  return {
    workloads: [{ name: 'step', counts }],
    convolutions: found.map(({ convolution }) => convolution),
  };
}

test('measures, keeps it, and measures only what is missing', async () => {
  const path = join(folder, 'whole.json');
  const request = { title: 'two', ...smallWork(), again: false, signal: new AbortController().signal, path };
  const first = await tune(request, terminal);
  expect(first.json).toMatchObject({ interrupted: false, measured: 2, missing: 0 });
  const kept = readTuning(() => expect.unreachable(), path);
  expect(Object.keys(kept?.convolutions ?? {}).sort()).toEqual(request.convolutions.map(c => c.key).sort());
  const written = readFileSync(path, 'utf8');
  await tune(request, terminal);
  expect(readFileSync(path, 'utf8')).toBe(written);
  await tune({ ...request, again: true }, terminal);
  expect(readFileSync(path, 'utf8')).not.toBe(written); // times to the microsecond are never the same
});

test('interrupted, it keeps what it measured', async () => {
  const path = join(folder, 'part.json');
  const controller = new AbortController();
  let count = 0;
  const stopping = {
    ...terminal,
    progress: () => {
      if (++count === 2) controller.abort();
    },
  };
  const request = { title: 'two', ...smallWork(), again: false, signal: controller.signal, path };
  const { json, text } = await tune(request, stopping);
  expect(json).toMatchObject({ interrupted: true, measured: 1, missing: 1 });
  expect(text).toContain('1 of 2 convolutions measured');
  expect(Object.keys(readTuning(() => {}, path)?.convolutions ?? {})).toHaveLength(1);
});

test.each([
  'not json',
  '{}',
  '{"format":"lora-studio tuning 1","machine":{},"convolutions":{"x":{"tabled":"direct","chosen":"magic","timings":[]}}}',
])('a damaged file is told and ignored: %s', content => {
  const path = join(folder, 'damaged.json');
  writeFileSync(path, content);
  const notes: string[] = [];
  expect(readTuning(text => notes.push(text), path)).toBeUndefined();
  expect(notes).toEqual([`tuning ${path} is damaged and ignored; lora doctor --tune measures anew`]);
});

test('only what differs from the table reaches a session; another machine has another file', async () => {
  const path = join(folder, 'choices.json');
  const entry = { tabled: 'direct', chosen: 'direct', timings: [] } as const;
  await addMeasured({ same: { ...entry, timings: [] } }, path);
  expect(choicesOf(readTuning(() => {}, path))).toBeUndefined();
  await addMeasured({ other: { ...entry, chosen: 'winograd2', timings: [] } }, path);
  expect(choicesOf(readTuning(() => {}, path))).toEqual(new Map([['other', 'winograd2']]));
  const machine = thisMachine();
  expect(tuningPath({ ...machine, threads: 99 }, folder)).not.toBe(tuningPath(machine, folder));
});

test('the convolutions of SD 1.5 at 512², counted from its graphs', () => {
  const { workloads, convolutions } = workloadsOf(shapesOnly(architectureOf('sd15') as never), {
    width: 512,
    height: 512,
  });
  const [training, generation] = workloads;
  // 22 residual blocks of two, and conv_in, conv_out and three upsamplers: 3×3 with stride 1.
  const sum = (counts: ReadonlyMap<string, number>, start: string): number =>
    [...counts].filter(([key]) => key.startsWith(start)).reduce((total, [, count]) => total + count, 0);
  expect(sum(training.counts, 'forward')).toBe(2 * 22 + 2 + 3);
  expect(sum(generation.counts, 'forward 2×')).toBe(2 * 22 + 2 + 3);
  expect(sum(training.counts, 'backward')).toBeGreaterThan(40);
  const keys = new Set(convolutions.map(({ key }) => key));
  for (const { counts } of workloads) for (const key of counts.keys()) expect(keys.has(key)).toBe(true);
});
