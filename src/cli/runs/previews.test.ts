/** Previews are what `lora generate` draws with the saved file, to the byte; all of them lie on one sheet. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { pictureFolder, temporaryFolder } from '../../../test/support/pictures.ts';
import { randomStream } from '../../engine/index.ts';
import { readPngText } from '../../files/index.ts';
import {
  frozenParameters,
  initialParameters,
  type LoraWeights,
  trainedModule,
  writeLora,
} from '../../lora/index.ts';
import { type Checkpoint, openCheckpoint } from '../../models/index.ts';
import {
  type GivenRecipe,
  openJournal,
  openPreviews,
  type PreviewRequest,
  parsePromptLine,
  planRun,
  previewRequests,
  readRun,
  train,
} from '../../training/index.ts';
import { drawPreviewSheet, layOut, openPreviewDrawer, previewsOf } from '../../workbench/index.ts';
import { generateCommand } from '../commands/generate.ts';

let checkpoint: Checkpoint;
beforeAll(() => {
  checkpoint = openCheckpoint('pretrained/pocket');
});

/** A LoRA in the middle of a run, with values that change a picture. */
async function trainedLora(given: GivenRecipe): Promise<LoraWeights> {
  const { layers } = planRun(checkpoint, given);
  const weightOf = (target: string): Float32Array =>
    checkpoint.unet.weights.read(`${target.slice('unet.'.length)}.weight`);
  const parameters = await initialParameters(layers, 1, weightOf);
  const frozen = frozenParameters(layers, parameters);
  const random = randomStream(1, 'previews');
  for (const [name, { data }] of parameters)
    if (!name.endsWith('.magnitude')) for (let i = 0; i < data.length; i++) data[i] += 0.06 * random.normal();
  return { modules: layers.map(layer => trainedModule(layer, parameters, frozen)), metadata: {} };
}

const lines = ['a red car --n snow --w 64 --h 77 --d 4294967301 --l 3 --s 2 --ss euler_a', 'a cat --s 1'];
const requests = (): PreviewRequest[] =>
  previewRequests(
    lines.map(line => parsePromptLine(line).prompt),
    checkpoint,
    7,
  );

/** The pixels of a PNG as they are in the file. */
function pixelChunk(png: Uint8Array): string {
  const bytes = Buffer.from(png);
  const start = bytes.indexOf('IDAT', 0, 'latin1');
  return bytes.subarray(start, bytes.indexOf('IEND', start, 'latin1')).toString('base64');
}

async function generated(path: string | undefined, request: PreviewRequest): Promise<Uint8Array> {
  const out = join(temporaryFolder(), 'picture.png');
  const { prompt, negativePrompt, seed, width, height, steps, guidance, sampler } = request;
  const outcome = await runHere(
    generateCommand(),
    ...[prompt, '--negative', negativePrompt, '--seed', String(seed), '--size', `${width}x${height}`],
    ...['--steps', String(steps), '--guidance', String(guidance), '--sampler', sampler.samplerLabel],
    ...['--scheduler', sampler.schedulerLabel, '--out', out],
    ...(path === undefined ? [] : ['--lora', path]),
  );
  expect(outcome.status, outcome.stderr).toBe(0);
  return readFileSync(out);
}

/** Every picture is on the sheet, three times as large; which places they have is the layout's. */
async function expectOnSheet(sheet: Buffer, pictures: readonly (readonly Buffer[])[]): Promise<void> {
  const [first, second] = requests();
  const { left, top, scale, cell, width, height } = layOut(
    {
      ...{ title: 'zorbi', subtitle: '', caption: '' },
      x: { title: '', values: ['without', 'step 2', 'step 4'].map(label => ({ label })) },
      y: {
        title: 'prompt',
        values: [
          {
            label: first.prompt,
            note: '64×72, seed 4294967301, 2 steps, Euler a, guidance 3, without: snow',
          },
          { label: second.prompt, note: '64×64, seed 8, 1 step, DDIM, guidance 7.5' },
        ],
      },
    },
    { width: 64, height: 72 },
  );
  expect([scale, cell.width, cell.height]).toEqual([3, 192, 216]);
  expect(await sharp(sheet).metadata()).toMatchObject({ width, height });
  for (const [row, files] of pictures.entries())
    for (const [column, file] of files.entries()) {
      const shown = { width: 192, height: row === 0 ? 216 : 192 };
      const place = { left: left(column), top: top(row) + (cell.height - shown.height) / 2 };
      const found = await sharp(sheet)
        .extract({ ...place, ...shown })
        .raw()
        .toBuffer();
      const expected = await sharp(file)
        .resize(shown.width, shown.height, { kernel: 'cubic' })
        .raw()
        .toBuffer();
      expect(found.equals(expected), `row ${row}, column ${column}`).toBe(true);
    }
}

