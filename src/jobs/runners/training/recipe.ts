/** @file The recipe of a job: what its payload says, over what the goal and the base decide. */
import { type GivenLora, loadLoraFor } from '../../../generation/index.ts';
import type { LoraWeights } from '../../../lora/index.ts';
import type { Checkpoint } from '../../../models/index.ts';
import {
  type GivenRecipe,
  parseRecipeValues,
  recipeFrom,
  type Said,
  type Settled,
} from '../../../training/index.ts';
import { settleRun } from '../../../workbench/index.ts';
import type { PlanPayload } from '../../payloads/look.ts';
import type { JobContext, JobNames } from '../../runner.ts';

/** What somebody who looks at the recipe reads behind a field of the payload. */
const origin = { from: 'flag', flag: 'your choice' } as const;

/** A folder with pictures to judge by is a data set too. */
function withFolder(given: GivenRecipe, names: JobNames): GivenRecipe {
  const { validationFolder } = given;
  return typeof validationFolder === 'string'
    ? { ...given, validationFolder: names.dataset(validationFolder).path }
    : given;
}

/** Throws RECIPE_INVALID with all that is wrong. */
function saidBy(payload: PlanPayload, names: JobNames): Said {
  const { recipe, goal, epochs, trigger, previewPrompts, previewEvery } = payload;
  const own = {
    ...(trigger?.trim() ? { trigger: trigger.trim() } : {}),
    ...(previewPrompts.length > 0 ? { previewPrompts } : {}),
    ...(previewEvery > 0 ? { previewEvery } : {}),
  };
  const { given, intent } = parseRecipeValues({
    ...{ ...recipe, ...own },
    ...(goal === undefined ? {} : { goal }),
    ...(epochs === undefined ? {} : { epochs }),
  });
  return { given: withFolder(given, names), intent, originOf: () => origin };
}

export interface JobRecipe {
  readonly settled: Settled;
  /** What the run is planned with. */
  readonly given: GivenRecipe;
  /** The LoRA that it starts from. */
  readonly from: LoraWeights | undefined;
  /** Folders with pictures. */
  readonly data: readonly string[];
  /** Folders that results are told without. */
  readonly folders: readonly string[];
}

type From = Pick<GivenLora, 'path'> & { readonly name: string; readonly lora: LoraWeights };

function readFrom(checkpoint: Checkpoint, names: JobNames, id: string | undefined): From | undefined {
  if (id === undefined) return undefined;
  const { path, name } = names.lora(id);
  const { lora } = loadLoraFor(checkpoint, path, { strict: true });
  return { path, name, lora };
}

/** Reads pictures only where a goal or epochs ask for it. Throws RECIPE_*, DATASET_*, CARD_*. */
export async function recipeOf(
  payload: PlanPayload,
  checkpoint: Checkpoint,
  { names, signal }: Pick<JobContext, 'names' | 'signal'>,
): Promise<JobRecipe> {
  const dataset = names.dataset(payload.dataset);
  const from = readFrom(checkpoint, names, payload.continueFrom);
  const said = saidBy(payload, names);
  const settled = await settleRun({
    ...{ checkpoint, data: [dataset.path], said: [said], continued: from?.name, signal },
  });
  const judged = said.given.validationFolder;
  return {
    settled,
    given: from ? recipeFrom(checkpoint, settled.given, from.lora, from.name) : settled.given,
    from: from?.lora,
    data: [dataset.path],
    folders: [dataset.path, ...(typeof judged === 'string' ? [judged] : [])],
  };
}
