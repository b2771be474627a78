/** @file Reads what a run has kept, while it goes on or afterwards; torn last lines are left out, anything else is told. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badInput } from '../../errors.ts';
import { isLocked } from '../../files/index.ts';
import { runStatePath } from '../run-state.ts';
import { hasRunState } from '../state/generations.ts';
import { parseManifest, type RunManifest } from './manifest.ts';
import { isEventFile, type PreviewFile, parsePreviewName, runFiles } from './places.ts';
import { isStepRow, rowsUpTo, type StepRow, type ValidationRow } from './rows.ts';

export interface LoggedEvent {
  readonly step: number;
  readonly kind: string;
  readonly message: string;
}

export interface KeptRun {
  /** The `.run` folder. */
  readonly folder: string;
  /** The LoRA file beside it, whether or not it is there. */
  readonly out: string;
  readonly manifest: RunManifest;
  /** Its process writes at this moment. */
  readonly isRunning: boolean;
  /** `--resume` can go on with it. */
  readonly isResumable: boolean;
  readonly steps: readonly StepRow[];
  readonly validations: readonly ValidationRow[];
  /** In the order of names, then steps. */
  readonly previews: readonly PreviewFile[];
  readonly events: readonly LoggedEvent[];
  readonly eventFile: string | undefined;
  /** What is wrong with its files. */
  readonly findings: readonly string[];
}

const endingOf = (folder: string): string => folder.replace(/\.run[/\\]*$/, '');

function readManifest(folder: string): RunManifest {
  const path = join(folder, runFiles.manifest);
  if (!existsSync(path))
    throw badInput('RUN_MISSING', `${folder} is not the folder of a run: it has no run.json`);
  const manifest = parseManifest(readFileSync(path, 'utf8'));
  if (manifest) return manifest;
  throw badInput(
    'RUN_INVALID',
    `${path} does not say what a run says`,
    'Was it edited, or written by a newer version?',
  );
}

const readIfThere = (path: string): Buffer => (existsSync(path) ? readFileSync(path) : Buffer.alloc(0));

function readEvents(folder: string): LoggedEvent[] {
  return readIfThere(join(folder, runFiles.log))
    .toString('utf8')
    .split('\n')
    .flatMap(line => {
      try {
        const { step, kind, message } = JSON.parse(line) as Record<string, unknown>;
        return [{ step: Number(step), kind: String(kind), message: String(message) }];
      } catch {
        return []; // the empty line at the end, or a torn one
      }
    });
}

function readPreviews(folder: string): PreviewFile[] {
  const inner = join(folder, runFiles.previews);
  const names = existsSync(inner) ? readdirSync(inner) : [];
  const found = names.flatMap(name => parsePreviewName(name) ?? []);
  return found.sort((a, b) => (a.name === b.name ? a.step - b.step : a.name < b.name ? -1 : 1));
}

/** Reads the `.run` folder of a run. Throws RUN_MISSING or RUN_INVALID. */
export function readRun(folder: string): KeptRun {
  const manifest = readManifest(folder);
  const path = join(folder, runFiles.steps);
  const bytes = readIfThere(path);
  const { rows, length } = rowsUpTo(bytes, Number.POSITIVE_INFINITY);
  const rest = bytes.subarray(length);
  const line = bytes.subarray(0, length).filter(byte => byte === 10).length + 1;
  // A line without an end is being written, or was when the process died.
  const isDamaged = rest.indexOf(10) >= 0;
  const out = `${endingOf(folder)}.safetensors`;
  return {
    folder,
    out,
    manifest,
    isRunning: isLocked(out),
    isResumable: !existsSync(out) && hasRunState(runStatePath(out)),
    steps: rows.filter(isStepRow),
    validations: rows.filter((row): row is ValidationRow => !isStepRow(row)),
    previews: readPreviews(folder),
    events: readEvents(folder),
    eventFile: readdirSync(folder).filter(isEventFile).sort().at(-1),
    findings: isDamaged ? [`${path} is damaged in line ${line}; what stands below it is left out`] : [],
  };
}
