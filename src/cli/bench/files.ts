/** @file What cases need on disk: made once with the project's tool, kept in the cache folder. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { cacheFolder, projectPath } from '../../workbench/index.ts';
import { benchRank, type Work } from './cases.ts';
import { runProcess } from './processes.ts';

/** In the words of bench/peer.py. */
export interface BenchFiles {
  /** A model in the Diffusers layout. */
  readonly folder?: string;
  /** A single-file checkpoint. */
  readonly file?: string;
  /** Pictures with captions. */
  readonly pictures?: string;
  /** A single file as if `file` had been trained further. */
  readonly tuned?: string;
  /** LoRAs of rank 16, and the first of them. */
  readonly loras?: readonly string[];
  readonly lora?: string;
}

interface Made {
  readonly what: string;
  /** Options of tools/make-checkpoint.ts. */
  readonly options: readonly string[];
}

/** Weights are a pure function of names (test/golden/hashed-weights.ts); speed does not depend on their values. */
const made = {
  'sd15-float32': { what: 'SD 1.5 in float32, 4.3 GB', options: ['--model', 'sd15'] },
  'sd15-float16.safetensors': {
    what: 'an SD 1.5 file in float16, 2.1 GB',
    options: ['--model', 'sd15', '--dtype', 'float16'],
  },
  'sdxl-float16.safetensors': {
    what: 'an SDXL file in float16, 6.9 GB',
    options: ['--model', 'sdxl', '--dtype', 'float16'],
  },
} as const satisfies Readonly<Record<string, Made>>;

const benchFolder = (): string => join(cacheFolder(), 'bench');

/** Runs a tool that makes a file or folder, once; its path. */
async function madeOnce(
  name: string,
  what: string,
  tool: string,
  options: readonly string[],
  note: (text: string) => void,
): Promise<string> {
  const path = join(benchFolder(), name);
  if (existsSync(path)) return path;
  const script = projectPath(tool);
  if (!existsSync(script)) {
    const hint = 'Run lora bench in a copy of its sources, or --only pocket.';
    throw new LoraError('BENCH_NEEDS_SOURCES', `${script} does not exist`, { hint });
  }
  note(`making ${what}, with random weights: ${path} (kept for the next time)`);
  mkdirSync(benchFolder(), { recursive: true });
  const temporary = join(benchFolder(), `making-${name}`);
  rmSync(temporary, { recursive: true, force: true });
  await runProcess(process.execPath, [script, temporary, ...options]);
  renameSync(temporary, path);
  return path;
}

/** The path of a model with random weights. */
function randomModel(name: keyof typeof made, note: (text: string) => void): Promise<string> {
  const { what, options } = made[name];
  return madeOnce(name, what, 'tools/make-checkpoint.ts', options, note);
}

const sd15File = 'sd15-float16.safetensors';

/** LoRAs of rank 16 for SD 1.5, one a seed. */
async function randomLoras(count: number, note: (text: string) => void): Promise<string[]> {
  const base = await randomModel(sd15File, note);
  const paths: string[] = [];
  for (let seed = 1; seed <= count; seed++) {
    const options = ['--base', base, '--rank', String(benchRank), '--seed', String(seed)];
    const name = `sd15-lora${seed}.safetensors`;
    paths.push(await madeOnce(name, `a LoRA of rank ${benchRank}`, 'tools/make-lora.ts', options, note));
  }
  return paths;
}

async function tunedModel(base: string, note: (text: string) => void): Promise<string> {
  const what = 'that file as if trained further, 2.1 GB';
  return madeOnce('sd15-tuned.safetensors', what, 'tools/make-tuned.ts', ['--base', base], note);
}

/** Four pictures of 256² in the folder layout that sd-scripts asks for. */
function somePictures(): string {
  const path = join(benchFolder(), 'pictures');
  const inside = join(path, '1_zorbi');
  mkdirSync(inside, { recursive: true });
  for (const name of ['01', '02', '03', '04'])
    for (const end of ['.png', '.txt'])
      cpSync(projectPath(`examples/zorbi-character/${name}${end}`), join(inside, name + end));
  return path;
}

/** Makes what the work needs, and says where it is. */
export async function filesFor(work: Work, note: (text: string) => void): Promise<BenchFiles> {
  switch (work.kind) {
    case 'train':
    case 'forward':
      if (work.model === 'pocket') return { folder: projectPath('pretrained/pocket') };
      if (work.model === 'sdxl') return { file: await randomModel('sdxl-float16.safetensors', note) };
      return { folder: await randomModel('sd15-float32', note) };
    case 'decode':
    case 'encode':
    case 'generate':
      return { folder: await randomModel('sd15-float32', note) };
    case 'open':
      return { file: await randomModel('sdxl-float16.safetensors', note) };
    case 'lora tool': {
      const file = await randomModel(sd15File, note);
      const [lora] = await randomLoras(1, note);
      return { file, lora, ...(work.tool === 'extract' ? { tuned: await tunedModel(file, note) } : {}) };
    }
    case 'lora step':
    case 'lora switch': {
      const count = work.kind === 'lora step' ? work.loras : 2;
      return { folder: await randomModel('sd15-float32', note), loras: await randomLoras(count, note) };
    }
    case 'first step':
      return {
        folder: await randomModel('sd15-float32', note),
        file: await randomModel(sd15File, note),
        pictures: somePictures(),
      };
  }
}
