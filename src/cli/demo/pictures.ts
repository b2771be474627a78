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
import { drawSheet, joined, projectPath, type SampleRow } from '../../workbench/index.ts';
import type { Terminal } from '../terminal.ts';
import { columns, type DemoSet, drawing, rows, type SetName, sets } from './plan.ts';

/** One column of pictures, and the LoRAs that drew it. */
interface DrawnColumn {
  readonly uses: readonly SetName[];
  readonly loras: readonly (TrainedLora & { readonly strength: number })[];
  readonly pictures: readonly Pick<Picture, 'width' | 'height' | 'data'>[];
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

const picturePath = (out: string, prompt: string, uses: readonly SetName[]): string =>
  join(out, 'pictures', `${prompt.replaceAll(' ', '-')}--${uses.join('-and-') || 'base'}.png`);

/** Writes each picture with the text that draws it again; returns their folder. */
export async function writePictures(
  checkpoint: Checkpoint,
  out: string,
  drawn: readonly DrawnColumn[],
  device: string,
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
      const parameters = infotextOf(settings, { modelHash, loras: hashes });
      const how = { format: 'png', parameters, settings, device, mark: true } as const;
      await writeFileAtomic(picturePath(out, prompt, uses), await encodePicture(picture, how));
    }
  }
  return folder;
}

/** Pictures that a LoRA was trained on. */
function samplesOf({ name, folder }: DemoSet): SampleRow {
  const path = projectPath(folder);
  const files = readdirSync(path).filter(file => file.endsWith('.png'));
  return { label: `${name} LoRA`, note: 'trained on', files: files.sort().map(file => join(path, file)) };
}

/** Writes the sheet of what was written: some training pictures on top, then prompts × columns. Returns its path. */
export async function writeSheet(out: string, drawn: readonly DrawnColumn[]): Promise<string> {
  const { width, height } = drawn[0].pictures[0];
  const { sampler, steps, guidance } = drawing;
  const { png } = await drawSheet({
    title: 'LoRA on the pocket model: same prompts, same seeds',
    subtitle: '',
    caption: joined([`${width}×${height}`, `${steps} steps`, sampler, `guidance ${guidance}`]),
    samples: sets.map(samplesOf),
    x: { title: '', values: columns.map(({ label }) => ({ label })) },
    y: { title: 'prompt', values: rows.map(({ prompt, seed }) => ({ label: prompt, note: `seed ${seed}` })) },
    files: rows.map(({ prompt }) => drawn.map(({ uses }) => picturePath(out, prompt, uses))),
    picture: { width, height },
  });
  const path = join(out, 'sheet.png');
  await writeFileAtomic(path, png);
  return path;
}
