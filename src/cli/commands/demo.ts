/** @file `lora demo`: trains a style and a character on the embedded model and shows what they learnt. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { resolveSampler } from '../../diffusion/index.ts';
import { LoraError } from '../../errors.ts';
import { encodePng, ensureWritableFolder, writeFileAtomic } from '../../files/index.ts';
import { openGenerator, type Picture } from '../../generation/index.ts';
import type { AppliedLora } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { type GivenRecipe, type TrainResult, train } from '../../training/index.ts';
import { openBase, projectPath } from '../base.ts';
import { drawSheet, readTile, type SheetRow } from '../demo/sheet.ts';
import { interruptible, openTerminal, showBytes, showSeconds, type Terminal } from '../terminal.ts';
import { loadLora } from './generate.ts';
import { trainingProgress } from './train.ts';

interface DemoSet {
  readonly name: 'style' | 'character';
  readonly folder: string;
  readonly file: string;
  readonly recipe: GivenRecipe;
}

const sets: readonly DemoSet[] = [
  {
    name: 'style',
    folder: 'examples/blueprint-style',
    file: 'blueprint-style.safetensors',
    recipe: {
      steps: 400,
      batch: 4,
      rank: 16,
      learningRate: 2e-3,
      targets: 'linear',
      captionDropout: 0.05,
      seed: 1,
    },
  },
  {
    name: 'character',
    folder: 'examples/zorbi-character',
    file: 'zorbi-character.safetensors',
    recipe: {
      steps: 700,
      batch: 4,
      rank: 16,
      learningRate: 2e-3,
      targets: 'linear',
      captionDropout: 0.05,
      seed: 1,
    },
  },
];

/** Half of the rows ask for the style's and the character's words, the base model does not know either. */
const rows: readonly { readonly prompt: string; readonly seed: number }[] = [
  { prompt: 'a blueprint of a house', seed: 11 },
  { prompt: 'a blueprint of a balloon', seed: 12 },
  { prompt: 'a zorbi in a meadow', seed: 13 },
  { prompt: 'a zorbi waving at night', seed: 14 },
  { prompt: 'a blueprint of a zorbi', seed: 15 },
  { prompt: 'a red car on the beach', seed: 16 },
];

const columns: readonly { readonly label: string; readonly uses: readonly DemoSet['name'][] }[] = [
  { label: 'base', uses: [] },
  { label: '+ style LoRA', uses: ['style'] },
  { label: '+ character', uses: ['character'] },
  { label: '+ both', uses: ['style', 'character'] },
];

function freeFolder(wanted: string | undefined): string {
  const base = resolve(wanted ?? 'lora-demo');
  const isFree = (path: string): boolean => !existsSync(path) || readdirSync(path).length === 0;
  if (wanted !== undefined && !isFree(base)) {
    throw new LoraError('OUT_EXISTS', `${base} is not empty`, { exit: 'usage', hint: 'Give another --out.' });
  }
  let path = base;
  for (let i = 2; !isFree(path); i++) path = `${base}-${i}`;
  return path;
}

async function trainSets(checkpoint: Checkpoint, out: string, terminal: Terminal, signal: AbortSignal) {
  const results = new Map<DemoSet['name'], TrainResult>();
  for (const set of sets) {
    terminal.note(`\ntraining the ${set.name} LoRA on ${set.folder}`);
    const result = await train({
      folder: projectPath(set.folder),
      checkpoint,
      recipe: set.recipe,
      out: join(out, set.file),
      resume: false,
      signal,
      onProgress: trainingProgress(terminal),
    });
    if (!result.finished)
      throw new LoraError('INTERRUPTED', 'the demo was interrupted', { exit: 'interrupted' });
    const speed = (result.stepsRun / result.stepSeconds).toFixed(1);
    terminal.note(`  ${set.recipe.steps} steps in ${showSeconds(result.stepSeconds)} (${speed} steps/s)`);
    results.set(set.name, result);
  }
  return results;
}

