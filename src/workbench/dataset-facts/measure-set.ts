/** @file The report on a set of pictures, as a run would read them. */
import {
  assignBuckets,
  type CaptionFault,
  type DatasetReport,
  type DatasetScan,
  type Goal,
  inspectKept,
  type KeptMeasures,
  reportDataset,
} from '../../dataset/index.ts';
import {
  bucketRule,
  completeRecipe,
  type GivenRecipe,
  type Recipe,
  readDataSources,
  scanPictures,
} from '../../training/index.ts';
import type { RunFacts } from './facts.ts';
import { type MeasureCache, withMeasures } from './measure-cache.ts';
import type { Reader } from './reader.ts';

export interface MeasureRequest {
  /** Folders with pictures, data set files. */
  readonly data: readonly string[];
  readonly reader: Reader;
  /** What is said of the run; what data set files say counts where this says nothing. */
  readonly said: Partial<Pick<GivenRecipe, 'resolution' | 'batch' | 'caption' | 'trigger'>>;
  readonly goal?: Goal | undefined;
  /** Longest side of small pictures for so many pictures, where they are wanted too. */
  readonly thumbnailSideFor?: ((pictures: number) => number) | undefined;
  /** Where measures of pictures are kept; each picture is measured anew without it. */
  readonly cache?: MeasureCache | undefined;
  readonly onProgress?: (what: 'reading' | 'measuring', done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface MeasuredSet {
  readonly report: DatasetReport;
  readonly scan: DatasetScan;
  readonly recipe: Recipe;
  readonly run: RunFacts;
}

function recipeFor({ data, reader, said }: MeasureRequest): Recipe {
  const known = Object.entries({ ...said, trigger: said.trigger?.trim() || undefined }).filter(
    ([, value]) => value !== undefined,
  );
  const given = { ...readDataSources(data).given, ...Object.fromEntries(known) };
  return completeRecipe(given, reader.family, reader.resolution);
}

/** As training scans, but without the trigger word, and going on at captions that training stops at. */
async function scan(
  { data, signal, onProgress }: MeasureRequest,
  recipe: Recipe,
  kept: KeptMeasures | undefined,
): Promise<{ readonly scan: DatasetScan; readonly faults: CaptionFault[] }> {
  const faults: CaptionFault[] = [];
  const scanned = await scanPictures(data, {
    recipe: { ...recipe, trigger: null },
    ...(signal ? { signal } : {}),
    ...(kept ? { inspect: inspectKept(kept) } : {}),
    onCount: (_, done, total) => onProgress?.('reading', done, total),
    onBadCaption: ({ code, message }, path) => faults.push({ path, code, message }),
  });
  return { scan: scanned, faults };
}

async function measureWith(
  request: MeasureRequest,
  recipe: Recipe,
  kept: KeptMeasures | undefined,
): Promise<{ readonly report: DatasetReport; readonly scan: DatasetScan }> {
  const { reader, goal, thumbnailSideFor, onProgress, signal } = request;
  const { scan: scanned, faults } = await scan(request, recipe, kept);
  const report = await reportDataset({
    scan: scanned,
    placed: assignBuckets(scanned.pictures, bucketRule(recipe)),
    batch: recipe.batch,
    goal,
    trigger: recipe.trigger ?? undefined,
    readCaption: reader.readCaption,
    lookUp: reader.lookUp,
    captionFaults: faults,
    ...(thumbnailSideFor ? { thumbnailSide: thumbnailSideFor(scanned.pictures.length) } : {}),
    ...(kept ? { kept } : {}),
    onProgress: (done, total) => onProgress?.('measuring', done, total),
    ...(signal ? { signal } : {}),
  });
  return { report, scan: scanned };
}

/** Measures every picture and judges the set. Nothing is changed, or written but to the cache. */
export async function measureSet(request: MeasureRequest): Promise<MeasuredSet> {
  const { reader, cache } = request;
  const recipe = recipeFor(request);
  const measured = await withMeasures(cache, kept => measureWith(request, recipe, kept));
  const run = { name: reader.name, resolution: recipe.resolution, batch: recipe.batch };
  return { ...measured, recipe, run };
}
