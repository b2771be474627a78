/** Axes to cells and pictures, on LoRA files of the pocket model. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { LoraError } from '../../errors.ts';
import { type Checkpoint, openCheckpoint } from '../../models/index.ts';
import { openLoraFolders } from '../find-lora.ts';
import type { PictureSettings } from '../settings/schema.ts';
import { type Grid, type GridRequest, planGrid } from './plan.ts';

const folder = temporaryFolder();
let checkpoint: Checkpoint;

const base: PictureSettings = {
  ...{
    model: { name: 'pocket' },
    prompt: 'a red cat',
    negativePrompt: '',
    loras: [],
    merge: false,
    seed: 1n,
  },
  ...{
    preset: 'lora',
    noise: 'cpu',
    emphasis: 'a1111',
    clipSkip: 1,
    sampler: 'DPM++ 2M',
    scheduler: 'Karras',
  },
  ...{ steps: 20, guidance: 5, guidanceRescale: 0, width: 64, height: 64 },
};

const file = (name: string): string => join(folder, `${name}.safetensors`);
const write = (name: string, seed: number, steps?: number, rank = 2): void =>
  writeTestLora(file(name), {
    ...randomLora(checkpoint, { seed, rank }),
    metadata: steps === undefined ? {} : { ss_steps: String(steps) },
  });

beforeAll(() => {
  checkpoint = openCheckpoint('pretrained/pocket');
  mkdirSync(join(folder, 'run'));
  write('alice', 1, 30);
  write('alice-000001', 2, 10);
  write('alice-000002', 3, 20);
  write('bob', 4);
  write('carol', 5, undefined, 4);
  for (const name of ['run/dora-step00000050', 'run/dora-step00000100', 'run/dora']) write(name, 6);
});

interface Given {
  readonly x?: string;
  readonly y?: string;
  readonly z?: readonly string[];
  readonly base?: Partial<PictureSettings>;
  readonly given?: GridRequest['given'];
}

const plan = ({ x, y, z = [], base: change = {}, given = {} }: Given): Promise<Grid> =>
  planGrid({
    x: x === undefined ? undefined : { place: '--x', text: x },
    y: y === undefined ? undefined : { place: '--y', text: y },
    z: z.map(text => ({ place: '--z', text })),
    base: { ...base, ...change },
    ...{ given, family: checkpoint.family, sizeRule: { latentScale: 8, levels: 3 } },
    folders: openLoraFolders([folder]),
  });

/** Settings of the cells, x first. */
async function cells(given: Given): Promise<PictureSettings[]> {
  const grid = await plan(given);
  const byId = new Map(grid.pictures.map(({ id, settings }) => [id, settings]));
  return grid.cells.map(({ picture }) => byId.get(picture) as PictureSettings);
}

const labels = async (given: Given): Promise<string[]> =>
  (await plan(given)).axes[0].values.map(({ label }) => label);

async function refused(given: Given): Promise<string> {
  const error = await plan(given).catch((cause: unknown) => cause);
  if (!(error instanceof LoraError)) throw error;
  return `${error.code}: ${error.message} | ${error.hint ?? ''}`;
}

const lorasOf = (all: readonly PictureSettings[]): string[] =>
  all.map(({ loras }) => loras.map(({ name, strength }) => `${name}:${strength}`).join('+'));

