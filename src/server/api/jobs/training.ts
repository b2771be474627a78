/** @file What a training job wrote down of its run: rows of steps, held-out losses, previews. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LoraError } from '../../../errors.ts';
import { resolveInside } from '../../../files/index.ts';
import type { Job } from '../../../jobs/index.ts';
import {
  type manifestOf,
  parsePreviewName,
  parsePromptLine,
  runFiles,
  runFolderOf,
} from '../../../training/index.ts';
import type { DataFolder } from '../../../workbench/index.ts';
import type { ApiTrainingRows } from '../../schemas/jobs.ts';
import { versioned } from '../params.ts';
import { readRunRows } from './run-rows.ts';

/** Rows in one answer; a longer run comes in several, or thinned out. */
const mostRows = 20_000;

interface TrainingFacts {
  readonly name: string;
  readonly previewPrompts: readonly string[];
}

function factsOf({ kind, payload, title }: Job): TrainingFacts {
  if (kind !== 'train')
    throw new LoraError('JOB_NO_TRAINING', `${title} is no training run`, { exit: 'usage' });
  const { name, previewPrompts = [] } = payload as Partial<TrainingFacts>;
  return { name: name ?? '', previewPrompts };
}

/** The `.run` folder, whether it is there or not. */
export function runFolder({ jobs }: DataFolder, job: Job): string {
  return runFolderOf(resolveInside(jobs, `${job.id}/work/${factsOf(job).name}.safetensors`));
}

type Manifest = ReturnType<typeof manifestOf>;

/** What the run itself says of its recipe, which is more than was asked for. */
function recipeOf(folder: string): Manifest['recipe'] {
  try {
    return (JSON.parse(readFileSync(join(folder, runFiles.manifest), 'utf8')) as Manifest).recipe ?? {};
  } catch {
    return {}; // not begun
  }
}

const promptOf = (line: string): string => {
  try {
    return parsePromptLine(line).prompt.prompt;
  } catch {
    return line;
  }
};

function previewsIn(folder: string, job: Job, prompts: readonly string[]): ApiTrainingRows['previews'] {
  const inner = join(folder, runFiles.previews);
  if (!existsSync(inner)) return [];
  return readdirSync(inner)
    .flatMap(file => {
      const found = parsePreviewName(file);
      return found ? [{ ...found, file }] : [];
    })
    .sort((a, b) => a.step - b.step || (a.name < b.name ? -1 : 1))
    .map(({ name, step, file }) => ({
      ...{ name, step, prompt: promptOf(prompts[Number.parseInt(name, 10)] ?? '') },
      url: versioned(
        `/api/v1/jobs/${job.id}/training/previews/${encodeURIComponent(file.replace(/\.png$/, ''))}`,
        statSync(join(inner, file), { throwIfNoEntry: false })?.mtimeMs ?? 0,
      ),
    }));
}

export interface RowsWanted {
  /** Rows after this step. */
  readonly after: number;
  /** No more than so many steps, evenly spread; the last one is always among them. */
  readonly most?: number | undefined;
}

function thinned<T>(rows: readonly T[], most: number): T[] {
  if (rows.length <= most) return [...rows];
  const stride = (rows.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => rows[Math.round(i * stride)]);
}

/** Of a job that was not begun, nothing yet. Throws JOB_NO_TRAINING. */
export async function trainingRowsOf(
  data: DataFolder,
  job: Job,
  { after, most = mostRows }: RowsWanted,
): Promise<ApiTrainingRows> {
  const folder = runFolder(data, job);
  const { previewPrompts } = factsOf(job);
  const recipe = recipeOf(folder);
  const { steps, validations } = await readRunRows(join(folder, runFiles.steps));
  const prompts = Array.isArray(recipe.previewPrompts) ? (recipe.previewPrompts as string[]) : previewPrompts;
  return {
    steps: thinned(
      steps.filter(({ step }) => step > after),
      Math.min(most, mostRows),
    ).map(({ rates: _, ...row }) => row),
    validations: validations.filter(({ step }) => step > after || (after === 0 && step === 0)),
    previews: previewsIn(folder, job, prompts).filter(({ step }) => step > after || after === 0),
    totalSteps: typeof recipe.steps === 'number' ? recipe.steps : 0,
  };
}

/** A preview by the name that its address has. Throws PREVIEW_UNKNOWN. */
export function trainingPreview(data: DataFolder, job: Job, name: string): string {
  const inner = join(runFolder(data, job), runFiles.previews);
  const file = `${name}.png`;
  const isThere =
    parsePreviewName(file) !== undefined && existsSync(inner) && readdirSync(inner).includes(file);
  if (isThere) return resolveInside(inner, file);
  throw new LoraError(
    'PREVIEW_UNKNOWN',
    `there is no preview ${JSON.stringify(name.slice(0, 80))} of this run`,
  );
}
