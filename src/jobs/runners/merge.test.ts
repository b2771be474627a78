/** Merges of LoRAs of the library into one, and into a checkpoint. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestJob, openTestStudio } from '../../../test/support/job-context.ts';
import { randomLora, writeTestLora } from '../../../test/support/loras.ts';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openSafetensors } from '../../files/index.ts';
import { loadGiven } from '../../generation/index.ts';
import { mergeIntoCheckpoint, openLoraFile } from '../../lora/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { openRunners } from './index.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const studio = openTestStudio();
const merge = openRunners().open('merge');
const shelf = temporaryFolder();
for (const [id, name, seed] of [
  ['a11ce0', 'alice', 1],
  ['b0b000', 'bob', 2],
] as const) {
  const path = join(shelf, `${name}.safetensors`);
  writeTestLora(path, randomLora(checkpoint, { seed, rank: 4, targets: /mid_block\.attentions/ }));
  studio.cards.set(id, { path, use: 'lora' });
}
const both = [{ id: 'a11ce0' }, { id: 'b0b000', strength: 0.5 }];

const run = async (payload: object) => {
  const job = openTestJob(studio);
  return { job, ...(await merge.run(payload, job.context)) };
};

test.each([
  ['all ranks side by side', {}, 8],
  ['a lower rank', { rank: 3 }, 3],
])('several LoRAs as one: %s', async (_, more, rank) => {
  const { files, result, job } = await run({ into: 'lora', name: 'both', loras: both, ...more });
  expect(files).toMatchObject([{ name: 'lora', type: 'lora', fileName: 'both.safetensors' }]);
  const file = openLoraFile(files[0].path);
  expect(new Set(file.modules.map(entry => file.read(entry).rank))).toEqual(new Set([rank]));
  expect(openSafetensors(files[0].path).metadata['modelspec.title']).toBe('both');
  expect(result).toMatchObject({ file: 'both.safetensors', modules: file.modules.length });
  expect(JSON.stringify(result)).not.toContain(shelf);
  expect(job.told.length).toBeGreaterThan(1);
});

/** Fails where somebody does not wait for it. */
function turns() {
  let [isWaiting, waits] = [false, 0];
  return {
    waits: () => waits,
    async wait() {
      expect(isWaiting).toBe(false);
      isWaiting = true;
      await new Promise(resolve => setImmediate(resolve));
      isWaiting = false;
      waits++;
    },
  };
}

test('between two layers it waits while others go first', async () => {
  const others = turns();
  const job = openTestJob(studio, { yieldToOthers: others.wait });
  await merge.run({ into: 'lora', name: 'both', loras: both }, job.context);
  expect(others.waits()).toBeGreaterThan(1);
});

test('a checkpoint is written on only when those were waited for who hear how far it is', async () => {
  const others = turns();
  const lora = loadGiven(checkpoint, { path: join(shelf, 'alice.safetensors'), strength: 1 });
  await mergeIntoCheckpoint(checkpoint, join(temporaryFolder(), 'merged'), [{ ...lora, hash: '' }], {
    onProgress: others.wait,
  });
  expect(others.waits()).toBeGreaterThan(1);
});

test('ended in the middle it leaves nothing', async () => {
  const job = openTestJob(studio, { onProgress: ({ share }, abort) => share > 0 && abort() });
  const payload = { into: 'lora', name: 'both', loras: both, rank: 2 };
  await expect(merge.run(payload, job.context)).rejects.toMatchObject({ name: 'AbortError' });
  expect(readdirSync(job.context.places.staging)).toEqual([]);
});

test.each([
  ['MERGE_FOLDER', { into: 'checkpoint', base: 'pocket', loras: both }],
  ['CARD_UNKNOWN', { into: 'lora', loras: [{ id: '00000000' }] }],
  ['COMBINE_NOTHING', { into: 'lora', loras: [{ id: 'a11ce0', strength: 0 }] }],
  ['PAYLOAD_INVALID', { into: 'lora', name: 'a/b', loras: both }],
  ['PAYLOAD_INVALID', { into: 'heaven', loras: both }],
])('%s', async (code, payload) => {
  await expect(run({ name: 'both', ...payload })).rejects.toMatchObject({ name: 'LoraError', code });
});
