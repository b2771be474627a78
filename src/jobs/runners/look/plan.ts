/** @file What a training run would be: what `lora train --plan --explain --json` tells. */
import { adviseOnScan, baseFacts, explainRecipe, planRun, scanPictures } from '../../../training/index.ts';
import {
  type DeviceName,
  describePlan,
  knownSpeed,
  planMemory,
  predictTime,
} from '../../../workbench/index.ts';
import type { PlanPayload } from '../../payloads/look.ts';
import type { JobRunner } from '../../runner.ts';
import { openBase } from '../open-base.ts';
import { recipeOf } from '../training/recipe.ts';
import { withoutFolders } from '../without-folders.ts';

export const planRunner =
  (device: DeviceName): JobRunner<PlanPayload> =>
  async (payload, context) => {
    const { signal, places } = context;
    signal.throwIfAborted();
    const checkpoint = openBase(context, payload.base);
    const { settled, given, data, folders } = await recipeOf(payload, checkpoint, context);
    const planned = planRun(checkpoint, given);
    const plan = planMemory(checkpoint, planned, payload.memory);
    const scan = await scanPictures(data, {
      ...{ recipe: plan.recipe, signal },
      onCount: (_, done, total) =>
        context.progress({ share: done / Math.max(1, total), text: `reading pictures: ${done} of ${total}` }),
    });
    signal.throwIfAborted();
    const advice = [...planned.advice, ...adviseOnScan(checkpoint, plan.recipe, scan)];
    const time =
      device === 'cpu' ? await predictTime(checkpoint, plan, await knownSpeed(places.cache)) : undefined;
    const { json } = describePlan(checkpoint, plan, scan, time);
    const fields = explainRecipe({ ...settled, recipe: plan.recipe }, baseFacts(checkpoint));
    return { files: [], result: withoutFolders({ ...json, fields, advice }, folders) };
  };
