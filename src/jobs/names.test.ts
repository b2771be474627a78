/** Ids become paths within their folders, or an answer. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestStudio } from '../../test/support/job-context.ts';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { traversalForms } from '../../test/support/traversal-forms.ts';

const outside = temporaryFolder();
const away = join(outside, 'away');
const studio = openTestStudio([
  { path: outside, uses: ['lora', 'checkpoint'] },
  { path: away, uses: ['lora'] },
]);
const { data, names, cards } = studio;
mkdirSync(join(data.datasets, 'my set'));
if (process.platform !== 'win32') symlinkSync(outside, join(data.datasets, 'link'));
writeFileSync(join(outside, 'a.safetensors'), '');
cards.set('a000', { path: join(outside, 'a.safetensors'), use: 'lora' });
cards.set('b000', { path: join(outside, 'b.safetensors'), use: 'checkpoint' });
const upload = 'a'.repeat(32);
writeFileSync(join(data.uploads, `${upload}.png`), '');

test('what there is', () => {
  expect(names.base('pocket').path).toMatch(/pretrained[\\/]pocket$/);
  expect(names.lora('a000')).toEqual({ path: join(outside, 'a.safetensors'), name: 'a' });
  expect(names.dataset('my set')).toMatchObject({ path: join(data.datasets, 'my set'), name: 'my set' });
  expect(names.dataset('example:zorbi-character').path).toMatch(/examples[\\/]zorbi-character$/);
  expect(names.upload(upload)).toBe(join(data.uploads, `${upload}.png`));
});

test('folders of the library that are there, and the own one first', () => {
  expect(names.loraFolders).toEqual([data.loras, outside]);
  mkdirSync(away);
  expect(names.loraFolders).toEqual([data.loras, outside, away]);
  expect(names.embeddingFolders).toEqual([data.embeddings]);
  expect(names.wildcardFolders).toEqual([data.wildcards]);
});

test.each([
  ['CARD_UNKNOWN', () => names.lora('ffff')],
  ['CARD_WRONG_USE', () => names.base('a000')],
  ['CARD_MISSING', () => names.base('b000')],
  ['DATASET_UNKNOWN', () => names.dataset('nothing')],
  ['DATASET_UNKNOWN', () => names.dataset('folder:0000000000000000')],
  ['UPLOAD_UNKNOWN', () => names.upload('b'.repeat(32))],
])('%s', (code, look) => {
  expect(look).toThrow(expect.objectContaining({ name: 'LoraError', code }));
});

test.each(traversalForms)('no id is a way out: $what $form', ({ form }) => {
  for (const id of [form, `example:${form}`, `folder:${form}`])
    expect(() => names.dataset(id)).toThrow(expect.objectContaining({ code: 'DATASET_UNKNOWN' }));
  expect(() => names.upload(form)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^(?:PATH_OUTSIDE|UPLOAD_UNKNOWN)$/) }),
  );
});

test.skipIf(process.platform === 'win32')('a link out of the data folder is no data set', () => {
  expect(() => names.dataset('link')).toThrow(expect.objectContaining({ code: 'DATASET_UNKNOWN' }));
});
