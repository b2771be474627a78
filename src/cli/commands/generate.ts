/** @file `lora generate`: a prompt becomes pictures. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { resolveSampler, type SamplerChoice } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import {
  encodePng,
  ensureWritableFolder,
  hashFile,
  hashTensorData,
  writeFileAtomic,
} from '../../files/index.ts';
import {
  extractLoraTags,
  findLora,
  type Generator,
  openGenerator,
  type Picture,
  parseLoraOption,
  writeInfotext,
} from '../../generation/index.ts';
import { type AppliedLora, type LoadReport, readLora } from '../../lora/index.ts';
import { type Checkpoint, listLayers } from '../../models/index.ts';
import { version } from '../../version.ts';
import { openBase } from '../base.ts';
import { type DeviceName, sessionFor } from '../device.ts';
import { collect, integerOption, numberOption, sizeOption } from '../numbers.ts';
import { interruptible, openTerminal, showSeconds, type Terminal } from '../terminal.ts';

interface Options {
  base: string;
  lora: string[];
  loraFolder: string[];
  merge: boolean;
  negative: string;
  sampler: string;
  scheduler?: string;
  steps: number;
  guidance: number;
  size?: { width: number; height: number };
  seed?: number;
  count: number;
  batch: number;
  out: string;
  device: DeviceName;
  json: boolean;
}

export interface NamedLora extends AppliedLora {
  readonly name: string;
  readonly path: string;
  readonly report: LoadReport;
}

/** Loads a LoRA for a base and says what was applied. */
export function loadLora(checkpoint: Checkpoint, path: string, strength: number): NamedLora {
  const layers = listLayers(checkpoint.unet.weights, 'unet');
  const { lora, report } = readLora(path, { layers, contextWidth: checkpoint.unet.config.contextWidth });
  return { lora, strength, path, report, name: basename(path).replace(/\.safetensors$/, '') };
}

export function describeLoad({ name, strength, report }: NamedLora): string {
  const skipped = report.skipped.slice(0, 3).map(({ key, reason }) => `  skipped ${key}: ${reason}`);
  if (report.skipped.length > 3) skipped.push(`  and ${report.skipped.length - 3} more skipped`);
  const head = `${name} at ${strength}: ${report.coverage}, rank ${report.ranks.join('/')}, alpha ${report.alphas.join('/')}`;
  return [head, ...skipped].join('\n');
}

/** Files to write: one .png, numbered ones, or the next free numbers of a folder. Nothing is overwritten. */
function outputPaths(out: string, count: number, seed: number): string[] {
  if (extname(out).toLowerCase() === '.png') {
    const stem = out.slice(0, -4);
    const paths =
      count === 1
        ? [out]
        : Array.from({ length: count }, (_, i) => `${stem}-${String(i + 1).padStart(4, '0')}.png`);
    const taken = paths.find(path => existsSync(path));
    if (taken)
      throw usageError(
        'OUT_EXISTS',
        `${taken} is there already`,
        'Choose another --out, or move the file away.',
      );
    return paths.map(path => resolve(path));
  }
  if (extname(out)) throw usageError('OUT_NOT_PNG', `--out ${out} must be a folder or end in .png`);
  mkdirSync(out, { recursive: true });
  const numbers = readdirSync(out)
    .map(name => Number.parseInt(name, 10))
    .filter(Number.isFinite);
  const first = Math.max(-1, ...numbers) + 1;
  return Array.from({ length: count }, (_, i) =>
    resolve(out, `${String(first + i).padStart(5, '0')}-${seed + i}.png`),
  );
}

/** Hashes for the picture's text; skipped where a checkpoint is too large to hash for one picture. */
async function modelHash(checkpoint: Checkpoint): Promise<string | undefined> {
  const [file] = checkpoint.unet.files;
  const small = checkpoint.family === 'pocket';
  return small ? (await hashFile(file)).slice(0, 10) : undefined;
}

async function loraHashes(loras: readonly NamedLora[]): Promise<string | undefined> {
  if (loras.length === 0) return undefined;
  const entries = await Promise.all(
    loras.map(
      async ({ name, path }) => `${name.replace(/[:,]/g, '')}: ${(await hashTensorData(path)).slice(0, 12)}`,
    ),
  );
  return entries.join(', ');
}

interface Settings {
  readonly checkpoint: Checkpoint;
  readonly prompt: string;
  readonly negative: string;
  readonly loras: readonly NamedLora[];
  readonly choice: SamplerChoice;
  readonly options: Options;
  readonly size: { width: number; height: number };
  readonly seed: number;
}

/** The shared text of all pictures; the seed differs. Attached LoRAs given by flag appear as tags. */
async function infotextFor(settings: Settings): Promise<(seed: number) => string> {
  const { checkpoint, loras, choice, options, size } = settings;
  const tags = loras.map(({ name, strength }) => `<lora:${name}:${strength}>`).join('');
  const prompt = tags ? `${settings.prompt} ${tags}` : settings.prompt;
  const [hash, hashes] = await Promise.all([modelHash(checkpoint), loraHashes(loras)]);
  return seed =>
    writeInfotext({
      prompt,
      negativePrompt: settings.negative,
      fields: {
        Steps: options.steps,
        Sampler: choice.samplerLabel,
        'Schedule type': choice.schedulerLabel,
        'CFG scale': options.guidance,
        Seed: seed,
        Size: `${size.width}x${size.height}`,
        'Model hash': hash,
        Model: checkpoint.name,
        RNG: 'CPU',
        'Lora hashes': hashes,
        Version: `lora-studio ${version}`,
      },
    });
}

