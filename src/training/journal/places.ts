/** @file Where a run keeps its journal: `my-lora.run/` beside `my-lora.safetensors`, and what the files in it are called. */
import { join } from 'node:path';
import { stemOf } from '../run-state.ts';

export const runFolderOf = (out: string): string => `${stemOf(out)}.run`;

export const runFiles = {
  manifest: 'run.json',
  steps: 'steps.jsonl',
  table: 'steps.csv',
  log: 'log.jsonl',
  previews: 'previews',
} as const;

/** TensorBoard looks for `tfevents` in the name, and reads files in the order of their names. */
export const eventFileName = (startedAt: number): string =>
  `events.out.tfevents.${String(startedAt).padStart(10, '0')}.lora-studio`;

export const isEventFile = (name: string): boolean => name.startsWith('events.out.tfevents.');

const digits = 8;

/** `00-step00000050.png`; step 0 is the base without the LoRA. */
export function previewName(name: string, step: number): string {
  return `${name}-${step === 0 ? 'without' : `step${String(step).padStart(digits, '0')}`}.png`;
}

export interface PreviewFile {
  readonly name: string;
  readonly step: number;
  /** Within the run's folder. */
  readonly path: string;
}

/** The parts of a preview's name; undefined for other files. */
export function parsePreviewName(file: string): PreviewFile | undefined {
  const match = /^(.+)-(?:without|step(\d{8,}))\.png$/.exec(file);
  if (!match) return undefined;
  return { name: match[1], step: Number(match[2] ?? 0), path: join(runFiles.previews, file) };
}
