/** @file `lora generate`: a prompt becomes pictures. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { Command } from 'commander';
import { resolveSampler } from '../../diffusion/index.ts';
import { usageError } from '../../errors.ts';
import { encodePng, ensureWritableFolder, isFolder, writeFileAtomic } from '../../files/index.ts';
import {
  type ChosenLora,
  checkRequest,
  extractLoraTags,
  findLora,
  type GenerateRequest,
  type MentionedLora,
  openGenerator,
  openPictureText,
  type Picture,
  type PictureRequest,
  parseLoraOption,
} from '../../generation/index.ts';
import type { LoadReport } from '../../lora/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { checkDevice, type DeviceName, deviceHelp, openDevice } from '../device.ts';
import { describeLoad, type LoadOptions, loadGiven, withLoadOptions } from '../lora-report.ts';
import { collect, integerOption, numberOption, sizeOption } from '../numbers.ts';
import { interruptible, openTerminal, showSeconds, type Terminal } from '../terminal.ts';

interface Options extends BaseOptions, LoadOptions {
  lora: string[];
  loraFolder: string[];
  merge: boolean;
  negative: string;
  sampler: string;
  scheduler?: string;
  steps: number;
  guidance: number;
  size?: { width: number; height: number };
  seed?: bigint;
  count: number;
  batch: number;
  out: string;
  device: DeviceName;
  json: boolean;
}

interface NamedLora extends ChosenLora, MentionedLora {
  readonly report: LoadReport;
}

function describeLora({ name, strength, textStrength = strength, blocksText, report }: NamedLora): string {
  const onText = textStrength === strength ? '' : ` (text encoder ${textStrength})`;
  const inBlocks = blocksText === undefined ? '' : `, blocks ${blocksText}`;
  return `${name} at ${strength}${onText}${inBlocks}: ${describeLoad(report)}`;
}

/** LoRAs given as options first, then those of tags. */
function loadLoras(
  checkpoint: Checkpoint,
  options: Options,
  tags: ReturnType<typeof extractLoraTags>['loras'],
): NamedLora[] {
  const folders = ['.', ...options.loraFolder];
  const given = options.lora.map(text => ({ ...parseLoraOption(text, folders), isOption: true }));
  const tagged = tags.map(tag => ({ ...tag, path: findLora(tag.name, folders), isOption: false }));
  return [...given, ...tagged].map(chosen => {
    const { blocks: _, ...as } = chosen;
    return { ...loadGiven(checkpoint, chosen, { ...options, embeddings: true }), ...as };
  });
}

/** A whole number of up to 64 bits, which a JavaScript number does not hold; −1 is a random seed, as in A1111. */
function seedOption(text: string): bigint | undefined {
  if (text === '-1') return undefined;
  if (/^\d+$/.test(text) && BigInt(text) < 2n ** 64n) return BigInt(text);
  throw usageError('SEED_INVALID', `--seed ${text} is not a whole number from 0 to 2⁶⁴ − 1`);
}

/** Files to write: one .png, numbered ones, or the next free numbers of a folder. Nothing is overwritten. */
function outputPaths(out: string, seeds: readonly bigint[]): string[] {
  const outIsFolder = isFolder(out);
  if (!outIsFolder && extname(out).toLowerCase() === '.png') {
    const stem = out.slice(0, -4);
    const paths =
      seeds.length === 1 ? [out] : seeds.map((_, i) => `${stem}-${String(i + 1).padStart(4, '0')}.png`);
    const taken = paths.find(path => existsSync(path));
    if (taken === undefined) return paths.map(path => resolve(path));
    const hint = 'Choose another --out, or move the file away.';
    throw usageError('OUT_EXISTS', `${taken} is there already`, hint);
  }
  if (!outIsFolder && extname(out))
    throw usageError('OUT_NOT_PNG', `--out ${out} must be a folder or end in .png`);
  const numbers = (outIsFolder ? readdirSync(out) : [])
    .map(name => Number.parseInt(name, 10))
    .filter(Number.isFinite);
  const first = Math.max(-1, ...numbers) + 1;
  return seeds.map((seed, i) => resolve(out, `${String(first + i).padStart(5, '0')}-${seed}.png`));
}

/** Numbers that JSON readers hold exactly stay numbers. */
const seedToJson = (seed: bigint): number | string =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed);

function noteTruncated(terminal: Terminal, { truncated }: Picture): void {
  for (const [what, text] of [
    ['prompt', truncated.prompt],
    ['negative prompt', truncated.negativePrompt],
  ]) {
    if (text) terminal.note(`the ${what} is too long for the text encoder; not used: ${text}`);
  }
}

interface Plan {
  readonly checkpoint: Checkpoint;
  readonly pictures: readonly (PictureRequest & { readonly seed: bigint })[];
  /** One a picture. */
  readonly paths: readonly string[];
  /** Everything but the pictures. */
  readonly request: Omit<GenerateRequest, 'pictures'>;
  readonly textOf: (seed: bigint) => string;
}

