import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { exportPreview } from './export-preview.ts';
import { readSideFiles } from './read-side-files.ts';
import { type SideCard, writeSideFile } from './write-side-file.ts';

const card: SideCard = {
  name: 'Zork the hat',
  family: 'SDXL',
  triggers: [
    { name: 'default', words: 'zork', strength: 0.7, negative: 'bald' },
    { name: 'armor', words: 'zork, armor' },
  ],
  tags: ['hat', 'été'],
  notes: 'mine',
  description: 'a hat',
  favourite: true,
  license: 'CC-BY-4.0',
  author: 'somebody',
};

function model(name = 'zork.safetensors'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, 'tensors');
  return path;
}

const jsonAt = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8'));
const read = (path: string) => readSideFiles(path, readdirSync(join(path, '..')));

test('A1111: its own keys, and one of ours for what it has none for; read back it is all there', async () => {
  const path = model();
  const side = await writeSideFile('a1111', path, card);
  expect(jsonAt(side)).toEqual({
    description: 'a hat',
    'sd version': 'SDXL',
    'activation text': 'zork',
    'preferred weight': 0.7,
    'negative text': 'bald',
    notes: 'mine',
    'lora studio': {
      name: 'Zork the hat',
      author: 'somebody',
      license: 'CC-BY-4.0',
      tags: ['hat', 'été'],
      triggers: card.triggers,
    },
  });
  const { name, triggers, tags, license, author, notes, description, findings } = await read(path);
  const back = { name, triggers, tags, license, author, notes, description };
  const { family: _, favourite: __, ...expected } = card;
  expect(back).toEqual(expected);
  expect(findings).toEqual([]);
});

test('A1111: sets of the same words, or of negative words alone, are read back as they were', async () => {
  const sets = [
    { name: 'soft', words: 'zork', strength: 0.5 },
    { name: 'hard', words: 'zork', strength: 1.2, negative: 'blurry' },
    { name: 'against', words: '', negative: 'hat' },
  ];
  for (const triggers of [sets, sets.slice(1), sets.slice(2), [{ ...sets[2], name: 'default' }]]) {
    const path = model();
    await writeSideFile('a1111', path, { ...card, triggers });
    expect((await read(path)).triggers).toEqual(triggers);
  }
});

test('A1111: edited there afterwards, its words count and our other sets stay', async () => {
  const path = model();
  const side = await writeSideFile('a1111', path, card);
  writeFileSync(
    side,
    JSON.stringify({ ...jsonAt(side), 'activation text': 'zork hat', 'preferred weight': 0 }),
  );
  expect((await read(path)).triggers).toEqual([
    { name: 'default', words: 'zork hat', negative: 'bald' },
    { name: 'armor', words: 'zork, armor' },
  ]);
});

test('A1111: a plain card needs no key of ours, and takes an old one away', async () => {
  const path = model();
  await writeSideFile('a1111', path, card);
  const plain = { ...card, name: 'zork', triggers: [{ name: 'default', words: 'zork' }], tags: [] };
  const { author: _, license: __, ...bare } = plain;
  const side = await writeSideFile('a1111', path, bare, { replace: true });
  expect(jsonAt(side)).not.toHaveProperty('lora studio');
  expect(jsonAt(side)['preferred weight']).toBe(0);
});

test('LoRA-Manager: every field that its reader needs', async () => {
  const path = model();
  const side = await writeSideFile('lora-manager', path, { ...card, hashes: { sha256: 'a'.repeat(64) } });
  expect(jsonAt(side)).toMatchObject({
    file_name: 'zork',
    model_name: 'Zork the hat',
    file_path: path,
    size: 7,
    modified: expect.any(Number),
    sha256: 'a'.repeat(64),
    base_model: 'SDXL 1.0',
    preview_url: '',
    favorite: true,
    usage_tips: '{"strength":0.7}',
    trainedWords: ['zork', 'zork, armor'],
    civitai: { trainedWords: ['zork', 'zork, armor'] },
    hash_status: 'completed',
  });
  expect(await read(path)).toMatchObject({
    name: 'Zork the hat',
    favourite: true,
    strength: 0.7,
    family: 'SDXL',
  });
});

test('LoRA-Manager: a hash that is not known is computed', async () => {
  const side = await writeSideFile('lora-manager', model(), card);
  expect(jsonAt(side).sha256).toBe(createHash('sha256').update('tensors').digest('hex'));
});

