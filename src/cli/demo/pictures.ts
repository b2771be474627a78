/** @file The demo's pictures: every row by every column, as files and as one sheet. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { resolveSampler } from '../../diffusion/index.ts';
import type { SessionOptions } from '../../engine/index.ts';
import { ensureWritableFolder, hashFile, hashTensorData, writeFileAtomic } from '../../files/index.ts';
import {
  encodePicture,
  infotextOf,
  loadLoraFor,
  openGenerator,
  type Picture,
  plainSettings,
} from '../../generation/index.ts';
import type { LoraWeights } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { projectPath } from '../base.ts';
import type { Terminal } from '../terminal.ts';
import { columns, drawing, rows, type SetName, sets } from './plan.ts';
import { drawSheet, readTile } from './sheet.ts';

/** One column of pictures, and the LoRAs that drew it. */
interface DrawnColumn {
  readonly uses: readonly SetName[];
  readonly loras: readonly (TrainedLora & { readonly strength: number })[];
  readonly pictures: readonly Picture[];
}

interface TrainedLora {
  readonly lora: LoraWeights;
  readonly name: string;
  readonly path: string;
}

const openTrained = (checkpoint: Checkpoint, path: string): TrainedLora => ({
  ...{ lora: loadLoraFor(checkpoint, path).lora, path },
  name: basename(path).replace(/\.safetensors$/, ''),
});

/** Draws all columns with one generator: changing LoRAs costs no set-up. */
export async function drawColumns(
  checkpoint: Checkpoint,
  out: string,
  terminal: Terminal,
  signal: AbortSignal,
  session: SessionOptions,
): Promise<DrawnColumn[]> {
  const trained = new Map(sets.map(({ name, file }) => [name, openTrained(checkpoint, join(out, file))]));
  const generator = openGenerator(checkpoint, session);
  const drawn: DrawnColumn[] = [];
  for (const { label, uses, strength } of columns) {
    const loras = uses.map(name => ({ ...(trained.get(name) as TrainedLora), strength }));
    const pictures = await generator.generate({
      pictures: rows.map(({ prompt, seed }) => ({ prompt, negativePrompt: '', seed })),
      loras,
      merge: false,
      sampler: resolveSampler(drawing.sampler),
      steps: drawing.steps,
      guidance: drawing.guidance,
      width: checkpoint.resolution,
      height: checkpoint.resolution,
      signal,
      onStep: ({ step, steps }) => terminal.progress(`drawing: ${label}  step ${step}/${steps}`),
    });
    drawn.push({ uses, loras, pictures });
  }
  await generator.release();
  return drawn;
}

/** Writes each picture with the text that draws it again; returns their folder. */
export async function writePictures(
  checkpoint: Checkpoint,
  out: string,
  drawn: readonly DrawnColumn[],
): Promise<string> {
  const folder = join(out, 'pictures');
  await ensureWritableFolder(folder);
  const modelHash = await hashFile(checkpoint.unet.files[0]);
  for (const { uses, loras, pictures } of drawn) {
    const hashes = await Promise.all(
      loras.map(async ({ name, path }) => ({ name, hash: await hashTensorData(path) })),
    );
    for (const [i, picture] of pictures.entries()) {
      const { prompt, seed } = rows[i];
      const settings = plainSettings(checkpoint, {
        ...{ prompt, negativePrompt: '', seed, sampler: resolveSampler(drawing.sampler) },
        ...{ steps: drawing.steps, guidance: drawing.guidance },
        ...{ width: picture.width, height: picture.height },
        loras: loras.map(({ name, path, strength }) => ({ name, path, strength })),
      });
      const name = `${prompt.replaceAll(' ', '-')}--${uses.join('-and-') || 'base'}.png`;
      const parameters = infotextOf(settings, { modelHash, loras: hashes });
      const how = { format: 'png', parameters, settings, device: 'cpu', mark: true } as const;
      await writeFileAtomic(join(folder, name), await encodePicture(picture, how));
    }
  }
  return folder;
}

/** Writes the sheet: some training pictures on top, then prompts × columns. Returns its path. */
export async function writeSheet(out: string, drawn: readonly DrawnColumn[]): Promise<string> {
  const samples = await Promise.all(
    sets.map(async set => {
      const folder = projectPath(set.folder);
      const files = readdirSync(folder).filter(name => name.endsWith('.png'));
      const tiles = await Promise.all(files.sort().map(name => readTile(join(folder, name))));
      return { label: `the ${set.name} LoRA was trained on pictures like these`, tiles };
    }),
  );
  const title = 'LoRA on the pocket model: same prompts, same seeds';
  const sheet = await drawSheet(
    {
      title,
      samples,
      columns: columns.map(({ label }) => label),
      rows: rows.map(({ prompt }, r) => ({
        label: `"${prompt}"`,
        tiles: drawn.map(({ pictures }) => pictures[r]),
      })),
    },
    { Title: title },
  );
  const path = join(out, 'sheet.png');
  await writeFileAtomic(path, sheet);
  return path;
}
