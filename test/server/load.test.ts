/** A short load beside a training run, with bounds that a busy machine meets; `bench/studio-load.ts` measures at length. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compareTraining, loadPage, measureEvents, startTraining } from '../../bench/studio-load.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { endProcess, type StartedStudio } from '../support/served-studio.ts';

let studio: StartedStudio;
beforeAll(async () => {
  studio = await startTraining(join(temporaryFolder(), 'data'));
}, 180_000);
afterAll(async () => {
  if (studio) expect((await endProcess(studio)).status).toBe(0);
});

test('50 requests a second beside a training run: all are answered, and soon', async () => {
  const { load, quiet, loaded } = await compareTraining(studio, 50, 10, 1);
  const slower = 100 * (loaded / quiet - 1);
  console.log(
    `${load.requests} requests: p50 ${load.p50.toFixed(1)} ms, p99 ${load.p99.toFixed(1)} ms; a step ${(1000 * quiet).toFixed(1)} ms, with load ${(1000 * loaded).toFixed(1)} ms (${slower.toFixed(1)} %)`,
  );
  expect(load.errors).toEqual([]);
  expect(load.requests).toBe(500);
  // On a machine that makes everybody wait, this process waits as well.
  expect(load.p99).toBeLessThan(250 + 4 * load.machine);
  expect(loaded).toBeGreaterThan(0);
}, 60_000);

test('200 listeners all hear of a change within a second', async () => {
  const { latest, missed, bytes } = await measureEvents(studio, 200, 3);
  console.log(`the latest of 200 heard after ${latest.toFixed(0)} ms; ${(bytes / 1e6).toFixed(1)} MB`);
  expect(missed).toBe(0);
  expect(latest).toBeLessThan(1000);
  expect(bytes).toBeLessThan(100e6);
}, 60_000);

test('the page is small, and there at once', async () => {
  const { files, scriptBytes, allScriptBytes, milliseconds } = await loadPage(studio);
  expect(files).toBeGreaterThan(2);
  expect(scriptBytes).toBeGreaterThan(10_000);
  console.log(
    `${(scriptBytes / 1000).toFixed(1)} kB of scripts at first, ${(allScriptBytes / 1000).toFixed(1)} kB in all`,
  );
  expect(allScriptBytes).toBeGreaterThan(scriptBytes);
  expect(allScriptBytes).toBeLessThan(200_000);
  expect(milliseconds).toBeLessThan(2000);
});