async function generateAll(
  generator: Generator,
  settings: Settings,
  terminal: Terminal,
  signal: AbortSignal,
  onPicture: (picture: Picture, index: number) => Promise<void>,
): Promise<void> {
  const { options, prompt, negative, seed, choice, loras, size } = settings;
  for (let start = 0; start < options.count; start += options.batch) {
    const count = Math.min(options.batch, options.count - start);
    const pictures = Array.from({ length: count }, (_, i) => ({
      prompt,
      negativePrompt: negative,
      seed: seed + start + i,
    }));
    const made = await generator.generate({
      pictures,
      loras,
      merge: options.merge,
      sampler: choice,
      steps: options.steps,
      guidance: options.guidance,
      ...size,
      signal,
      onStep: (step, steps) =>
        terminal.progress(`picture ${start + 1}/${options.count}  step ${step}/${steps}`),
    });
    for (const [i, picture] of made.entries()) await onPicture(picture, start + i);
  }
}

async function run(rawPrompt: string, options: Options): Promise<void> {
  const started = performance.now();
  const terminal = openTerminal(options.json);
  if (options.count < 1 || options.batch < 1)
    throw usageError('COUNT_INVALID', '--count and --batch are at least 1');
  const choice = resolveSampler(options.sampler, options.scheduler);
  const { prompt, loras: tags } = extractLoraTags(rawPrompt);
  const checkpoint = openBase(options.base);
  const given = options.lora.map(parseLoraOption);
  const folders = ['.', ...options.loraFolder];
  const tagged = tags.map(({ name, strength }) => ({ path: findLora(name, folders), strength }));
  const loras = [...given, ...tagged].map(({ path, strength }) => loadLora(checkpoint, path, strength));
  for (const lora of loras) terminal.note(describeLoad(lora));
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const size = options.size ?? { width: checkpoint.resolution, height: checkpoint.resolution };
  const paths = outputPaths(options.out, options.count, seed);
  await ensureWritableFolder(dirname(paths[0]));
  const settings: Settings = {
    checkpoint,
    prompt,
    negative: options.negative,
    loras,
    choice,
    options,
    size,
    seed,
  };
  const infotext = await infotextFor(settings);
  const signal = interruptible(() => terminal.note('stopping …'));
  const generator = openGenerator(checkpoint, sessionFor(options.device));
  await generateAll(generator, settings, terminal, signal, async (picture, index) => {
    const text = { parameters: infotext(seed + index) };
    await writeFileAtomic(paths[index], encodePng({ ...picture, channels: 3 }, text));
  });
  await generator.release();
  const seconds = (performance.now() - started) / 1000;
  terminal.result(
    {
      files: paths,
      seconds,
      seeds: paths.map((_, i) => seed + i),
      loras: loras.map(({ path, strength, report }) => ({ path, strength, report })),
      parameters: infotext(seed),
    },
    `${paths.map(path => join(dirname(path), basename(path))).join('\n')}\n${paths.length} picture${paths.length > 1 ? 's' : ''} in ${showSeconds(seconds)}, seed ${seed}`,
  );
}

export function generateCommand(): Command {
  return new Command('generate')
    .description('generate pictures from a prompt, with any number of LoRAs')
    .argument('<prompt>', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .option('--base <model>', 'pocket, or a checkpoint folder in the Diffusers layout', 'pocket')
    .option('--lora <file[:strength]>', 'LoRA file, may be given again', collect, [])
    .option(
      '--lora-folder <folder>',
      'where <lora:name> is looked for besides here; may be given again',
      collect,
      [],
    )
    .option('--merge', 'add the LoRAs into the weights instead of attaching them', false)
    .option('--negative <text>', 'what to avoid', '')
    .option('--sampler <name>', 'DDIM, Euler, Euler a or DPM++ 2M; "DPM++ 2M Karras" works too', 'DDIM')
    .option('--scheduler <name>', 'Automatic, Karras, Exponential, Normal, SGM Uniform, Simple, Trailing')
    .option('--steps <n>', 'sampling steps', integerOption('--steps'), 20)
    .option('--guidance <g>', 'classifier-free guidance scale; 1 = none', numberOption('--guidance'), 4.5)
    .option('--size <WxH>', 'picture size; default: what the checkpoint was made for', sizeOption('--size'))
    .option('--seed <n>', 'picture i uses seed + i; as PyTorch on the CPU', integerOption('--seed'))
    .option('--count <n>', 'number of pictures', integerOption('--count'), 1)
    .option('--batch <n>', 'pictures made at once', integerOption('--batch'), 1)
    .option('--out <path>', 'a .png file, or a folder', 'out')
    .option('--device <name>', 'auto, cpu or webgpu', 'auto')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
