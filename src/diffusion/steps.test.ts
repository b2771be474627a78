/** Properties of every plan of steps, and the lengths that strength leaves under each program's rule. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  noiseSchedule,
  planSteps,
  type ScheduleRule,
  type StepConfig,
  type StepOptions,
  type StepRules,
  samplers,
  schedulers,
} from './index.ts';

const options = { trainSteps: 1000, betaStart: 0.00085, betaEnd: 0.012, kind: 'scaled_linear' } as const;
const schedule = noiseSchedule(options);
const zeroSnr = noiseSchedule({ ...options, rescaleZeroTerminalSnr: true });
const config: StepConfig = { timestepSpacing: 'leading', stepsOffset: 1, setAlphaToOne: false };

function rulesOf(rule: ScheduleRule): StepRules {
  if (rule === 'lora' || rule === 'a1111') return { schedules: rule, startNoise: 'sigma', strength: 'a1111' };
  return { schedules: rule, startNoise: rule, strength: rule };
}
const given = (rule: ScheduleRule, steps: number, strength?: number): StepOptions => ({
  ...{ steps, isSdxl: false, rules: rulesOf(rule) },
  ...(strength === undefined ? {} : { strength }),
});
const choiceOf = (
  sampler: (typeof samplers)[number]['name'],
  scheduler?: (typeof schedulers)[number]['name'],
) => ({ sampler, scheduler, samplerLabel: '', schedulerLabel: '' });

const rule = fc.constantFrom<ScheduleRule>('lora', 'a1111', 'comfy', 'diffusers');
const sampler = fc.constantFrom(...samplers.map(({ name }) => name));
const scheduler = fc.constantFrom(undefined, ...schedulers.map(({ name }) => name));
const spacing = fc.constantFrom('leading' as const, 'trailing' as const, 'linspace' as const);

test('sigmas fall strictly to the last one and the scales are finite, whatever is asked', () => {
  const strength = fc.option(fc.double({ min: 0.01, max: 1, noNaN: true }), { nil: undefined });
  const all = [rule, sampler, scheduler, spacing, fc.integer({ min: 1, max: 200 }), strength] as const;
  fc.assert(
    fc.property(...all, (rule, sampler, scheduler, timestepSpacing, steps, strength) => {
      for (const one of [schedule, zeroSnr]) {
        const own = { ...config, timestepSpacing };
        // LCM of diffusers has fifty timesteps.
        const most = sampler === 'lcm' && rule === 'diffusers' ? Math.min(steps, 50) : steps;
        const plan = planSteps(choiceOf(sampler, scheduler), one, own, given(rule, most, strength));
        const { sigmas, initScale, noiseScale, endScale, skipped, totalSteps } = plan;
        expect(sigmas.length).toBeGreaterThan(0);
        for (let i = 1; i < sigmas.length; i++) expect(sigmas[i]).toBeLessThan(sigmas[i - 1]);
        expect(sigmas.at(-1)).toBeGreaterThanOrEqual(0);
        for (const scale of [initScale, noiseScale, endScale]) expect(Number.isFinite(scale)).toBe(true);
        expect(skipped + sigmas.length - 1).toBe(totalSteps);
        expect(sigmas.map(Math.fround)).toEqual(sigmas);
      }
    }),
    { numRuns: 400 },
  );
});

describe('strength', () => {
  test.each(['lora', 'a1111', 'comfy', 'diffusers'] as const)(
    '0 under %s: no step, the picture as it is',
    rule => {
      for (const { name } of samplers) {
        const plan = planSteps(choiceOf(name), schedule, config, given(rule, 20, 0));
        expect(plan).toMatchObject({ initScale: 1, noiseScale: 0, endScale: 1 });
        expect(plan.sigmas).toHaveLength(1);
        expect(plan.skipped).toBe(plan.totalSteps);
      }
    },
  );

  test.each([
    // rule, strength, steps that are taken, steps of the whole
    ['a1111', 0.5, 11, 20],
    ['a1111', 0.75, 16, 20],
    ['a1111', 1, 20, 20],
    ['comfy', 0.5, 20, 40],
    ['comfy', 0.75, 20, 26],
    ['comfy', 1, 20, 20],
    ['diffusers', 0.5, 10, 20],
    ['diffusers', 0.75, 15, 20],
    ['diffusers', 1, 20, 20],
  ] as const)('under %s, %s of 20 steps takes %i of %i', (rule, strength, taken, whole) => {
    const plan = planSteps(choiceOf('euler', 'karras'), schedule, config, given(rule, 20, strength));
    expect(plan.sigmas).toHaveLength(taken + 1);
    expect(plan).toMatchObject({ totalSteps: whole, skipped: whole - taken });
  });

  test('ComfyUI’s rule does not make a schedule without end', () => {
    expect(() => planSteps(choiceOf('euler'), schedule, config, given('comfy', 1000, 1e-9))).toThrow(
      expect.objectContaining({ code: 'STRENGTH_TOO_LOW', exit: 'usage' }),
    );
  });
});

describe('what a program starts from', () => {
  const scaleOf = (rule: ScheduleRule, sampler: Parameters<typeof choiceOf>[0], own = config): number =>
    planSteps(choiceOf(sampler, undefined), schedule, own, given(rule, 20)).noiseScale;

  test.each([
    ['a1111', 'euler', 14.614643],
    ['comfy', 'euler', 14.648815],
  ] as const)('%s, %s: ·%d', (rule, sampler, scale) => {
    expect(scaleOf(rule, sampler)).toBeCloseTo(scale, 4);
  });

  test('diffusers: σ₀ where timesteps end at the last one, else √(1 + σ₀²)', () => {
    expect(scaleOf('diffusers', 'euler', { ...config, timestepSpacing: 'trailing' })).toBeCloseTo(14.6146, 3);
    expect(scaleOf('diffusers', 'euler', { ...config, saysSpacing: false })).toBeCloseTo(14.6146, 3);
    const { sigmas, noiseScale } = planSteps(choiceOf('euler'), schedule, config, given('diffusers', 20));
    expect(noiseScale).toBeCloseTo(Math.sqrt(1 + sigmas[0] ** 2), 6);
  });
});
