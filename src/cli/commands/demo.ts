/** @file `lora demo`: trains a style and a character on the embedded model and shows what they learnt. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { SessionOptions } from '../../engine/index.ts';
import { LoraError, usageError } from '../../errors.ts';
import { ensureWritableFolder } from '../../files/index.ts';
import { type Checkpoint, parameterCount } from '../../models/index.ts';
import { type TrainResult, train } from '../../training/index.ts';
import {
  checkDevice,
  deviceHelp,
  openDevice,
  openPocket,
  projectPath,
  showBytes,
  showSeconds,
} from '../../workbench/index.ts';
import { drawColumns, writePictures, writeSheet } from '../demo/pictures.ts';
import { columns, type DemoSet, rows, type SetName, sets } from '../demo/plan.ts';
import { interruptible, openTerminal, type Terminal } from '../terminal.ts';
import { trainingProgress } from './train.ts';

function freeFolder(wanted: string | undefined): string {
  const base = resolve(wanted ?? 'lora-demo');
  const isFree = (path: string): boolean => !existsSync(path) || readdirSync(path).length === 0;
  if (wanted !== undefined && !isFree(base)) {
    throw usageError('OUT_EXISTS', `${base} is not empty`, 'Give another --out.');
  }
  let path = base;
  for (let i = 2; !isFree(path); i++) path = `${base}-${i}`;
  return path;
}

async function trainSet(
  set: DemoSet,
  checkpoint: Checkpoint,
  out: string,
  terminal: Terminal,
  signal: AbortSignal,
  session: SessionOptions,
): Promise<TrainResult> {
  terminal.note(`\ntraining the ${set.name} LoRA on ${set.folder}`);
  const result = await train({
    data: projectPath(set.folder),
    checkpoint,
    recipe: set.recipe,
    out: join(out, set.file),
    resume: false,
    session,
    signal,
    onProgress: trainingProgress(terminal),
  });
  if (!result.finished)
    throw new LoraError('INTERRUPTED', 'the demo was interrupted', { exit: 'interrupted' });
  const speed = (result.stepsRun / result.stepSeconds).toFixed(1);
  terminal.note(`  ${set.recipe.steps} steps in ${showSeconds(result.stepSeconds)} (${speed} steps/s)`);
  return result;
}

function describeResult(name: SetName, result: TrainResult, baseParameters: number) {
  const { stepSeconds, stepsRun, trainedParameters, file } = result;
  const json = {
    name,
    file: file?.path,
    fileBytes: file?.bytes ?? 0,
    seconds: stepSeconds,
    stepsPerSecond: stepsRun / stepSeconds,
    trainedParameters,
    trainedShare: trainedParameters / baseParameters,
  };
  const text =
    `  ${name.padEnd(10)} ${showSeconds(json.seconds)}, ${json.stepsPerSecond.toFixed(1)} steps/s, ` +
    `${showBytes(json.fileBytes)}, ${(100 * json.trainedShare).toFixed(1)} % of the UNet's parameters trained`;
  return { json, text };
}

async function run(options: { out?: string; device: string; json: boolean }): Promise<void> {
  const started = performance.now();
  const since = (start: number): number => (performance.now() - start) / 1000;
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping after this step …'));
  checkDevice(options.device);
  const session = await openDevice(options.device, text => terminal.note(text));
  const out = freeFolder(options.out);
  await ensureWritableFolder(out);
  const checkpoint = openPocket();
  const baseParameters = parameterCount(checkpoint.unet.weights);
  const trained = [];
  for (const set of sets) {
    const result = await trainSet(set, checkpoint, out, terminal, signal, session);
    trained.push(describeResult(set.name, result, baseParameters));
  }
  terminal.note('\ndrawing the sheet');
  const drawStarted = performance.now();
  const drawn = await drawColumns(checkpoint, out, terminal, signal, session);
  const pictures = await writePictures(checkpoint, out, drawn, session.provider ?? 'cpu');
  const sheet = await writeSheet(out, drawn);
  const drawSeconds = since(drawStarted);
  const seconds = since(started);
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  const [style, character] = sets.map(({ file }) => join(out, file));
  terminal.result(
    { sheet, pictures, seconds, drawSeconds, peakMemoryBytes, trained: trained.map(({ json }) => json) },
    [
      '',
      `the sheet:  ${sheet}`,
      '',
      ...trained.map(({ text }) => text),
      `  drawing    ${columns.length * rows.length} pictures in ${showSeconds(drawSeconds)}`,
      `  in all     ${showSeconds(seconds)}, peak memory ${showBytes(peakMemoryBytes)}`,
      '',
      'try next:',
      `  npx lora generate "a zorbi in the snow" --lora ${character} --out zorbi.png`,
      `  npx lora generate "a blueprint of a cat" --lora ${style}:0.7 --out cat.png`,
      `  npx lora inspect ${out}`,
      '  npx lora train my-pictures --out my-lora.safetensors',
    ].join('\n'),
  );
}

export function demoCommand(): Command {
  return new Command('demo')
    .description('train a style and a character on the embedded model and draw one sheet of what they learnt')
    .option('--out <folder>', 'where to; default: lora-demo, or the next free name')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
