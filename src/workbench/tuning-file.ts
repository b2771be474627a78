/** @file The measured kernel choices of this machine, kept in the cache folder: one file a machine and version. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import {
  type ConvolutionAlgorithm,
  type ConvolutionChoices,
  type ExecutionProvider,
  runtimeInfo,
} from '../engine/index.ts';
import { ensureWritableFolder, writeFileAtomic } from '../files/index.ts';
import { version } from '../version.ts';
import { cacheFolder } from './places.ts';

const algorithm = z.enum(['direct', 'winograd2', 'winograd4']);

const fileSchema = z.object({
  format: z.literal('lora-studio tuning 1'),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  /** By shape and direction: what the table says, what was measured, what is chosen. */
  convolutions: z.record(
    z.string(),
    z.object({
      tabled: algorithm,
      chosen: algorithm,
      timings: z.array(
        z.object({
          algorithm,
          bestMs: z.number().positive(),
          medianMs: z.number().positive(),
          error: z.number().nonnegative(),
        }),
      ),
    }),
  ),
});

export type Tuning = z.infer<typeof fileSchema>;
export type Measured = Tuning['convolutions'];

/** What measured times hold for: another processor, number of threads or version is measured anew. */
export function thisMachine(provider: ExecutionProvider = 'cpu'): Tuning['machine'] {
  const threads = availableParallelism();
  const processor = cpus()[0]?.model ?? 'unknown';
  return { processor, threads, onnxruntime: runtimeInfo().version, provider, version };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

export function tuningPath(machine = thisMachine(), folder = cacheFolder()): string {
  return join(folder, `tuning-${digest(JSON.stringify(machine))}.json`);
}

/** The file's tuning; undefined where there is none, and where it is damaged, which `note` hears. */
export function readTuning(note: (text: string) => void, path = tuningPath()): Tuning | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    note(`tuning ${path} is damaged and ignored; lora doctor --tune measures anew`);
    return undefined;
  }
}

/** Adds measurements to those of the file. */
export async function addMeasured(measured: Measured, path = tuningPath()): Promise<void> {
  const before = readTuning(() => {}, path)?.convolutions ?? {};
  const tuning: Tuning = {
    format: 'lora-studio tuning 1',
    machine: thisMachine(),
    convolutions: { ...before, ...measured },
  };
  await ensureWritableFolder(dirname(path));
  await writeFileAtomic(path, `${JSON.stringify(tuning, null, 1)}\n`);
}

/** What differs from the table; undefined where nothing does, so that such a tuning changes no run. */
export function choicesOf(tuning: Tuning | undefined): ConvolutionChoices | undefined {
  const changed = Object.entries(tuning?.convolutions ?? {}).filter(
    ([, { tabled, chosen }]) => tabled !== chosen,
  );
  if (changed.length === 0) return undefined;
  return new Map<string, ConvolutionAlgorithm>(changed.map(([key, { chosen }]) => [key, chosen]));
}

/** One line for reports. */
export function describeTuning(tuning: Tuning | undefined): string {
  if (!tuning) return 'none: convolutions by the built-in table; lora doctor --tune measures them here';
  const count = Object.keys(tuning.convolutions).length;
  const changed = choicesOf(tuning)?.size ?? 0;
  return `${count} convolutions measured, ${changed} of them computed otherwise than by the built-in table`;
}