async function drawAll(
  checkpoint: Checkpoint,
  out: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<Picture[][]> {
  const loras = new Map(sets.map(set => [set.name, loadLora(checkpoint, join(out, set.file), 1)]));
  const generator = openGenerator(checkpoint);
  const made: Picture[][] = [];
  const size = { width: checkpoint.resolution, height: checkpoint.resolution };
  for (const { label, uses } of columns) {
    const used: AppliedLora[] = uses.map(name => loras.get(name) as AppliedLora);
    const pictures = await generator.generate({
      pictures: rows.map(({ prompt, seed }) => ({ prompt, negativePrompt: '', seed })),
      loras: used,
      merge: false,
      sampler: resolveSampler('DDIM'),
      steps: 25,
      guidance: 4.5,
      ...size,
      signal,
      onStep: (step, steps) => terminal.progress(`drawing: ${label}  step ${step}/${steps}`),
    });
    made.push(pictures);
  }
  await generator.release();
  return made;
}

async function writePictures(out: string, made: readonly Picture[][]): Promise<string> {
  const folder = join(out, 'pictures');
  await ensureWritableFolder(folder);
  for (const [c, pictures] of made.entries()) {
    for (const [r, picture] of pictures.entries()) {
      const name = `${rows[r].prompt.replaceAll(' ', '-')}--${columns[c].uses.join('-and-') || 'base'}.png`;
      const text = {
        parameters: `${rows[r].prompt}\nSteps: 25, Sampler: DDIM, CFG scale: 4.5, Seed: ${rows[r].seed}`,
      };
      await writeFileAtomic(join(folder, name), encodePng({ ...picture, channels: 3 }, text));
    }
  }
  return folder;
}

async function writeSheet(out: string, made: readonly Picture[][]): Promise<string> {
  const samples = await Promise.all(
    sets.map(async set => {
      const folder = projectPath(set.folder);
      const files = readdirSync(folder)
        .filter(name => name.endsWith('.png'))
        .sort()
        .slice(0, 8);
      const tiles = await Promise.all(files.map(name => readTile(join(folder, name))));
      return { label: `the ${set.name} LoRA was trained on pictures like these`, tiles };
    }),
  );
  const sheetRows: SheetRow[] = rows.map(({ prompt }, r) => ({
    label: `"${prompt}"`,
    tiles: made.map(column => column[r]),
  }));
  const path = join(out, 'sheet.png');
  const sheet = {
    title: 'LoRA on the pocket model: same prompts, same seeds',
    samples,
    columns: columns.map(({ label }) => label),
    rows: sheetRows,
  };
  await writeFileAtomic(path, await drawSheet(sheet, { Title: sheet.title }));
  return path;
}

async function run(options: { out?: string; json: boolean }): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping after this step …'));
  const out = freeFolder(options.out);
  await ensureWritableFolder(out);
  const checkpoint = openBase('pocket');
  const results = await trainSets(checkpoint, out, terminal, signal);
  terminal.note('\ndrawing the sheet');
  const drawStarted = performance.now();
  const made = await drawAll(checkpoint, out, terminal, signal);
  const folder = await writePictures(out, made);
  const sheet = await writeSheet(out, made);
  const drawSeconds = (performance.now() - drawStarted) / 1000;
  const seconds = (performance.now() - started) / 1000;

  const { weights } = checkpoint.unet;
  const baseParameters = [...weights.names()].reduce(
    (sum, name) => sum + weights.shape(name).reduce((a, b) => a * b, 1),
    0,
  );
  const trained = [...results].map(([name, result]) => ({
    name,
    file: (result.file as { path: string }).path,
    fileBytes: (result.file as { bytes: number }).bytes,
    seconds: result.stepSeconds,
    stepsPerSecond: result.stepsRun / result.stepSeconds,
    trainedParameters: result.trainedParameters,
    trainedShare: result.trainedParameters / baseParameters,
  }));
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  const pictures = made.length * rows.length;
  const lines = trained.map(
    entry =>
      `  ${entry.name.padEnd(10)} ${showSeconds(entry.seconds)}, ${entry.stepsPerSecond.toFixed(1)} steps/s, ${showBytes(entry.fileBytes)}, ` +
      `${(100 * entry.trainedShare).toFixed(1)} % of the UNet's parameters trained`,
  );
  terminal.result(
    { sheet, pictures: folder, seconds, drawSeconds, peakMemoryBytes, trained },
    [
      '',
      `the sheet:  ${sheet}`,
      '',
      ...lines,
      `  drawing    ${pictures} pictures in ${showSeconds(drawSeconds)}`,
      `  in all     ${showSeconds(seconds)}, peak memory ${showBytes(peakMemoryBytes)}`,
      '',
      'try next:',
      `  npx lora generate "a zorbi in the snow" --lora ${join(out, sets[1].file)} --out zorbi.png`,
      `  npx lora generate "a blueprint of a cat" --lora ${join(out, sets[0].file)}:0.7 --out cat.png`,
      `  npx lora inspect ${out}`,
      '  npx lora train my-pictures --out my-lora.safetensors',
    ].join('\n'),
  );
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('train a style and a character on the embedded model and draw one sheet of what they learnt')
    .option('--out <folder>', 'where to; default: lora-demo, or the next free name')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
