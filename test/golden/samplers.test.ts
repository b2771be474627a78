/** Samplers, schedulers and plans of steps against k-diffusion, Forge, ComfyUI and diffusers (tools/goldens/samplers.py). */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Denoise,
  noiseSchedule,
  planSteps,
  type SamplerName,
  type ScheduleRule,
  type SchedulerName,
  type StepRules,
  samplerRow,
  sigmaToTimestep,
} from '../../src/diffusion/index.ts';
import { sigmasFor } from '../../src/diffusion/schedulers/table.ts';
import * as f from '../../src/engine/index.ts';
import { readUnetConfig } from '../../src/models/checkpoint/config-files.ts';
import { buildUnet, unetShapes } from '../../src/models/index.ts';
import { writeConfig } from '../support/configs.ts';
import { given, hashedSource } from './hashed-weights.ts';

type Rule = Exclude<ScheduleRule, 'lora'>;
interface SigmaList {
  readonly rule: Rule;
  readonly scheduler: SchedulerName;
  readonly steps: number;
  readonly isSdxl?: boolean;
  readonly sigmas: string;
}
interface Run {
  readonly oracle: string;
  readonly rule: Rule;
  readonly sampler: SamplerName;
  readonly scheduler: SchedulerName | null;
  readonly steps: number;
  readonly prediction?: 'v_prediction';
  readonly schedule?: 'sd' | 'zeroSnr';
  readonly spacing?: 'leading' | 'trailing' | 'linspace';
  readonly strength?: number;
  readonly isInpaint?: boolean;
  readonly options?: {
    eta?: number;
    sNoise?: number;
    churn?: { amount: number; from: number; to: number };
  };
  readonly kept: string;
  readonly norm: number;
}
interface Golden {
  readonly unet: Record<string, unknown>;
  readonly shape: number[];
  readonly tokens: number;
  readonly keep: number;
  readonly sigmas: SigmaList[];
  readonly runs: Run[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/samplers.json', import.meta.url), 'utf8'));
const { shape } = golden;

const options = { trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, kind: 'scaled_linear' } as const;
const schedules = {
  sd: noiseSchedule(options),
  zeroSnr: noiseSchedule({ ...options, rescaleZeroTerminalSnr: true }),
};
const rulesOf: Readonly<Record<Rule, StepRules>> = {
  a1111: { schedules: 'a1111', startNoise: 'sigma', strength: 'a1111' },
  comfy: { schedules: 'comfy', startNoise: 'comfy', strength: 'comfy' },
  diffusers: { schedules: 'diffusers', startNoise: 'diffusers', strength: 'diffusers' },
};

function floatsOf(base64: string): Float32Array {
  const bytes = Buffer.from(base64, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

describe('sigmas of every scheduler', () => {
  const named = golden.sigmas.map(list => ({ ...list, model: list.isSdxl ? 'SDXL' : 'SD1' }));
  test.each(named)(
    '$rule, $scheduler, $steps steps, $model',
    ({ rule, scheduler, steps, isSdxl, sigmas }) => {
      const expected = floatsOf(sigmas);
      const own = sigmasFor(scheduler, schedules.sd, { rule, steps, isSdxl: isSdxl ?? false });
      expect(own.length).toBe(expected.length);
      // A1111 has 1 − ᾱ from float32 ᾱ near 1: 3.5e-5 of the lowest sigma. ComfyUI rounds at the end.
      const tolerance = rule === 'comfy' ? 2e-6 : 4e-5;
      for (const [i, sigma] of own.entries())
        expect(Math.abs(sigma - expected[i]), `sigma ${i}`).toBeLessThanOrEqual(tolerance * expected[i]);
    },
  );
});

let session: f.Session;
const context = given('context', [1, golden.tokens, golden.unet.cross_attention_dim as number]);

beforeAll(async () => {
  const config = readUnetConfig(writeConfig(golden.unet));
  const graph = f.createGraph();
  const unet = { config, weights: hashedSource(unetShapes(config)), files: [] };
  const [batch, , height, width] = shape;
  f.output('y', buildUnet(graph, { unet }, { batch, height, width, tokens: golden.tokens }));
  session = await f.openSession(graph, { threads: 1 });
});

afterAll(() => session.release());

/** Below the timestep; a sigma in float32 may lie a hair under that of a whole one. */
const cut = (timestep: number): number => Math.floor(timestep + 1e-3);

/** diffusers' multistep solvers ask the network at whole timesteps, rounded or cut. */
const wholeTimesteps: Partial<Record<SchedulerName, (timestep: number) => number>> = {
  ...{ karras: Math.round, exponential: cut, beta: cut },
};

/** As makeDenoiser, without guidance. */
function denoiserOf({ prediction, schedule = 'sd', rule, sampler, scheduler }: Run): Denoise {
  const isWhole = rule === 'diffusers' && samplerRow(sampler).diffusers === 'multistep';
  const whole = isWhole && scheduler ? wholeTimesteps[scheduler] : undefined;
  return async (x, sigma) => {
    const timestep = sigmaToTimestep(schedules[schedule], sigma);
    const cIn = 1 / Math.sqrt(sigma * sigma + 1);
    const { y } = await session.run({
      sample: { shape: x.shape, data: x.data.map(value => value * cIn) },
      timesteps: f.tensor([1], Float32Array.of(whole ? whole(timestep) : timestep)),
      context,
    });
    const [cSkip, cOut] = prediction ? [cIn * cIn, -sigma * cIn] : [1, -sigma];
    return { shape: x.shape, data: x.data.map((value, i) => cSkip * value + cOut * y.data[i]) };
  };
}

async function finalLatent(run: Run): Promise<Float32Array> {
  const { sampler, scheduler, steps, strength, isInpaint, rule, schedule = 'sd' } = run;
  const choice = { sampler, samplerLabel: '', scheduler: scheduler ?? undefined, schedulerLabel: '' };
  const config = { timestepSpacing: run.spacing ?? 'leading', stepsOffset: 1, setAlphaToOne: false } as const;
  const plan = planSteps(choice, schedules[schedule], config, {
    ...{ steps, isSdxl: false, rules: rulesOf[rule] },
    ...(strength === undefined ? {} : { strength }),
    ...(isInpaint ? { isInpaint } : {}),
  });
  const [picture, noise] = ['picture', 'start'].map(name => given(name, shape).data);
  const isFresh = strength === undefined;
  const start = noise.map((x, i) => x * plan.noiseScale + (isFresh ? 0 : picture[i] * plan.initScale));
  let calls = 0;
  const end = await samplerRow(sampler).sampler(denoiserOf(run), { shape, data: start }, plan.sigmas, {
    ...run.options,
    noise: () => given(`noise.${calls++}`, shape),
  });
  return end.data.map(x => x * plan.endScale);
}

/** ‖a − b‖/‖b‖ over the numbers that are written down, and the difference of the norms of all, whichever is larger. */
function errorOf(latent: Float32Array, { kept, norm }: Run): number {
  const expected = floatsOf(kept);
  let [difference, size] = [0, 0];
  for (const [i, y] of expected.entries()) {
    difference += (latent[i * golden.keep] - y) ** 2;
    size += y * y;
  }
  const own = Math.sqrt(latent.reduce((sum, x) => sum + x * x, 0));
  return Math.max(Math.sqrt(difference / size), Math.abs(own / norm - 1));
}

describe('final latents', () => {
  const named = golden.runs.map(run => ({ ...run, other: describeOthers(run) }));
  test.each(named)('$oracle: $sampler, $scheduler, $steps steps$other', async run => {
    const error = errorOf(await finalLatent(run), run);
    expect(error).toBeLessThan(1e-4);
  });
});

function describeOthers({ prediction, schedule, spacing, strength, isInpaint, options: given }: Run): string {
  const others = [prediction, schedule, spacing, strength === undefined ? '' : `strength ${strength}`];
  const all = [...others, isInpaint ? 'inpaint' : '', given ? JSON.stringify(given) : ''];
  return all
    .filter(Boolean)
    .map(other => `, ${other}`)
    .join('');
}
