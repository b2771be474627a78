/** The power fails at any moment of a run's saves: a state is there, not older than the last that was believed to be saved. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSafetensors, readTensor } from '../../src/files/index.ts';
import { runStatePath } from '../../src/training/run-state.ts';
import { loadRunState } from '../../src/training/state/generations.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { fingerprint, isOfStep, openSavedRun, saveAll, steps } from '../support/save-sequence.ts';
import { moments, restoreMoment, traceDisk } from '../support/traced-disk.ts';

/** Whether the LoRA is there, whole and of the last step. */
function hasLora(path: string): boolean {
  if (!existsSync(path)) return false;
  const file = openSafetensors(path);
  const weights = [...file.tensors.keys()].filter(name => name.endsWith('.weight'));
  return weights.length === 2 && weights.every(name => isOfStep(readTensor(file, name).data, steps));
}

test('whatever reached the disk: the old or the new state, or the LoRA', async () => {
  const folder = temporaryFolder();
  const trace = traceDisk(folder);
  try {
    const run = await openSavedRun(folder);
    for (let step = 1; step <= steps; step++) {
      run.goTo(step);
      await run.saver.afterStep();
      if (step < steps) trace.mark(String(step));
    }
    await saveAll(run, steps);
    trace.mark('done');
  } finally {
    trace.stop();
  }
  const believedAt = (calls: number): string | undefined =>
    trace.marks.findLast(({ after }) => after <= calls)?.belief;

  const replayed = join(temporaryFolder(), 'replayed');
  const out = join(replayed, 'x.safetensors');
  let states = 0;
  const seen = new Set<string>();
  for (const moment of moments(trace, trace.marks[0].after)) {
    mkdirSync(replayed);
    restoreMoment(trace, moment, replayed);
    const belief = believedAt(moment.calls);
    const lora = existsSync(out);
    // A LoRA under its own name is never half there.
    if (lora) expect(hasLora(out), JSON.stringify(moment)).toBe(true);
    if (belief === 'done') expect(lora).toBe(true);
    else if (!lora) {
      const found = loadRunState(runStatePath(out), fingerprint);
      expect(found?.damage, JSON.stringify(moment)).toBeUndefined();
      expect(found?.state.step, JSON.stringify(moment)).toBeGreaterThanOrEqual(Number(belief));
      expect(found?.state.step).toBeLessThanOrEqual(Number(belief) + 1);
      for (const { data } of found?.state.parameters.values() ?? [])
        expect(isOfStep(data, found?.state.step ?? -1)).toBe(true);
    }
    seen.add(`${belief} ${lora}`);
    rmSync(replayed, { recursive: true });
    states++;
  }
  expect(states).toBeGreaterThan(200);
  expect(seen.has('done true')).toBe(true);
  expect(seen.size).toBeGreaterThan(steps);
});