describe('axes of the picture', () => {
  test.each<[string, keyof PictureSettings, unknown[]]>([
    ['seed: 3-4', 'seed', [3n, 4n]],
    ['steps: 5, 10', 'steps', [5, 10]],
    ['CFG Scale: 1-7 (+3)', 'guidance', [1, 4, 7]],
    ['guidance rescale: 0-1 [3]', 'guidanceRescale', [0, 0.5, 1]],
    ['clip skip: 1,2', 'clipSkip', [1, 2]],
    ['size: 64, 128x64', 'width', [64, 128]],
    ['negative: "", "blurry, dark"', 'negativePrompt', ['', 'blurry, dark']],
    ['prompt: a cat, a dog', 'prompt', ['a cat', 'a dog']],
    ['S/R: red, blue, "deep, dark"', 'prompt', ['a red cat', 'a blue cat', 'a deep, dark cat']],
    ['Schedule type: Karras, SGM Uniform', 'scheduler', ['Karras', 'SGM Uniform']],
    ['preset: a1111, comfy', 'noise', ['philox', 'cpu']],
    ['emphasis: comfy, none', 'emphasis', ['comfy', 'none']],
    ['prompt order: red, cat', 'prompt', ['a red cat', 'a cat red']],
  ])('%s', async (x, key, expected) =>
    expect((await cells({ x })).map(settings => settings[key])).toEqual(expected),
  );

  test('a sampler brings its own scheduler', async () => {
    const all = await cells({ x: 'sampler: Euler a, dpmpp_2m, DPM++ 2M SGM Uniform' });
    const each = all.map(({ sampler, scheduler }) => `${sampler}/${scheduler}`);
    expect(each).toEqual(['Euler a/Automatic', 'DPM++ 2M/Karras', 'DPM++ 2M/SGM Uniform']);
  });

  test('a variation has its seed from one axis and its strength from the other, or from the options', async () => {
    const variations = async (given: Given) => (await cells(given)).map(({ variation }) => variation);
    const [strengths, seeds] = ['variation strength: 0-1 [3]', 'variation seed: 8, 9'];
    const expected = [8n, 9n].flatMap(seed => [undefined, ...[0.5, 1].map(strength => ({ seed, strength }))]);
    expect(await variations({ x: strengths, y: seeds })).toEqual(expected);
    // Cells of strength 0 share the picture without a variation.
    expect((await plan({ x: strengths, y: seeds })).pictures.length).toBe(5);
    expect(await variations({ x: seeds, z: ['Var. strength: 0.5'] })).toEqual([expected[1], expected[4]]);
    const base = { variation: { seed: 8n, strength: 0.1 } };
    expect(await variations({ x: strengths, base })).toEqual(expected.slice(0, 3));
    expect(await variations({ x: 'variation seed: 9', base })).toEqual([{ seed: 9n, strength: 0.1 }]);
    expect(await refused({ x: strengths, y: 'seed: 1,2' })).toMatch(
      /--x variation strength needs a variation seed.*--variation-seed/,
    );
    expect(await refused({ y: seeds })).toMatch(/--y variation seed needs a variation strength, which is 0/);
  });

  test('a preset brings its schedule, noise, emphasis and count of clip skip', async () => {
    const rules = async (given: Given) =>
      (await cells(given)).map(({ preset, noise, emphasis, clipSkip, scheduler }) =>
        [preset, noise, emphasis, clipSkip, scheduler].join(' '),
      );
    const x = 'preset: lora, a1111, comfy, diffusers';
    expect(await rules({ x })).toEqual([
      'lora cpu a1111 1 Karras',
      'a1111 philox a1111 1 Karras',
      'comfy cpu comfy 1 Automatic',
      'diffusers cpu none 1 Automatic',
    ]);
    const given = { scheduler: 'Exponential', noise: 'philox', emphasis: 'none', clipSkip: 2 } as const;
    expect(await rules({ x: 'preset: comfy, diffusers', given })).toEqual([
      'comfy philox none 2 Exponential',
      'diffusers philox none 3 Exponential',
    ]);
    // Other axes go before what was given, in whatever order they stand.
    const z = ['emphasis: a1111', 'scheduler: Automatic', 'clip skip: 1'];
    expect(await rules({ x: 'noise: cpu', y: 'preset: comfy', z, given })).toEqual([
      'comfy cpu a1111 1 Automatic',
    ]);
    expect(await refused({ x: 'clip skip: 0' })).toMatch(/COMPARE_CELL_INVALID.*clip skip 0/);
  });

  test('a sampler is resolved by the rule of its cell', async () => {
    const all = await cells({ x: 'sampler: DPM++ 2M, DPM++ 2M Karras, Euler a', y: 'preset: a1111, comfy' });
    expect(all.map(({ sampler, scheduler }) => `${sampler}/${scheduler}`)).toEqual([
      ...['DPM++ 2M/Karras', 'DPM++ 2M/Karras', 'Euler a/Automatic'],
      ...['DPM++ 2M/Automatic', 'DPM++ 2M/Karras', 'Euler a/Automatic'],
    ]);
    expect(await labels({ x: 'sampler: dpmpp_2m, DPM++ 2M Karras' })).toEqual([
      'DPM++ 2M',
      'DPM++ 2M Karras',
    ]);
    // A scheduler in the name of the option's sampler gives way to one that is compared.
    const given = { sampler: 'DPM++ 2M Karras' };
    expect((await cells({ x: 'scheduler: Simple, Automatic', given })).map(each => each.scheduler)).toEqual([
      'Simple',
      'Karras',
    ]);
    expect((await cells({ x: 'preset: comfy', given })).map(each => each.scheduler)).toEqual(['Karras']);
  });

  test('the second pass follows the first where it has nothing of its own', async () => {
    const hires = { width: 128, height: 96, upscaler: 'latent', steps: 20, strength: 0.6 } as const;
    const wished = { upscaler: 'Latent', strength: 0.6 };
    const second = async (x: string, change: object, own: object) =>
      (
        await cells({ x, base: { hires: { ...hires, ...change } }, given: { hires: { ...wished, ...own } } })
      ).map(({ hires: { steps, sampler, scheduler } = hires as NonNullable<PictureSettings['hires']> }) => [
        steps,
        sampler,
        scheduler,
      ]);
    expect(await second('steps: 5, 9', {}, {})).toEqual([5, 9].map(steps => [steps, undefined, undefined]));
    expect(await second('steps: 5, 9', {}, { steps: 20 })).toEqual(Array(2).fill([20, undefined, undefined]));
    expect(await second('hires steps: 5, 9', {}, {})).toEqual([5, 9].map(n => [n, undefined, undefined]));
    const own = { sampler: 'DPM++ 2M', scheduler: 'Karras' };
    expect(await second('preset: a1111, comfy', own, { sampler: 'DPM++ 2M' })).toEqual([
      [20, 'DPM++ 2M', 'Karras'],
      [20, 'DPM++ 2M', 'Automatic'],
    ]);
  });

  test('the second pass grows with the size; denoising is that of the second pass', async () => {
    const hires = { width: 128, height: 96, upscaler: 'latent', steps: 10, strength: 0.6 } as const;
    const all = await cells({ x: 'size: 64, 128', y: 'denoising: 0.3', base: { hires } });
    expect(all.map(settings => settings.hires)).toEqual([
      { ...hires, strength: 0.3 },
      { ...hires, width: 256, height: 192, strength: 0.3 },
    ]);
    const upscalers = await cells({ x: 'Hires upscaler: Latent (nearest-exact), Lanczos', base: { hires } });
    expect(upscalers.map(settings => settings.hires?.upscaler)).toEqual(['latent-nearest-exact', 'lanczos']);
    expect(await refused({ x: 'hires upscaler: latent' })).toMatch(/second pass/);
  });

  test('a list of prompts comes from a file', async () => {
    const list = join(folder, 'animals.txt');
    writeFileSync(list, '# animals\ncat\n\ndog, brown\n');
    expect(await labels({ x: `S/R: cat, @${list}` })).toEqual(['cat', 'cat', 'dog, brown']);
    expect(await refused({ x: 'prompt: @/no/such.txt' })).toMatch(/^FILE_UNREADABLE.*no\/such\.txt/);
  });
});

