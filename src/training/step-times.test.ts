/** Series of step times with and without a slow-down, and what is said of it. */
import { expect, test } from 'vitest';
import { randomStream } from '../engine/index.ts';
import {
  likelyReason,
  type MachineFacts,
  machineFacts,
  openSlowDownDetector,
  openStepTimes,
} from './step-times.ts';

interface Step {
  readonly seconds: number;
  readonly opened?: boolean;
}

/** After how many steps it is told, and what; undefined when never. */
function firstTold(steps: readonly Step[]) {
  const detect = openSlowDownDetector();
  const told = steps.map(({ seconds, opened = false }) => detect(seconds, opened));
  expect(told.filter(one => one !== undefined).length).toBeLessThanOrEqual(1);
  const at = told.findIndex(one => one !== undefined);
  return at < 0 ? undefined : { at, ...told[at] };
}

const steady = (count: number, seconds: number): Step[] => Array.from({ length: count }, () => ({ seconds }));

/** Times as they are on a busy machine: log-normal, σ 0.3. */
function noisy(count: number, seconds: number, seed: number): Step[] {
  const noise = randomStream(seed, 'times').normals(count);
  return Array.from(noise, x => ({ seconds: seconds * Math.exp(0.3 * x) }));
}

test('five steps that take four times as long are told once', () => {
  expect(firstTold([...steady(20, 1), ...steady(30, 5)])).toEqual({ at: 24, usual: 1, now: 5 });
  expect(firstTold([...steady(20, 1), ...steady(30, 3.9)])).toBeUndefined();
  expect(firstTold([...steady(20, 1), ...steady(4, 50), ...steady(20, 1)])).toBeUndefined();
  for (let seed = 0; seed < 20; seed++)
    expect(firstTold([...noisy(200, 0.05, seed), ...noisy(20, 0.6, seed + 100)])?.at).toBe(204);
});

test('no false alarm: noise, a slow start, steps that open a session, buckets of two sizes', () => {
  for (let seed = 0; seed < 50; seed++) expect(firstTold(noisy(2000, 1, seed))).toBeUndefined();
  expect(firstTold([...steady(6, 30), ...steady(100, 1)])).toBeUndefined();
  const opening = Array.from({ length: 60 }, (_, i) => ({ seconds: i % 2 ? 20 : 1, opened: i % 2 === 1 }));
  expect(firstTold(opening)).toBeUndefined();
  const buckets = Array.from({ length: 400 }, (_, i) => ({ seconds: i % 7 === 0 ? 4.5 : 1 }));
  expect(firstTold(buckets)).toBeUndefined();
});

const gib = 2 ** 30;
const calm: MachineFacts = {
  ...{ resident: 5 * gib, available: 6 * gib, total: 12 * gib, swapUsed: 0, pageFaults: 10, load: 1 },
};

test('the reason that the machine tells', () => {
  const full = { ...calm, available: 0.2 * gib, swapUsed: 3 * gib };
  expect(likelyReason(full, 40_000)).toBe(
    'memory has run out: this process holds 5.0 GiB, 0.2 GiB of 12.0 GiB are left, 3.0 GiB are swapped out, and 40000 pages were read from disk meanwhile. Close other programs, or stop (Ctrl-C) and go on with --resume and --memory',
  );
  expect(likelyReason({ ...calm, load: 4 }, 0)).toContain(
    'other programs keep the processors busy (load 4.0',
  );
  expect(likelyReason(calm, 0)).toContain('too hot');
});

test('faults are counted over the slow steps, and this machine can be asked', () => {
  let pageFaults = 100_000;
  const times = openStepTimes(() => ({ ...calm, pageFaults }));
  for (let i = 0; i < 20; i++) expect(times.push(1, false)).toBeUndefined();
  const told: (string | undefined)[] = [];
  for (let i = 0; i < 10; i++) {
    pageFaults += 2000;
    told.push(times.push(12, false));
  }
  expect(told.filter(Boolean)).toHaveLength(1);
  expect(told[4]).toMatch(
    /^steps take 12 times as long as before \(12 s instead of 1.00 s\): memory has run out: /,
  );
  expect(told[4]).toContain('and 10000 pages were read');
  const facts = machineFacts();
  for (const value of Object.values(facts)) expect(value).toBeGreaterThanOrEqual(0);
  expect(facts.resident).toBeGreaterThan(10e6);
  expect(facts.total).toBeGreaterThan(facts.available);
});
