/** `embedding:name` of a file and of a LoRA's own word, to pictures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { serializeSafetensors } from '../../files/index.ts';
import { openCheckpoint } from '../../models/index.ts';
import { openEmbeddings, openLoraFolders, openWorkshop, settlePictures } from '../index.ts';

const checkpoint = openCheckpoint('pretrained/pocket');
const folder = temporaryFolder();

const values = Float32Array.from({ length: 128 }, (_, i) => Math.sin(7 * i));
const vector = (name: string) => ({
  ...{ name, dtype: 'float32' as const, shape: [1, 128] },
  bytes: new Uint8Array(values.buffer),
});
for (const name of ['embeddings', 'loras']) mkdirSync(join(folder, name));
writeFileSync(
  join(folder, 'embeddings', 'zorbi.safetensors'),
  serializeSafetensors([vector('emb_params')], {}),
);

const workshop = openWorkshop({
  checkpoint,
  loras: openLoraFolders([join(folder, 'loras')]),
  embeddings: openEmbeddings([join(folder, 'embeddings')]),
});
afterAll(() => workshop.release());

async function draw(prompt: string, preset: 'comfy' | 'a1111' = 'comfy') {
  const { settings } = await settlePictures(
    {
      ...{ prompt, negativePrompt: '', loras: [], merge: false, seed: 3n, count: 1, preset },
      ...{ sampler: 'Euler', steps: 2, guidance: 4.5, guidanceRescale: 0, size: { width: 64, height: 64 } },
    },
    { checkpoint },
  );
  let drawn: { data: Uint8Array; parameters: string } | undefined;
  await workshop.draw(settings, {
    onPicture: (_, picture) => {
      drawn = picture;
    },
  });
  if (!drawn) throw new Error('nothing was drawn');
  return drawn;
}

test('the word of a file is read, beside commas and in brackets, as it is in A1111', async () => {
  const comfy = await draw('a embedding:zorbi car');
  expect(comfy.parameters).toContain('TI hashes: "zorbi: ');
  const asText = await draw('a zorbi car');
  expect(Buffer.compare(comfy.data, asText.data)).not.toBe(0);
  expect(asText.parameters).not.toContain('TI hashes');
  for (const [embedded, text] of [
    ['a (embedding:zorbi:1.2) car', 'a (zorbi:1.2) car'],
    ['embedding:zorbi, a car', 'zorbi, a car'],
  ])
    expect(Buffer.compare((await draw(embedded)).data, (await draw(text)).data)).not.toBe(0);
});
