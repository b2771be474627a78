/** @file What a run that is over gives to its job. */
import { existsSync } from 'node:fs';
import { basename, relative, sep } from 'node:path';
import { readRun, runFolderOf, type TrainResult } from '../../../training/index.ts';
import { runSummary } from '../../../workbench/index.ts';
import type { JobContext, JobOutcome, StagedFile } from '../../runner.ts';
import { stageFile } from '../stage-file.ts';
import { withoutFolders } from '../without-folders.ts';
import { lorasBeside } from './work-folder.ts';

/** `lora`, `lora-best`, `lora-step00000100`: what is behind the name of the run. */
async function stageLoras(out: string, { places }: JobContext): Promise<StagedFile[]> {
  const stem = basename(out, '.safetensors');
  const staged: StagedFile[] = [];
  for (const path of [out, ...lorasBeside(out)]) {
    const fileName = basename(path);
    const name = `lora${fileName.slice(stem.length, -'.safetensors'.length)}`;
    staged.push(await stageFile(places, path, { name, type: 'lora', fileName }));
  }
  return staged;
}

/** Where the journal lies, for what draws curves of it. */
const runFolder = (out: string, { places }: JobContext): string =>
  relative(places.data, runFolderOf(out)).split(sep).join('/');

/** Of a run that this attempt has finished. */
export async function outcomeOf(
  result: TrainResult,
  out: string,
  folders: readonly string[],
  context: JobContext,
): Promise<JobOutcome> {
  const { file, bestFile, journal: _, runState: __, ...summary } = runSummary(result);
  const { state } = result;
  return {
    files: await stageLoras(out, context),
    result: {
      ...(withoutFolders(summary, [...folders, context.places.work]) as object),
      loss: summary.lossOfLastSteps,
      best: state.best ? { step: state.best.step, loss: state.best.loss } : null,
      file: file === null ? null : basename(file),
      bestFile: bestFile === null ? null : basename(bestFile),
      seconds: result.stepSeconds,
      memory: summary.peakMemoryBytes,
      runFolder: runFolder(out, context),
      manifest: `${runFolder(out, context)}/run.json`,
    },
  };
}

/** Of a run whose LoRA an earlier attempt wrote, and was cut off before it told of it. */
export async function outcomeOfEarlier(out: string, context: JobContext): Promise<JobOutcome> {
  const folder = runFolderOf(out);
  const run = existsSync(folder) ? readRun(folder) : undefined;
  const recent = run?.steps.slice(-20) ?? [];
  const best = run?.validations.findLast(({ best: isBest }) => isBest);
  const files = await stageLoras(out, context);
  context.note('the LoRA was finished by an attempt that was cut off; it was not examined');
  return {
    files,
    result: {
      ...{ finished: true, steps: run?.steps.at(-1)?.step ?? null, file: basename(out) },
      loss: recent.length > 0 ? recent.reduce((sum, { loss }) => sum + loss / recent.length, 0) : null,
      best: best ? { step: best.step, loss: best.validation } : null,
      bestFile: files.find(({ name }) => name === 'lora-best')?.fileName ?? null,
      ...{ examined: null, recipe: run?.manifest.recipe ?? null },
      runFolder: runFolder(out, context),
      manifest: `${runFolder(out, context)}/run.json`,
    },
  };
}
