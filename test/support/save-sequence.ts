/** A run of five steps as far as its files go: run states, two saves on the way of which one is kept, the LoRA. */
import { join } from 'node:path';
import { initialParameters, plainLora } from '../../src/lora/index.ts';
import { openSaver, type Saver } from '../../src/training/saver.ts';
import { finishedRun } from './trained-run.ts';

const layers = plainLora([{ target: 'unet.mid_block.attentions.0.proj_in', shape: [8, 8, 1, 1] }], {
  rank: 2,
});

export const steps = 5;
export const fingerprint = 'the run';

export interface SavedRun {
  readonly saver: Saver;
  readonly warnings: string[];
  /** Makes the state that of a step. */
  goTo(step: number): void;
}

/** Opens the run that writes `x.safetensors` in `folder`. */
export async function openSavedRun(folder: string): Promise<SavedRun> {
  const run = finishedRun(
    { steps, saveEvery: 2, keepSaves: 1, stateEvery: 1, rank: 2, alpha: 2, accumulate: 1 },
    { layers },
  );
  const parameters = await initialParameters(layers, 1);
  const tensors = new Map(
    [...parameters].map(([name, t]) => [`${name}:first`, { ...t, data: t.data.slice() }]),
  );
  const optimizer = { tensors, numbers: new Map<string, number>() };
  const state = { ...run.state, step: 0, fingerprint, parameters, optimizer, losses: [] as number[] };
  const warnings: string[] = [];
  const saver = openSaver(
    { ...run, state },
    {
      ...{ out: join(folder, 'x.safetensors'), resume: false },
      onWarning: ({ message }) => void warnings.push(message),
    },
  );
  return {
    saver,
    warnings,
    goTo(step) {
      state.step = step;
      state.losses.splice(0, Number.POSITIVE_INFINITY, ...Array.from({ length: step }, (_, i) => i + 1));
      for (const { data } of [...parameters.values(), ...tensors.values()])
        for (let i = 0; i < data.length; i++) data[i] = step + i / 1024;
    },
  };
}

/** All steps from `from` on, and the end. */
export async function saveAll({ saver, goTo }: SavedRun, from = 1): Promise<void> {
  await saver.guard(async () => {
    for (let step = from; step <= steps; step++) {
      goTo(step);
      await saver.afterStep();
    }
    await saver.finish();
  });
}

/** Whether parameters are those of a step. */
export const isOfStep = (data: Float32Array, step: number): boolean =>
  data.every((value, i) => value === Math.fround(step + i / 1024));
