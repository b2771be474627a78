import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { openSafetensors, serializeSafetensors } from '../../files/index.ts';
import { hashesOf } from './hashes.ts';
import { trainingFacts } from './training-facts.ts';

const frequency = (folders: Record<string, Record<string, number>>): string => JSON.stringify(folders);

test('tags are counted over all folders, most frequent first', () => {
  const facts = trainingFacts({
    ss_tag_frequency: frequency({ '10_cat': { cat: 5, 'long hair ': 2 }, '3_dog': { dog: 4, cat: 1 } }),
    ss_dataset_dirs: JSON.stringify({ '10_cat': { img_count: 5 }, '3_dog': { img_count: 4 } }),
    ss_sd_model_name: 'base.safetensors',
    ss_network_dim: '16',
    ss_network_alpha: 'None',
    'modelspec.trigger_phrase': 'zorbi',
  });
  expect(facts).toEqual({
    tags: [
      { tag: 'cat', count: 6 },
      { tag: 'dog', count: 4 },
      { tag: 'long hair', count: 2 },
    ],
    ...{ tagsAre: 'tags', pictures: 9, rank: 16, baseModel: 'base.safetensors', triggerPhrase: 'zorbi' },
  });
});

test('captions that are sentences are counted by their words', () => {
  const captions = { 'a red cat on a green sofa': 2, 'a red car in the street': 1 };
  const { tags, tagsAre } = trainingFacts({ ss_tag_frequency: frequency({ x: captions }) });
  expect(tagsAre).toBe('words');
  expect(tags[0]).toEqual({ tag: 'red', count: 3 });
});

test.each([['not JSON'], ['[]'], ['null'], ['{"a": 3}'], ['{"a": {"b": "many"}}']])(
  'ss_tag_frequency %s says nothing',
  text => {
    expect(trainingFacts({ ss_tag_frequency: text, ss_dataset_dirs: text }).tags).toEqual([]);
  },
);

test('hashes are those of the bytes that their definitions name', async () => {
  const write = (metadata: Record<string, string>): string => {
    const path = join(temporaryFolder(), 'x.safetensors');
    const bytes = Uint8Array.from({ length: 1_200_000 }, (_, i) => i % 251);
    writeFileSync(
      path,
      serializeSafetensors([{ name: 'a', dtype: 'uint8', shape: [1_200_000], bytes }], metadata),
    );
    return path;
  };
  const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const path = write({ sshs_model_hash: 'f'.repeat(64) });
  const [bytes, file] = [readFileSync(path), openSafetensors(path)];
  const tensors = sha(bytes.subarray(8 + Number(bytes.readBigUInt64LE())));
  expect(await hashesOf(file)).toEqual({
    sha256: sha(bytes),
    tensors,
    autoV1: sha(bytes.subarray(0x100000, 0x110000)).slice(0, 8),
    autoV2: sha(bytes).slice(0, 10),
    autoV3: tensors.slice(0, 12),
    stated: { key: 'sshs_model_hash', value: 'f'.repeat(64), isTrue: false },
  });
  const again = await hashesOf(openSafetensors(write({ 'modelspec.hash_sha256': `0x${tensors}` })));
  expect(again.stated?.isTrue).toBe(true);
});
