/** @file What is wrong with a set of pictures: what `lora dataset report --json` tells. */
import { type Goal, goals, whatToDo } from '../../../dataset/index.ts';
import {
  datasetFacts,
  type MeasureCache,
  measureCacheIn,
  measureSet,
  readerOfBase,
} from '../../../workbench/index.ts';
import type { DatasetReportPayload } from '../../payloads/look.ts';
import type { JobContext, JobOutcome, JobRunner } from '../../runner.ts';
import { openBase } from '../open-base.ts';
import { withoutFolders } from '../without-folders.ts';

/** Of a recipe's goals those that say how many pictures are wanted. */
const goalOf = (goal: string | undefined): Goal | undefined =>
  goal !== undefined && Object.hasOwn(goals, goal) ? (goal as Goal) : undefined;

const shares = { reading: [0, 0.2], measuring: [0.2, 0.8] } as const;

/** What is measured in a process stays in its memory: the report is asked for again after every change. */
export function datasetReportRunner(): JobRunner<DatasetReportPayload> {
  const caches = new Map<string, MeasureCache>();
  const cacheIn = (folder: string): MeasureCache => {
    const cache = caches.get(folder) ?? measureCacheIn(folder);
    caches.set(folder, cache);
    return cache;
  };
  return (payload, context) => report(payload, context, cacheIn(context.places.cache));
}

async function report(
  payload: DatasetReportPayload,
  context: JobContext,
  cache: MeasureCache,
): Promise<JobOutcome> {
  const { signal, names } = context;
  signal.throwIfAborted();
  const { path, name } = names.dataset(payload.dataset);
  const reader = readerOfBase(openBase(context, payload.base));
  const { resolution, batch, trigger } = payload;
  const { report: measured, run } = await measureSet({
    ...{ data: [path], reader, goal: goalOf(payload.goal), signal, cache },
    said: {
      ...(resolution ? { resolution } : {}),
      ...(batch === undefined ? {} : { batch }),
      ...(trigger === undefined ? {} : { trigger }),
    },
    onProgress(what, done, total) {
      const [from, part] = shares[what];
      context.progress({
        share: from + (part * done) / Math.max(1, total),
        text: `${what} pictures: ${done} of ${total}`,
        detail: { done, total },
      });
    },
  });
  const facts = { ...datasetFacts(measured, run), folder: name, toDo: whatToDo(measured.findings).length };
  return { files: [], result: withoutFolders(facts, [path]) };
}