describe('previews', () => {
  test.each<[string, GivenRecipe]>([
    ['convolutions', { rank: 4, targets: 'conv' }],
    ['DoRA', { rank: 2, dora: 'output', targets: 'block:mid' }],
  ])('%s: the pixels are those of `lora generate` with the saved file', async (_, given) => {
    const lora = await trainedLora(given);
    const path = join(temporaryFolder(), 'zorbi.safetensors');
    await writeLora(path, lora, { dtype: 'float32' });
    const drawer = openPreviewDrawer({ checkpoint, name: 'zorbi', between: 'release' });
    const [first] = requests();
    const [without] = await drawer.draw([first], undefined, {});
    const [drawn] = await drawer.draw([first], lora, {});
    expect(pixelChunk(drawn)).toBe(pixelChunk(await generated(path, first)));
    expect(pixelChunk(drawn)).not.toBe(pixelChunk(without));
    expect(readPngText(drawn).parameters).toMatch(
      /^a red car <lora:zorbi:1>\n.*snow\nSteps: 2, Sampler: Euler a/,
    );
  });

  test('every step has its pictures, and the sheet all of them; the base is drawn once', async () => {
    const out = join(temporaryFolder(), 'zorbi.safetensors');
    const manifest = {
      ...{ code: { name: '', version: '' }, device: 'cpu', recipe: {} },
      ...{ data: { folder: '', pictures: [] }, base: { name: '', family: '', hashes: {} } },
    };
    const journal = await openJournal({ out, manifest });
    const drawer = openPreviewDrawer({ checkpoint, name: 'zorbi', between: 'keep' });
    const drawn: boolean[] = [];
    const warnings: string[] = [];
    const previews = openPreviews({
      ...{ title: 'zorbi', requests: requests(), drawSheet: drawPreviewSheet, journal },
      draw: (given, lora, how) => {
        drawn.push(lora !== undefined);
        if (drawn.length === 4) throw new Error('out of memory');
        return drawer.draw(given, lora, how);
      },
      onWarning: message => warnings.push(message),
    });
    const lora = await trainedLora({ rank: 4 });
    expect(await previews.draw(2, lora)).toBe(join(journal.folder, 'previews/sheet.png'));
    expect(await previews.draw(4, lora)).toBeDefined();
    expect(await previews.draw(6, lora)).toBeUndefined();
    expect(warnings).toEqual(['no previews at step 6, the run goes on: out of memory']);
    expect(drawn).toEqual([false, true, true, true]);
    await drawer.release();
    await journal.finish({ status: 'finished', result: { steps: 6 } });
    const files = readdirSync(join(journal.folder, 'previews')).sort();
    expect(files).toEqual([
      ...['00-step00000002.png', '00-step00000004.png', '00-without.png'],
      ...['01-step00000002.png', '01-step00000004.png', '01-without.png', 'sheet.png'],
    ]);
    const at = (name: string): Buffer => readFileSync(join(journal.folder, 'previews', name));
    expect(pixelChunk(at('01-without.png'))).toBe(pixelChunk(await generated(undefined, requests()[1])));
    expect(requests()[1].seed).toBe(8); // of the run, plus its place
    await expectOnSheet(at('sheet.png'), [
      ['00-without.png', '00-step00000002.png', '00-step00000004.png'].map(at),
      ['01-without.png', '01-step00000002.png', '01-step00000004.png'].map(at),
    ]);
  });
});

test('the last preview of a run is what its file draws, and the journal tells of it', async () => {
  const folder = pictureFolder(2);
  const out = join(temporaryFolder(), 'zorbi.safetensors');
  const given = {
    ...{ steps: 4, rank: 2, batch: 1, learningRate: 0.01, textTargets: 'attention' },
    ...{ previewPrompts: ['a red car --s 2 --d 3 --l 3 --q 1'], previewEvery: 3 },
  };
  const { recipe } = planRun(checkpoint, given);
  const notes: string[] = [];
  const { previews, release } = previewsOf({ checkpoint, recipe, out, note: text => notes.push(text) });
  expect(notes).toEqual(['warning: preview 1: --q 1 has no effect: there is no such flag']);
  if (!previews) throw new Error('the recipe asks for previews');
  const result = await train({ data: folder, checkpoint, recipe: given, out, resume: false, previews });
  await release();
  const { previews: kept } = readRun(out.replace('.safetensors', '.run'));
  expect(kept.map(({ step }) => step)).toEqual([0, 3, 4]);
  const at = (path: string): Uint8Array => readFileSync(join(out.replace('.safetensors', '.run'), path));
  const [request] = previews.requests;
  expect(pixelChunk(at(kept[2].path))).toBe(pixelChunk(await generated(out, request)));
  expect(pixelChunk(at(kept[1].path))).not.toBe(pixelChunk(at(kept[2].path)));
  expect(result.finished).toBe(true);
});

test('no previews are asked for', () => {
  const { recipe } = planRun(checkpoint, { previewPrompts: ['a cat'] });
  const { previews } = previewsOf({ checkpoint, recipe, out: 'a.safetensors', note: () => undefined });
  expect(previews).toBeUndefined();
});
