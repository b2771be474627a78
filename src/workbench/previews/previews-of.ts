/** @file The previews of a run, as the command line has them drawn. */
import { basename } from 'node:path';
import type { SessionOptions } from '../../engine/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import {
  isSmall,
  type PreviewOptions,
  parsePromptLine,
  previewRequests,
  type Recipe,
  readPromptFile,
  writePromptLine,
} from '../../training/index.ts';
import { openPreviewDrawer } from './draw-preview.ts';
import { drawPreviewSheet } from './preview-sheet.ts';

export interface RunPreviews {
  /** For TrainRequest; undefined where the recipe asks for none. */
  readonly previews: Pick<PreviewOptions, 'requests' | 'draw' | 'drawSheet'> | undefined;
  release(): Promise<void>;
}

export interface PreviewSource {
  readonly checkpoint: Checkpoint;
  readonly recipe: Pick<Recipe, 'previewPrompts' | 'previewEvery' | 'previewEveryEpochs' | 'seed'>;
  readonly session?: SessionOptions;
  /** The LoRA file of the run. */
  readonly out: string;
  /** Memory is scarce. */
  readonly frugal?: boolean;
  readonly note: (text: string) => void;
}

/**
 * Reads the recipe's prompts and says what of them has no effect; throws for what cannot be drawn, before the run begins.
 * A small model stays open between previews; a large one is closed after each, so that two do not lie in memory for the
 * length of the run.
 */
export function previewsOf(source: PreviewSource): RunPreviews {
  const { checkpoint, recipe, session = {}, out, frugal = false, note } = source;
  const isAsked = recipe.previewEvery > 0 || recipe.previewEveryEpochs > 0;
  if (!isAsked || recipe.previewPrompts.length === 0)
    return { previews: undefined, release: async () => undefined };
  const read = recipe.previewPrompts.map(parsePromptLine);
  for (const [i, { findings }] of read.entries())
    for (const finding of findings) note(`warning: preview ${i + 1}: ${finding}`);
  const requests = previewRequests(
    read.map(({ prompt }) => prompt),
    checkpoint,
    recipe.seed,
  );
  const name = basename(out).replace(/\.safetensors$/, '');
  const between = !frugal && isSmall(checkpoint) ? 'keep' : 'release';
  const { draw, release } = openPreviewDrawer({ checkpoint, session, name, between });
  return { previews: { requests, draw, drawSheet: drawPreviewSheet }, release };
}

/** The prompts of a file in sd-scripts' syntax, as lines for a recipe. */
export function readPreviewLines(path: string, note: (text: string) => void): string[] {
  const { prompts, findings } = readPromptFile(path);
  for (const finding of findings) note(`warning: ${path}: ${finding}`);
  return prompts.map(writePromptLine);
}
