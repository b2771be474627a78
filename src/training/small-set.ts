/**
 * @file Small sets: short runs that each leave other pictures out find the number of steps, before the run with all
 * pictures (validation/leave-out.ts). What they found is kept beside the run state, so that none of them is run twice.
 */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { groupAlike, type TrainingItem } from '../dataset/index.ts';
import { LoraError } from '../errors.ts';
import { disk, writeFileAtomic } from '../files/index.ts';
import { batchesPerEpoch } from './batches.ts';
import type { OpenRun } from './open-run.ts';
import { openOptimizer } from './optimizers/optimizer.ts';
import { stemOf, writtenParameters } from './run-state.ts';
import { newRunState, runLoop } from './trainer.ts';
import { readLikenesses } from './validation/leaks.ts';
import {
  type Fold,
  type FoundSteps,
  findSteps,
  type LeaveOutSource,
  leaveOutCost,
  planFolds,
} from './validation/leave-out.ts';
import { type Look, parseLooks } from './validation/look.ts';
import { openValidator } from './validation/validator.ts';

/** Looks of each short run after the one at its start. */
const looksOfRun = 12;

export const foldsPath = (out: string): string => `${stemOf(out)}.leave-out.json`;

const keptSchema = z.object({ fingerprint: z.string(), runs: z.array(z.unknown()) });

/** Looks of the short runs that are done already. */
function readKept(path: string, fingerprint: string): (readonly Look[])[] {
  if (!existsSync(path)) return [];
  try {
    const kept = keptSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return kept.fingerprint === fingerprint ? kept.runs.map(parseLooks) : [];
  } catch {
    return []; // what cannot be read is made again
  }
}

const pick = (items: readonly TrainingItem[], indices: readonly number[]): TrainingItem[] =>
  indices.map(i => items[i]);

/** One short run: trains without some pictures and looks at them at the given steps. */
async function runFold(run: OpenRun, fold: Fold, at: readonly number[]): Promise<Look[]> {
  const { plan, checkpoint, input, items, texts, fingerprint } = run;
  const { recipe, layers, request } = plan;
  const { session = {}, frugal = false, signal } = request;
  const trained = pick(items, fold.training);
  const validator = openValidator({
    ...{ checkpoint, recipe, layers, texts, session, frugal },
    items: pick(items, fold.heldOut),
    batchesPerEpoch: batchesPerEpoch(trained, recipe.batch),
  });
  const state = await newRunState(input, fingerprint, 0, request.from);
  const optimizer = openOptimizer(recipe);
  const end = new AbortController();
  const looks: Look[] = [];
  const look = async (): Promise<void> => {
    if (at.includes(state.step))
      looks.push(await validator.look(writtenParameters(state, optimizer), state.frozen, state.step));
    if (state.step >= (at.at(-1) ?? 0)) end.abort();
  };
  try {
    await look();
    // The teacher of prior preservation is that of the whole run: what it says does not depend on the fold.
    const { prior: _, ...own } = input;
    // The schedule goes to the end of the short run, as that of the whole run goes to its own.
    const short = { ...recipe, steps: at.at(-1) ?? recipe.steps };
    await runLoop({ ...own, recipe: short, items: trained }, state, {
      signal: signal ? AbortSignal.any([signal, end.signal]) : end.signal,
      betweenSteps: request.betweenSteps,
      onStep: look,
    });
    signal?.throwIfAborted();
    return looks;
  } finally {
    await validator.release();
  }
}

/**
 * Finds the number of steps for the run with all pictures. Throws LEAVE_OUT_INVALID for a number of runs that is not
 * possible, TRAINING_DOES_NOT_HELP where nothing that was left out was ever predicted better than by the base.
 */
export async function findStepsOf(run: OpenRun): Promise<FoundSteps> {
  const { plan, items, fingerprint } = run;
  const { recipe, out, request, prepare } = plan;
  const likenesses = await readLikenesses(
    items.map(({ path }) => path),
    request.signal ? { signal: request.signal } : {},
  );
  const hashes = new Map(run.scan.pictures.map(({ path, hash }) => [path, hash]));
  const groups = groupAlike(
    items.map(({ path }, i) => ({ hash: hashes.get(path) ?? path, likeness: likenesses[i] })),
  );
  const always = new Set(items.flatMap(({ rules }, i) => (rules?.isRegularisation ? [i] : [])));
  const source: LeaveOutSource = {
    folds: planFolds(groups, { seed: recipe.seed, folds: recipe.leaveOut, always }),
    steps: recipe.steps,
    looks: looksOfRun,
    batchesPerEpoch: pictures => batchesPerEpoch(pick(items, pictures), recipe.batch),
  };
  const { sentence } = leaveOutCost(source, { draws: recipe.validationDraws, batch: recipe.batch });
  prepare.onWarning?.({ code: 'LEAVE_OUT_COST', message: sentence });
  const path = foldsPath(out);
  const kept = readKept(path, fingerprint);
  const runs: (readonly Look[])[] = [];
  const found = await findSteps(
    source,
    async (fold, at) => {
      const known = kept[runs.length];
      const looks = known ?? (await runFold(run, fold, at));
      runs.push(looks);
      // What was kept stays as it is until there is more.
      if (!known) await writeFileAtomic(path, JSON.stringify({ fingerprint, runs }));
      return looks;
    },
    (done, all) => request.onProgress?.({ phase: 'folds', done, total: all }),
  );
  if (found.steps > 0) return found;
  const hint =
    'Look at the set with lora dataset report; lower the rate; or train without leaveOut if you know better.';
  throw new LoraError('TRAINING_DOES_NOT_HELP', found.reason, { hint });
}

/** To be called when the run has ended. */
export const forgetFolds = (out: string): Promise<void> => disk.rm(foldsPath(out), { force: true });
