/** @file Pictures on the way: every prompt without the LoRA once, with it when it is due, and all of them on one sheet. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../../files/index.ts';
import type { LoraWeights } from '../../lora/index.ts';
import type { Journal } from '../journal/journal.ts';
import { parsePreviewName, previewName, runFiles } from '../journal/places.ts';
import type { PreviewRequest } from './requests.ts';

export interface DrawOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Draws requests with a LoRA, or with the base alone, and encodes each as PNG. Training knows nothing of how: the same
 * code that `lora generate` runs is passed in, so that a preview is what the file will draw.
 */
export type DrawPreview = (
  requests: readonly PreviewRequest[],
  lora: LoraWeights | undefined,
  options: DrawOptions,
) => Promise<Uint8Array[]>;

export interface SheetRow {
  readonly request: PreviewRequest;
  /** A picture file for each column; undefined where there is none. */
  readonly files: readonly (string | undefined)[];
}

export interface PreviewSheet {
  readonly title: string;
  /** 0 is without the LoRA. */
  readonly steps: readonly number[];
  readonly rows: readonly SheetRow[];
}

/** Lays pictures out as one PNG. */
export type DrawSheet = (sheet: PreviewSheet) => Promise<Uint8Array>;

export interface PreviewOptions {
  readonly title: string;
  readonly requests: readonly PreviewRequest[];
  readonly draw: DrawPreview;
  readonly drawSheet: DrawSheet;
  readonly journal: Journal;
  /** A preview that fails is told; the run goes on. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

export interface Previews {
  /** Draws what the LoRA makes of the prompts after `step`; returns the path of the sheet, where there is one. */
  draw(step: number, lora: LoraWeights, options?: DrawOptions): Promise<string | undefined>;
}

const nameOf = (index: number): string => String(index).padStart(2, '0');

export const sheetName = 'sheet.png';

/** Rows are prompts, columns are steps for which there are pictures. */
function layOut({ title, requests }: PreviewOptions, folder: string): PreviewSheet {
  const found = readdirSync(folder).flatMap(file => parsePreviewName(file) ?? []);
  const steps = [...new Set(found.map(({ step }) => step))].sort((a, b) => a - b);
  const rows = requests.map((request, i) => {
    const files = steps.map(step => {
      const path = join(folder, previewName(nameOf(i), step));
      return existsSync(path) ? path : undefined;
    });
    return { request, files };
  });
  return { title, steps, rows };
}

export function openPreviews(options: PreviewOptions): Previews {
  const { requests, journal, onWarning } = options;
  const folder = join(journal.folder, runFiles.previews);

  const drawAt = async (step: number, lora: LoraWeights | undefined, how: DrawOptions): Promise<void> => {
    const pictures = await options.draw(requests, lora, how);
    for (const [i, png] of pictures.entries()) journal.picture(nameOf(i), step, png);
  };
  const isThere = (step: number): boolean =>
    requests.every((_, i) => existsSync(join(folder, previewName(nameOf(i), step))));

  return {
    async draw(step, lora, how = {}) {
      try {
        if (!isThere(0)) await drawAt(0, undefined, how);
        await drawAt(step, lora, how);
        await journal.flush(); // the sheet is made of the files
        const path = join(folder, sheetName);
        await writeFileAtomic(path, await options.drawSheet(layOut(options, folder)));
        return path;
      } catch (error) {
        if (how.signal?.aborted) return undefined;
        const why = error instanceof Error ? error.message : String(error);
        onWarning?.(`no previews at step ${step}, the run goes on: ${why}`);
        return undefined;
      }
    },
  };
}
