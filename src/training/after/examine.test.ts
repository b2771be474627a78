/** Checks of finished LoRAs on ones whose fault is known: made of zeros or NaN, or trained on the embedded model so. */
import { beforeAll, expect, test, vi } from 'vitest';
import { openPocketRun, type PocketRun } from '../../../test/support/pocket-run.ts';
import { type LoraModule, trainedModule } from '../../lora/index.ts';
import type { GivenRecipe } from '../recipe/recipe.ts';
import { newRunState, runLoop } from '../trainer.ts';
import { type Examined, examine } from './examine.ts';
import { colourDistance, type DrawnPicture } from './pictures.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const common = {
  ...{ steps: 80, batch: 4, rank: 8, learningRate: 1e-3, schedule: 'constant', seed: 1 },
} as const satisfies GivenRecipe;

interface Trained {
  readonly run: PocketRun;
  readonly modules: readonly LoraModule[];
}

async function train(given: GivenRecipe, captionOf?: (caption: string) => string): Promise<Trained> {
  const options = { ...(captionOf ? { captionOf } : {}) };
  const run = await openPocketRun('examples/zorbi-character', 12, { ...common, ...given }, options);
  const state = await newRunState(run, '', 0);
  await runLoop(run, state, { onStep: async () => undefined });
  const modules = run.layers.map(layer => trainedModule(layer, state.parameters, state.frozen));
  return { run, modules };
}

const examineTrained = ({ run, modules }: Trained): Promise<Examined> =>
  examine({ ...run, modules, recipe: { ...run.recipe, trigger: 'zorbi' }, classWords: 'a cat' });

let healthy: Trained;
beforeAll(async () => {
  healthy = await train({ trigger: 'zorbi' });
});

/** The same LoRA with every number of some tensors replaced. */
const withUps = (modules: readonly LoraModule[], value: number): LoraModule[] =>
  modules.map(module => {
    const { up } = module.tensors;
    return up
      ? { ...module, tensors: { ...module.tensors, up: { ...up, data: up.data.map(() => value) } } }
      : module;
  });

test('one that was trained with its trigger is healthy, for 16 passes', async () => {
  const { verdict, findings, facts } = await examineTrained(healthy);
  expect(findings).toEqual([]);
  expect(verdict).toBe('healthy');
  expect(facts?.passes).toBe(16);
  expect(facts?.blocks.length).toBeGreaterThan(3);
  for (const { ratio } of facts?.blocks ?? []) expect(ratio).toBeGreaterThan(1e-3);
});

test('up matrices of zeros: inert, with every norm 0', async () => {
  const modules = withUps(healthy.modules, 0);
  const { verdict, findings, facts } = await examineTrained({ ...healthy, modules });
  expect(verdict).toBe('inert');
  expect(findings[0].text).toMatch(/^inert: it changes what the base predicts by 0\.00 %/);
  for (const { norm } of facts?.blocks ?? []) expect(norm).toBe(0);
  expect(facts?.change).toBe(0);
});

test('NaN is refused before anything is measured', async () => {
  const modules = withUps(healthy.modules, Number.NaN);
  const { verdict, findings, facts } = await examineTrained({ ...healthy, modules });
  expect(verdict).toBe('refused');
  expect(findings[0].text).toMatch(/^unet\..*\.up holds NaN or infinity/);
  expect(facts).toBeUndefined();
});

test('one caption for everything: it acts without its trigger', async () => {
  const leaking = await train({ steps: 40 }, () => 'a picture');
  const own = { ...leaking.run, items: healthy.run.items };
  const { verdict, findings, facts } = await examineTrained({ ...leaking, run: own });
  expect(verdict).toBe('leaking');
  expect(findings.map(({ code }) => code)).toEqual(['LEAKS']);
  const { facts: other } = await examineTrained(healthy);
  expect(facts?.leak).toBeGreaterThan(1.2 * (other?.leak ?? 1));
});

test('a rate twenty times too high: the class has drifted', async () => {
  const { verdict, facts } = await examineTrained(await train({ learningRate: 2e-2, steps: 40 }));
  expect(verdict).toBe('drifting');
  expect(facts?.drift).toBeGreaterThan(0.5);
});

test('pictures that do not change are an inert LoRA, whatever the predictions say', async () => {
  const flat = (level: number): DrawnPicture => ({
    width: 16,
    height: 16,
    data: new Uint8Array(768).fill(level),
  });
  expect(colourDistance(flat(10), flat(13))).toBe(3);
  const { run, modules } = healthy;
  const drawPicture = async (_: string, seed: number): Promise<DrawnPicture> => flat(100 + seed);
  const { verdict, facts } = await examine({ ...run, modules, recipe: run.recipe, drawPicture });
  expect(verdict).toBe('inert');
  expect(facts?.pictures).toEqual({ withTrigger: 0, withoutTrigger: 0, otherSeed: 1 });
});