test.each(['a1111', 'lora-manager'] as const)('%s: what is not known here stays', async dialect => {
  const path = model();
  const before = {
    'my own': { deep: [1, null, 'x'] },
    preview_nsfw_level: 4,
    civitai: { id: 12, trainedWords: ['old'] },
    usage_tips: '{"clip_skip":2,"strength":1}',
    modified: 12.5,
    'sd version': 'SD1',
    exclude: true,
  };
  const name = join(path, '..', dialect === 'a1111' ? 'zork.json' : 'zork.metadata.json');
  writeFileSync(name, JSON.stringify(before));
  const value = jsonAt(await writeSideFile(dialect, path, card, { replace: true }));
  expect(value).toMatchObject({ 'my own': { deep: [1, null, 'x'] }, preview_nsfw_level: 4, exclude: true });
  if (dialect === 'lora-manager')
    expect(value).toMatchObject({
      civitai: { id: 12, trainedWords: ['zork', 'zork, armor'] },
      usage_tips: '{"clip_skip":2,"strength":0.7}',
      modified: 12.5,
    });
});

test('numbers stay as another program wrote them, and a mark in front of the text is no fault', async () => {
  const path = model();
  const side = join(path, '..', 'zork.json');
  const numbers = '"seed": 1074293182739451073, "version": 7.0, "list": [1e3, -0, 2]';
  writeFileSync(side, `\ufeff{${numbers}, "preferred weight": 0.70}`);
  await writeSideFile('a1111', path, card);
  const text = readFileSync(side, 'utf8').replace(/\s+/g, ' ');
  expect(text).toContain('"seed": 1074293182739451073, "version": 7.0, "list": [ 1e3, -0, 2 ]');
});

test.each([
  ['a1111', 'zork.json', { notes: 'theirs', 'negative text': 'ugly', description: 'a hat' }],
  ['lora-manager', 'zork.metadata.json', { notes: 'theirs', tags: ['their tag'] }],
] as const)(
  '%s: what its user wrote is not emptied, and replaced only when asked',
  async (dialect, name, before) => {
    const path = model();
    const side = join(path, '..', name);
    const text = JSON.stringify(before);
    writeFileSync(side, text);
    const empty = {
      ...card,
      notes: '',
      tags: [],
      description: '',
      triggers: [{ name: 'default', words: 'zork' }],
    };
    await writeSideFile(dialect, path, empty);
    expect(jsonAt(side)).toMatchObject(before);
    writeFileSync(side, text);
    await expect(writeSideFile(dialect, path, card)).rejects.toMatchObject({
      code: 'SIDE_FILE_DIFFERS',
      message: expect.stringContaining('notes: "theirs" would become "mine"'),
    });
    expect(readFileSync(side, 'utf8')).toBe(text);
    await writeSideFile(dialect, path, card, { replace: true });
    expect(jsonAt(side).notes).toBe('mine');
  },
);

test.each(['{"cut', '[1]', '"x"'])('what cannot be read is left alone: %s', async content => {
  const path = model();
  const side = join(path, '..', 'zork.json');
  writeFileSync(side, content);
  await expect(writeSideFile('a1111', path, card)).rejects.toMatchObject({ code: 'SIDE_FILE_BROKEN' });
  expect(readFileSync(side, 'utf8')).toBe(content);
});

test.skipIf(process.getuid?.() === 0)('a folder that cannot be written: nothing is left', async () => {
  const path = model();
  chmodSync(join(path, '..'), 0o500);
  await expect(writeSideFile('a1111', path, card)).rejects.toMatchObject({ code: /^WRITE_/ });
  chmodSync(join(path, '..'), 0o700);
  expect(readdirSync(join(path, '..'))).toEqual(['zork.safetensors']);
});

test('a preview: small, PNG, and never over another', async () => {
  const path = model('my.zork.safetensors');
  const target = await exportPreview(
    path,
    await sharp(stripes(1600, 800, 1))
      .jpeg()
      .toBuffer(),
  );
  expect(target).toBe(path.replace('.safetensors', '.preview.png'));
  expect(await sharp(target).metadata()).toMatchObject({ format: 'png', width: 1024, height: 512 });
  const before = readFileSync(target);
  await expect(exportPreview(path, stripes(8, 8, 2))).rejects.toMatchObject({ code: 'WRITE_EXISTS' });
  expect(readFileSync(target).equals(before)).toBe(true);
  await exportPreview(path, stripes(8, 8, 2), { replace: true });
  expect((await sharp(target).metadata()).width).toBe(8);
});

test('what is no picture', async () => {
  const path = model();
  await expect(exportPreview(path, Buffer.from('<svg/>x'))).rejects.toMatchObject({
    code: 'PICTURE_NOT_A_PICTURE',
  });
  expect(existsSync(path.replace('.safetensors', '.preview.png'))).toBe(false);
});
