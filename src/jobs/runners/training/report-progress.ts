/** @file The progress of a run, as a page shows it. */

import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Progress, parsePreviewName, runFiles, runFolderOf } from '../../../training/index.ts';
import type { JobContext } from '../../runner.ts';
import { smallJpeg } from '../small-picture.ts';

/** The loss that is shown is the mean of so many. */
const recentSteps = 20;

const mean = (values: readonly number[]): number =>
  values.reduce((a, b) => a + b, 0) / Math.max(1, values.length);

interface FoundPreview {
  readonly name: string;
  readonly path: string;
}

/** `preview-0-50` is the first prompt after step 50; step 0 is without the LoRA. */
function previewsIn(folder: string): FoundPreview[] {
  const inner = join(folder, runFiles.previews);
  const files = existsSync(inner) ? readdirSync(inner).flatMap(file => parsePreviewName(file) ?? []) : [];
  return files
    .toSorted((a, b) => a.step - b.step || Number(a.name) - Number(b.name))
    .map(({ name, step, path }) => ({
      name: `preview-${Number(name)}-${step}`,
      path: join(folder, path),
    }));
}

const preparing = {
  scan: 'reading pictures',
  latents: 'encoding pictures',
  captions: 'encoding captions',
} as const;

export interface RunReport {
  readonly onProgress: (progress: Progress) => void;
  /** Waits for the last preview to be passed on. */
  end(): Promise<void>;
}

/** Tells of a run that writes `out`; pictures that an earlier attempt passed on are named, not passed again. */
export function openRunReport(out: string, { progress, preview, note }: JobContext): RunReport {
  const folder = runFolderOf(out);
  const known = new Map(previewsIn(folder).map(({ name, path }) => [name, path]));
  const recent: number[] = [];
  let passing: Promise<void> = Promise.resolve();
  let detail: Record<string, unknown> = { phase: 'preparing', previews: [...known.keys()] };
  let [share, text]: [number, string] = [0, 'starting'];
  let secondsLeft: number | undefined;
  const tell = (more: Record<string, unknown> = {}): void => {
    detail = { ...detail, ...more };
    progress({ share, text, secondsLeft, detail });
  };
  const passPreviews = (): void => {
    for (const { name, path } of previewsIn(folder)) {
      if (known.has(name)) continue;
      known.set(name, path);
      passing = passing
        .then(async () => preview(name, await smallJpeg(await readFile(path))))
        .catch(() => undefined); // a picture that cannot be shown costs no run
    }
    tell({ previews: [...known.keys()] });
  };
  return {
    end: () => passing,
    onProgress(told) {
      switch (told.phase) {
        case 'scan':
        case 'latents':
        case 'captions':
          text = `${preparing[told.phase]}: ${told.done} of ${told.total}`;
          return tell({ phase: 'preparing' });
        case 'scanned':
          for (const { path, reason } of told.scan.skipped) note(`left out: ${path}: ${reason}`);
          for (const { message } of told.scan.warnings) note(`warning: ${message}`);
          return;
        case 'warning':
          return note(`warning: ${told.warning.message}`);
        case 'start': {
          const { recipe, layers, resumedAt, heldOut, scan } = told;
          const from = resumedAt > 0 ? `, goes on after step ${resumedAt}` : '';
          const out = heldOut > 0 ? ` and ${heldOut} held out` : '';
          note(`${scan.pictures.length} pictures${out}, ${layers} layers, ${recipe.steps} steps${from}`);
          share = resumedAt / recipe.steps;
          text = `step ${resumedAt} of ${recipe.steps}`;
          return tell({ phase: 'steps', step: resumedAt, steps: recipe.steps, resumedAt });
        }
        case 'step': {
          const { step, steps, loss, rate, seconds } = told;
          recent.push(loss);
          if (recent.length > recentSteps) recent.shift();
          share = step / steps;
          text = `step ${step} of ${steps}`;
          secondsLeft = told.secondsLeft;
          return tell({
            phase: 'steps',
            step,
            steps,
            loss,
            smoothed: mean(recent),
            rate,
            secondsPerStep: seconds,
          });
        }
        case 'look': {
          const { step, loss, low, high } = told.look;
          const bounds = Number.isFinite(high - low) ? { low, high } : {};
          note(
            `held-out pictures after step ${step}: loss ${loss.toFixed(4)}${told.isBest ? ', the best so far' : ''}`,
          );
          return tell({ validation: { step, loss, ...bounds, isBest: told.isBest, reason: told.reason } });
        }
        case 'folds':
          text = `short run ${told.done} of ${told.total} is done`;
          return tell({ phase: 'short runs' });
        case 'examining':
          [share, text, secondsLeft] = [1, 'examining the LoRA', undefined];
          return tell({ phase: 'examining' });
        case 'preview':
          return passPreviews();
        case 'saved':
          return note('saved on the way');
      }
    },
  };
}
