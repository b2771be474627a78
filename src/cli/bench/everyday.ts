/** @file What a user waits for: start to picture, start to first step, another LoRA in a running process. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveSampler } from '../../diffusion/index.ts';
import { loadLoraFor, openGenerator } from '../../generation/index.ts';
import { train } from '../../training/index.ts';
import { openPocket, projectPath } from '../../workbench/index.ts';
import { runProcess } from './processes.ts';

export interface Everyday {
  /** `lora generate` on the embedded model, 20 steps: process start to PNG on disk, best and median of five. */
  readonly generateSeconds: readonly [number, number];
  /** The same, to the end of the first sampling step, as the command itself tells. */
  readonly firstStepSeconds: readonly [number, number];
  /** Reading another LoRA file of the same rank and using it, beyond what the same picture takes with the old one. */
  readonly switchSeconds: number;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const bestAndMedian = (values: readonly number[]): [number, number] => [Math.min(...values), median(values)];

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function measureGenerate(folder: string): Promise<Omit<Everyday, 'switchSeconds'>> {
  const whole: number[] = [];
  const first: number[] = [];
  for (let i = 0; i < 5; i++) {
    const options = ['generate', 'a green frog at night', '--seed', '7', '--json'];
    const out = ['--out', join(folder, `${i}.png`)];
    whole.push(
      await timed(async () => {
        const text = await runProcess(process.execPath, [projectPath('bin/lora.js'), ...options, ...out]);
        first.push((JSON.parse(text) as { firstStepSeconds: number }).firstStepSeconds);
      }),
    );
  }
  return { generateSeconds: bestAndMedian(whole), firstStepSeconds: bestAndMedian(first) };
}

async function measureSwitch(folder: string): Promise<number> {
  const checkpoint = openPocket();
  const paths: string[] = [];
  for (const seed of [1, 2]) {
    const out = join(folder, `lora${seed}.safetensors`);
    const recipe = { steps: 1, rank: 16, seed };
    await train({ data: projectPath('examples/zorbi-character'), checkpoint, recipe, out, resume: false });
    paths.push(out);
  }
  const generator = openGenerator(checkpoint);
  let { lora } = loadLoraFor(checkpoint, paths[0]);
  const draw = () =>
    generator.generate({
      pictures: [{ prompt: 'a zorbi', negativePrompt: '', seed: 7 }],
      loras: [{ lora, strength: 1 }],
      merge: false,
      sampler: resolveSampler('DDIM'),
      steps: 1,
      guidance: 4.5,
      width: checkpoint.resolution,
      height: checkpoint.resolution,
    });
  for (let i = 0; i < 3; i++) await draw();
  const same: number[] = [];
  const other: number[] = [];
  for (let i = 0; i < 15; i++) {
    same.push(await timed(draw));
    other.push(
      await timed(async () => {
        lora = loadLoraFor(checkpoint, paths[(i + 1) % 2]).lora;
        await draw();
      }),
    );
  }
  await generator.release();
  return Math.max(0, median(other) - median(same));
}

export async function measureEveryday(): Promise<Everyday> {
  const folder = await mkdtemp(join(tmpdir(), 'lora-bench-'));
  try {
    return { ...(await measureGenerate(folder)), switchSeconds: await measureSwitch(folder) };
  } finally {
    await rm(folder, { recursive: true });
  }
}
