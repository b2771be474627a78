/** @file A LoRA that was just trained gets a picture on its card: the last preview of its run. */
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '../jobs/index.ts';
import { parsePreviewName, runFiles } from '../training/index.ts';
import { apiWholeJob, runFolder } from './api/index.ts';
import type { StudioContext } from './context.ts';

/** Of the last step the first prompt; undefined where there is none, or only one without the LoRA. */
function lastPreview(folder: string): string | undefined {
  const inner = join(folder, runFiles.previews);
  if (!existsSync(inner)) return undefined;
  const [last] = readdirSync(inner)
    .flatMap(file => {
      const found = parsePreviewName(file);
      return found && found.step > 0 ? [{ ...found, file }] : [];
    })
    .sort((a, b) => b.step - a.step || (a.name < b.name ? -1 : 1));
  return last && join(inner, last.file);
}

/** After the library has seen the file. A picture that is there already stays. */
export async function showTrained(context: StudioContext, job: Job): Promise<void> {
  if (job.kind !== 'train') return;
  const { library, data } = context;
  const preview = lastPreview(runFolder(data, job));
  if (preview === undefined) return;
  for (const { type, cardId } of apiWholeJob(job, context).artefacts) {
    if (type !== 'lora' || cardId === undefined || library.card(cardId)?.hasPreview) continue;
    await library.setPreview(cardId, await readFile(preview));
  }
}