describe('axes of LoRAs', () => {
  const prompt = 'a cat <lora:alice:0.7>';

  test('files take the place of the one in the prompt, with its strength; none is without', async () => {
    const all = await cells({ x: 'lora: alice, bob, none', base: { prompt } });
    expect(lorasOf(all)).toEqual(['alice:0.7', 'bob:0.7', '']);
    expect(all.map(settings => settings.prompt)).toEqual(['a cat', 'a cat', 'a cat']);
    expect(all[0].loras[0].hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('without one in the prompt they are added', async () =>
    expect(lorasOf(await cells({ x: 'lora: alice, none' }))).toEqual(['alice:1', '']));

  test('+lora adds one beside the others', async () =>
    expect(lorasOf(await cells({ x: '+lora: bob, none', base: { prompt } }))).toEqual([
      'alice:0.7+bob:1',
      'alice:0.7',
    ]));

  test('epochs come in the order of their steps, the last one last', async () => {
    const grid = await plan({ x: 'epoch: alice', base: { prompt } });
    expect(grid.axes[0].values.map(({ label, epoch }) => [label, epoch?.step])).toEqual([
      ['epoch 1', 10],
      ['epoch 2', 20],
      ['final', 30],
    ]);
    expect(lorasOf(await cells({ x: 'epoch: alice', base: { prompt } }))).toEqual([
      'alice-000001:0.7',
      'alice-000002:0.7',
      'alice:0.7',
    ]);
  });

  test('epochs of a folder, by the steps in their names; one file; evenly chosen ones', async () => {
    expect(await labels({ x: `epoch: ${join(folder, 'run')}` })).toEqual(['step 50', 'step 100', 'final']);
    expect(await labels({ x: `epoch: ${join(folder, 'run')} [2]` })).toEqual(['step 50', 'final']);
    expect(await labels({ x: 'epoch: dora' })).toEqual(['step 50', 'step 100', 'final']);
    expect(await labels({ x: 'epoch: none, alice-000002' })).toEqual(['none', 'epoch 2']);
    expect(await refused({ x: `epoch: ${folder}` })).toMatch(/LORA_AMBIGUOUS.*alice, bob|LORA_AMBIGUOUS/);
  });

  test('the best is one with the file that was saved then, where their tensors are the same', async () => {
    mkdirSync(join(folder, 'kept'));
    write('kept/eve-step00000010', 11, 10);
    write('kept/eve-step00000020', 12, 20);
    write('kept/eve', 13, 30);
    write('kept/eve-best', 12, 20);
    const x = `epoch: ${join(folder, 'kept')}`;
    expect(await labels({ x })).toEqual(['step 10', 'step 20 · best', 'final']);
    expect(lorasOf(await cells({ x }))).toEqual(['eve-step00000010:1', 'eve-step00000020:1', 'eve:1']);
    expect(await labels({ x: 'epoch: eve-best' })).toEqual(['best']);
    // Of the same step, but averaged otherwise: a column of its own.
    write('kept/eve-best', 14, 20);
    expect(await labels({ x })).toEqual(['step 10', 'step 20', 'best', 'final']);
    write('kept/eve-best', 13, 30);
    expect(await labels({ x })).toEqual(['step 10', 'step 20', 'final · best']);
  });

  test('a name that stands for no file is replaced before it is looked for', async () => {
    const base = { prompt: 'a cat <lora:x:0.5>' };
    expect(lorasOf(await cells({ x: 'epoch: alice', base }))).toContain('alice-000001:0.5');
    expect(await refused({ x: 'seed: 1', base })).toMatch(/LORA_NOT_FOUND: no LoRA is called x/);
  });

  test('of several LoRAs the axis is about the one of its name, or says which', async () => {
    const base = { prompt: '<lora:bob:0.3> a cat <lora:alice:0.7>' };
    expect(lorasOf(await cells({ x: 'epoch: alice [1]', base }))).toEqual(['bob:0.3+alice:0.7']);
    expect(lorasOf(await cells({ x: 'strength of bob: 0.9', base }))).toEqual(['bob:0.9+alice:0.7']);
    expect(lorasOf(await cells({ x: 'strength of all: 0.9', base }))).toEqual(['bob:0.9+alice:0.9']);
    expect(lorasOf(await cells({ x: 'lora of bob: carol', base }))).toEqual(['carol:0.3+alice:0.7']);
    expect(lorasOf(await cells({ x: 'epoch: alice [2]', y: 'strength: 0.1', base }))).toEqual([
      'bob:0.3+alice-000001:0.1',
      'bob:0.3+alice:0.1',
    ]);
    expect(await refused({ x: 'strength: 1', base })).toMatch(/one of several LoRAs: bob, alice/);
    expect(await refused({ x: 'strength of bub: 1', base })).toMatch(/Did you mean bob/);
    expect(await refused({ x: 'strength: 1' })).toMatch(/about a LoRA, and there is none/);
  });

  test('strengths, blocks and steps', async () => {
    const how = async (given: Given) =>
      (await cells(given)).map(({ loras: [{ path, hash, name, ...rest }] }) => rest);
    expect(await how({ x: 'strength: 0.5, 1', base: { prompt } })).toEqual([
      { strength: 0.5 },
      { strength: 1 },
    ]);
    const apart = { prompt: 'a cat <lora:alice:0.2:0.7>' };
    expect(await how({ x: 'strength: 0.5', base: apart })).toEqual([{ strength: 0.5, textStrength: 0.2 }]);
    expect(await how({ x: 'text strength: 0', y: 'strength: 0.5', base: { prompt } })).toEqual([
      { strength: 0.5, textStrength: 0 },
    ]);
    expect(await how({ x: 'blocks: INALL, "M00=0,OUT*=0.5", all', base: { prompt } })).toEqual([
      { strength: 0.7, blocks: 'INALL' },
      { strength: 0.7, blocks: 'M00=0,OUT*=0.5' },
      { strength: 0.7 },
    ]);
    expect(await how({ x: 'step range: 0.25-0.5, 5-, -10', base: { prompt } })).toEqual([
      { strength: 0.7, start: '0.25', stop: '0.5' },
      { strength: 0.7, start: '5' },
      { strength: 0.7, stop: '10' },
    ]);
  });

  test('ranges of steps with one end are words, not negative numbers', async () =>
    expect(await labels({ x: 'lora steps: 0.2 - 0.8, -0.1, 0.1-, -10, 5-, all', base: { prompt } })).toEqual([
      ...['0.2-0.8', 'first 0.1', 'from 0.1', 'first 10', 'from 5', 'all'],
    ]));

  test('steps that leave a LoRA none are found before anything is drawn', async () =>
    expect(await refused({ x: 'lora steps: 10-15', y: 'steps: 20, 5', base: { prompt } })).toMatch(
      /COMPARE_CELL_INVALID: the picture of lora steps 10-15, steps 5: alice: .*none of the 5 steps/,
    ));
});

describe('the plan', () => {
  test('x changes first, then y; a sheet for each z', async () => {
    const grid = await plan({ x: 'seed: 1,2', y: 'steps: 3,4,5', z: ['guidance: 1,2', 'clip skip: 1,2'] });
    expect(grid.cells.length).toBe(24);
    expect(grid.cells.slice(0, 3).map(({ at }) => at)).toEqual([
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 1, 0, 0],
    ]);
    expect(grid.sheets.map(({ file }) => file)).toEqual([
      'sheet_guidance-1_clip-skip-1.png',
      'sheet_guidance-2_clip-skip-1.png',
      'sheet_guidance-1_clip-skip-2.png',
      'sheet_guidance-2_clip-skip-2.png',
    ]);
  });

  test('more than 100 columns are parts of a sheet, as long as each other', async () => {
    const { sheets } = await plan({ x: 'seed: 1-250', y: 'steps: 1,2' });
    expect(sheets.map(({ file, x, y }) => [file, x[0], x.at(-1), y])).toEqual([
      ['sheet_part-1.png', 0, 82, [0, 1]],
      ['sheet_part-2.png', 83, 166, [0, 1]],
      ['sheet_part-3.png', 167, 249, [0, 1]],
    ]);
  });

  test('the same picture is drawn once: without the LoRA its strength does not matter', async () => {
    const grid = await plan({ x: 'lora: alice, none', y: 'strength: 0.5, 1, 1' });
    expect([grid.cells.length, grid.pictures.length]).toEqual([6, 3]);
  });

  test('what opens sessions changes seldom: shapes of LoRAs, sizes, guidance', async () => {
    const order = async (given: Given, show: (settings: PictureSettings) => string) =>
      (await plan(given)).pictures.map(({ settings }) => show(settings)).join(' ');
    const lora = ({ loras, seed }: PictureSettings) => `${loras[0]?.name ?? '-'}${seed}`;
    // alice and bob have the same shapes, carol another rank.
    expect(await order({ x: 'lora: alice, carol, bob, none', y: 'seed: 1,2' }, lora)).toBe(
      'alice1 bob1 alice2 bob2 carol1 carol2 -1 -2',
    );
    expect(await order({ x: 'size: 64,128', y: 'seed: 1,2' }, ({ width, seed }) => `${width}/${seed}`)).toBe(
      '64/1 64/2 128/1 128/2',
    );
    expect(
      await order({ x: 'guidance: 1,4,1.5', y: 'seed: 1,2' }, ({ guidance, seed }) => `${guidance}/${seed}`),
    ).toBe('1/1 1/2 4/1 1.5/1 4/2 1.5/2');
  });

  test('ids do not depend on where files lie, but on what is in them', async () => {
    const ids = async () => (await plan({ x: 'lora: bob' })).pictures.map(({ id }) => id);
    const before = await ids();
    expect(await ids()).toEqual(before);
    write('bob', 99);
    expect(await ids()).not.toEqual(before);
    write('bob', 4);
    expect(await ids()).toEqual(before);
  });

  test('names of files say what is in them, in letters that every system has', async () => {
    const x = 'S/R: red, "../b: <c>\\d|e?*", "ein süßer Kater"';
    const names = (await plan({ x, y: 'seed: 1' })).pictures.map(({ file, id }) => file.replace(id, 'ID'));
    expect(names).toEqual([
      'S-R-red_seed-1_ID.png',
      'S-R-..-b-c-d-e_seed-1_ID.png',
      'S-R-ein-süßer-Kater_seed-1_ID.png',
    ]);
    const long = (await plan({ x: `S/R: red, ${'very '.repeat(100)}` })).pictures[1].file;
    expect(long.length).toBeLessThan(120);
  });
});

describe('refused', () => {
  test.each<[string, Given, RegExp]>([
    ['no axes', {}, /COMPARE_NO_AXES/],
    ['no values', { x: 'strength' }, /COMPARE_AXIS_SYNTAX: --x "strength" has no values/],
    ['an empty list', { x: 'seed: ' }, /COMPARE_AXIS_INVALID: --x seed has no values/],
    [
      'an unknown axis',
      { y: 'strenght: 1' },
      /COMPARE_AXIS_UNKNOWN: --y: .*"strenght" \| Did you mean strength/,
    ],
    ['a value', { x: 'steps: 5, ten' }, /--x steps: value 2, "ten", is not a number/],
    ['a value out of bounds', { x: 'steps: 5, 2000' }, /value 2, "2000", is not from 1 to 1000/],
    ['a sampler', { x: 'sampler: DDIM, Eular' }, /value 2, "Eular", cannot be used: .*not known/],
    [
      'a missing LoRA',
      { x: 'lora: bob, alise' },
      /LORA_NOT_FOUND: --x lora: value 2, "alise".*Nearest names: alice/,
    ],
    [
      'a block list',
      { x: 'blocks: INALLL', base: { prompt: '<lora:bob:1>' } },
      /BLOCK_WEIGHTS_INVALID: --x blocks: value 1/,
    ],
    [
      'S/R that finds nothing',
      { x: 'S/R: dog, cat' },
      /value 1, "dog", is in neither.*The prompt is: a red cat/,
    ],
    ['an order of other words', { x: 'prompt order: red, dog' }, /value 2, "dog", is not in the prompt/],
    ['checkpoints', { x: 'checkpoint: a, b' }, /one model.*--base/],
    [
      '10⁶ cells',
      { x: 'seed: 1-1000', y: 'steps: 1-1000' },
      /COMPARE_TOO_MANY: 1000 × 1000 values are 1,000,000 pictures/,
    ],
    ['10⁹ values', { x: 'seed: 1-1000000000' }, /COMPARE_TOO_MANY/],
    ['11! orders', { x: 'prompt order: a,b,c,d,e,f,g,h,i,j,k' }, /39916800 orders/],
    ['one thing twice', { x: 'seed: 1', y: 'seed: 2' }, /COMPARE_AXIS_TWICE: --x seed and --y seed/],
    ['two that undo each other', { x: 'lora: bob', y: 'epoch: alice' }, /COMPARE_AXIS_TWICE/],
    ['two schedulers', { x: 'sampler: Euler a Karras', y: 'scheduler: Simple' }, /COMPARE_AXIS_TWICE/],
    ['a small size', { x: 'size: 64, 8' }, /SIZE_INVALID: --x size: value 2, "8", cannot be used: .*from 32/],
    ['a size', { x: 'size: 60x64' }, /value 1, "60x64", does not have sides that are multiples of/],
    ['a LoRA for what has none', { x: 'steps of bob: 4' }, /not about a LoRA/],
  ])('%s', async (_, given, expected) => expect(await refused(given)).toMatch(expected));
});
