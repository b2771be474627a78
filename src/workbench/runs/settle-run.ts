/** @file The recipe of a run from all that was said of it, over the pictures that it is for. */
import type { DatasetScan } from '../../dataset/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  baseFacts,
  type DataSources,
  decidedByLora,
  type Origin,
  type Recipe,
  type RecipeField,
  readDataSources,
  type Said,
  type Settled,
  scanPictures,
  settleRecipe,
  surveyPictures,
} from '../../training/index.ts';

export interface SettleRunRequest {
  readonly checkpoint: Checkpoint;
  /** Folders of pictures and data set files. */
  readonly data: readonly string[];
  /** Settings of other programs, which data set files win over. */
  readonly before?: readonly Said[];
  /** Later ones win. */
  readonly said: readonly Said[];
  /** The LoRA that the run goes on from. */
  readonly continued?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a LoRA that is gone on from decides, a goal does not. */
function withoutDecided(settled: Settled, path: string): Settled {
  const isGoals = (field: string): boolean =>
    decidedByLora.has(field as RecipeField) && settled.origins.get(field as RecipeField)?.from === 'goal';
  const given = Object.fromEntries(Object.entries(settled.given).filter(([field]) => !isGoals(field)));
  const origins = new Map<RecipeField, Origin>(settled.origins);
  for (const field of decidedByLora) origins.set(field, { from: 'lora', path });
  return { ...settled, given, origins };
}

/** What data set files of sd-scripts say of the run. Without enlarging, buckets follow the pictures and have no sides. */
function dataSaid({ given: own, parts }: DataSources): Said[] {
  if (Object.keys(own).length === 0) return [];
  const { minBucketSide, maxBucketSide, ...rest } = own;
  const place = parts.flatMap(part => (typeof part === 'string' ? [] : [part.path])).join(', ');
  return [
    {
      given: own.noUpscale ? rest : own,
      intent: {},
      originOf: () => ({ from: 'file', place }),
    },
  ];
}

/** One recipe from all that was said; reads the pictures only where a goal or epochs ask for it. Throws RECIPE_INVALID. */
export async function settleRun(request: SettleRunRequest): Promise<Settled> {
  const { checkpoint, data, before = [], said, continued, signal } = request;
  const pictures = readDataSources(data);
  const scan = (recipe: Recipe): Promise<DatasetScan> =>
    scanPictures(pictures, { recipe, ...(signal ? { signal } : {}) });
  const settled = await settleRecipe(
    [...before, ...dataSaid(pictures), ...said],
    baseFacts(checkpoint),
    (recipe, hasGoal) => surveyPictures(scan, recipe, hasGoal),
  );
  return continued === undefined ? settled : withoutDecided(settled, continued);
}