/** Draws and writes; seconds are from the start of the process. */
async function draw(plan: Plan, options: Options, terminal: Terminal): Promise<{ firstStepSeconds: number }> {
  const { checkpoint, pictures, paths, request, textOf } = plan;
  const signal = interruptible(() => terminal.note('stopping …'));
  const session = await openDevice(options.device, text => terminal.note(text));
  const generator = openGenerator(checkpoint, session);
  let firstStepSeconds = 0;
  for (let start = 0; start < pictures.length; start += options.batch) {
    const batch = pictures.slice(start, start + options.batch);
    const name = batch.length > 1 ? `pictures ${start + 1}–${start + batch.length}` : `picture ${start + 1}`;
    const made = await generator.generate({
      ...request,
      pictures: batch,
      signal,
      onStep: (step, steps) => {
        firstStepSeconds ||= performance.now() / 1000;
        terminal.progress(`${name} of ${pictures.length}  step ${step}/${steps}`);
      },
    });
    if (start === 0) noteTruncated(terminal, made[0]);
    for (const [i, picture] of made.entries()) {
      const text = { parameters: textOf(batch[i].seed) };
      await writeFileAtomic(paths[start + i], encodePng({ ...picture, channels: 3 }, text), {
        keepExisting: true,
      });
    }
  }
  await generator.release();
  return { firstStepSeconds };
}

async function run(prompt: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  if (options.count < 1 || options.batch < 1)
    throw usageError('COUNT_INVALID', '--count and --batch are at least 1');
  checkDevice(options.device);
  const sampler = resolveSampler(options.sampler, options.scheduler);
  const { prompt: text, loras: tags } = extractLoraTags(prompt);
  const checkpoint = openBase(options, text => terminal.note(text));
  const { negative: negativePrompt, steps, guidance, merge } = options;
  const { width, height } = options.size ?? { width: checkpoint.resolution, height: checkpoint.resolution };
  const first = options.seed ?? BigInt(Math.floor(Math.random() * 2 ** 32));
  const seeds = Array.from({ length: options.count }, (_, i) => first + BigInt(i));
  const pictures = seeds.map(seed => ({ prompt: text, negativePrompt, seed }));
  checkRequest({ pictures, width, height, steps, guidance }, checkpoint);
  const paths = outputPaths(options.out, seeds);
  const loras = loadLoras(checkpoint, options, tags);
  for (const lora of loras) terminal.note(describeLora(lora));
  await ensureWritableFolder(dirname(paths[0]));

  const settings = { checkpoint, prompt, negativePrompt, loras, sampler, steps, guidance, width, height };
  const textOf = await openPictureText(settings);
  const request = { loras, merge, sampler, steps, guidance, width, height };
  const { firstStepSeconds } = await draw(
    { checkpoint, pictures, paths, request, textOf },
    options,
    terminal,
  );
  const seconds = performance.now() / 1000;
  terminal.result(
    {
      files: paths,
      seconds,
      firstStepSeconds,
      seeds: seeds.map(seedToJson),
      loras: loras.map(({ path, strength, textStrength = strength, blocksText, report }) => ({
        ...{ path, strength, textStrength },
        ...(blocksText === undefined ? {} : { blocks: blocksText }),
        report,
      })),
      parameters: textOf(first),
    },
    `${paths.join('\n')}\n${paths.length} picture${paths.length > 1 ? 's' : ''} in ${showSeconds(seconds)}, seed ${first}`,
  );
}

export function generateCommand(): Command {
  return withLoadOptions(withBase(new Command('generate')))
    .description('generate pictures from a prompt, with any number of LoRAs')
    .argument('<prompt>', 'what to draw; <lora:name:0.8> in it adds a LoRA')
    .option(
      '--lora <file[:strength]>',
      'LoRA file, may be given again; file:0.8:te=0.5:lbw=OUTALL sets text encoder and blocks',
      collect,
      [],
    )
    .option(
      '--lora-folder <folder>',
      'where <lora:name> is looked for besides here; may be given again',
      collect,
      [],
    )
    .option('--merge', 'add the LoRAs into the weights instead of attaching them', false)
    .option('--negative <text>', 'what to avoid', '')
    .option('--sampler <name>', 'DDIM, Euler, Euler a or DPM++ 2M; "Euler Karras" works too', 'DDIM')
    .option(
      '--scheduler <name>',
      'Automatic (for DPM++ 2M: Karras), Karras, Uniform, Exponential, SGM Uniform, Simple, Trailing, Leading',
    )
    .option('--steps <n>', 'sampling steps', integerOption('--steps'), 20)
    .option('--guidance <g>', 'classifier-free guidance scale; 1 = none', numberOption('--guidance'), 4.5)
    .option('--size <WxH>', 'picture size; default: what the checkpoint was made for', sizeOption('--size'))
    .option('--seed <n>', 'picture i uses seed + i, as PyTorch on the CPU; default: random', seedOption)
    .option('--count <n>', 'number of pictures', integerOption('--count'), 1)
    .option('--batch <n>', 'pictures made at once', integerOption('--batch'), 1)
    .option('--out <path>', 'a .png file, or a folder', 'out')
    .option('--device <name>', deviceHelp, 'cpu')
    .option('--json', 'machine-readable result on stdout', false)
    .action(run);
}
