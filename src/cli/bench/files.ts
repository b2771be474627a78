/** @file What cases need on disk: made once with the project's tool, kept in the cache folder. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { cacheFolder, projectPath } from '../base.ts';
import type { Work } from './cases.ts';
import { runProcess } from './processes.ts';

/** In the words of bench/peer.py. */
export interface BenchFiles {
  /** A model in the Diffusers layout. */
  readonly folder?: string;
  /** A single-file checkpoint. */
  readonly file?: string;
  /** Pictures with captions. */
  readonly pictures?: string;
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

/** The path of a model with random weights, which is made when it is not there yet. */
async function randomModel(name: keyof typeof made, note: (text: string) => void): Promise<string> {
  const path = join(benchFolder(), name);
  if (existsSync(path)) return path;
  const tool = projectPath('tools/make-checkpoint.ts');
  if (!existsSync(tool)) {
    const hint = 'Run lora bench in a copy of its sources, or --only pocket.';
    throw new LoraError('BENCH_NEEDS_SOURCES', `${tool} does not exist`, { hint });
  }
  const { what, options } = made[name];
  note(`making ${what}, with random weights: ${path} (kept for the next time)`);
  mkdirSync(benchFolder(), { recursive: true });
  const temporary = join(benchFolder(), `making-${name}`);
  rmSync(temporary, { recursive: true, force: true });
  await runProcess(process.execPath, [tool, temporary, ...options]);
  renameSync(temporary, path);
  return path;
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
      return { folder: await randomModel('sd15-float32', note) };
    case 'open':
      return { file: await randomModel('sdxl-float16.safetensors', note) };
    case 'first step':
      return {
        folder: await randomModel('sd15-float32', note),
        file: await randomModel('sd15-float16.safetensors', note),
        pictures: somePictures(),
      };
  }
}
