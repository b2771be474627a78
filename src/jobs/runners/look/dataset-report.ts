/** @file What is wrong with a set of pictures: what `lora dataset report --json` tells. */
import { type Goal, goals, whatToDo } from '../../../dataset/index.ts';
import { datasetFacts, measureSet, readerOfBase } from '../../../workbench/index.ts';
import type { DatasetReportPayload } from '../../payloads/look.ts';
import type { JobRunner } from '../../runner.ts';
import { openBase } from '../open-base.ts';
import { withoutFolders } from '../without-folders.ts';

/** Of a recipe's goals those that say how many pictures are wanted. */
const goalOf = (goal: string | undefined): Goal | undefined =>
  goal !== undefined && Object.hasOwn(goals, goal) ? (goal as Goal) : undefined;

const shares = { reading: [0, 0.2], measuring: [0.2, 0.8] } as const;

export const datasetReportRunner = (): JobRunner<DatasetReportPayload> => async (payload, context) => {
  const { signal, names } = context;
  signal.throwIfAborted();
  const { path, name } = names.dataset(payload.dataset);
  const reader = readerOfBase(openBase(context, payload.base));
  const { resolution, batch, trigger } = payload;
  const { report, run } = await measureSet({
    ...{ data: [path], reader, goal: goalOf(payload.goal), signal },
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
  const facts = { ...datasetFacts(report, run), folder: name, toDo: whatToDo(report.findings).length };
  return { files: [], result: withoutFolders(facts, [path]) };
};
