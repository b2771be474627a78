/** The manifest inside a LoRA: the same for the same run, another for another one, and nothing private in it. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { finishedRun, secret } from '../../test/support/trained-run.ts';
import { findPrivate } from '../lora/index.ts';
import { codeHash, dataHash, loraManifest, manifestEntry, manifestKey } from './manifest.ts';

test('it tells data, base, code and recipe by hashes, in one line without private words', () => {
  const run = finishedRun({ regularisation: [`${secret}/dogs`], validationFolder: secret, seed: 5 });
  const manifest = loraManifest(run, 'ab12');
  expect(manifest).toMatchObject({
    format: 'lora-studio manifest 1',
    code: { name: 'lora-studio', sha256: codeHash() },
    data: { pictures: 3, sha256: dataHash(run.scan) },
    base: { name: 'my-base', family: 'sd15', sha256: 'ab12' },
    recipe: { seed: 5, rank: 8, steps: 100, regularisation: ['dogs'] },
    steps: 50,
  });
  const entry = manifestEntry(run, 'ab12');
  expect(JSON.parse(entry[manifestKey])).toEqual(JSON.parse(JSON.stringify(manifest)));
  expect(entry[manifestKey]).not.toContain('\n');
  expect(findPrivate(entry)).toEqual([]);
  for (const word of ['somebody', 'a.png', 'Red Hat']) expect(entry[manifestKey]).not.toContain(word);
});

test('data are told by content, captions and repeats, not by where they lie', () => {
  const hash = (captions: [string, string, string], folder?: string): string =>
    dataHash(finishedRun({}, folder === undefined ? { captions } : { captions, folder }).scan);
  const first = hash(['a', 'b', 'c']);
  expect(hash(['a', 'b', 'c'], `${secret}/elsewhere`)).toBe(first);
  expect(hash(['a', 'b', 'd'])).not.toBe(first);
  const text = JSON.stringify([
    ['00', 'a', 10],
    ['00', 'b', 10],
    ['00', 'c', 1],
  ]);
  expect(first).toBe(createHash('sha256').update(text).digest('hex'));
});
