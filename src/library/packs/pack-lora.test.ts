import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, expect, test } from 'vitest';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { serializeSafetensors } from '../../files/index.ts';
import { serializeLora } from '../../lora/index.ts';
import { completeRecipe, parseRecipe, recipeToml } from '../../training/index.ts';
import { readSideFiles } from '../side-files/read-side-files.ts';
import { packContentOf } from './pack-content.ts';
import { packLora } from './pack-lora.ts';
import { unpackLora } from './unpack-lora.ts';

const matrix = (shape: number[]) => ({ shape, data: new Float32Array(shape[0] * shape[1]).fill(0.01) });

function lora(metadata: Record<string, string> = {}, name = 'zork.safetensors'): string {
  const path = join(temporaryFolder(), name);
  const module = {
    target: 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q',
    ...{ kind: 'lora' as const, rank: 2, alpha: 2 },
    tensors: { down: matrix([2, 64]), up: matrix([64, 2]) },
  };
  writeFileSync(path, serializeLora({ modules: [module], metadata }, { dtype: 'float32' }).bytes);
  return path;
}

const besides = (path: string, ending: string): string => path.replace('.safetensors', ending);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const metadata = {
  'modelspec.title': 'Zork the hat',
  'modelspec.trigger_phrase': 'zork',
  'modelspec.license': 'CC-BY-4.0',
  'modelspec.author': 'somebody',
  ss_sd_model_name: 'C:\\Users\\me\\models\\base.safetensors',
  ss_new_sd_model_hash: 'a'.repeat(64),
};

test('a card of what the file, its side files and its training say', async () => {
  const path = lora(metadata);
  writeFileSync(
    besides(path, '.json'),
    JSON.stringify({ description: 'a hat', 'preferred weight': 0.8, notes: 'private' }),
  );
  const { card, notes } = await packContentOf(path);
  expect(card).toMatchObject({
    name: 'Zork the hat',
    kind: 'LoRA',
    rank: 2,
    triggers: [{ name: 'default', words: 'zork' }],
    description: 'a hat',
    strength: 0.8,
    license: 'CC-BY-4.0',
    author: 'somebody',
    base: { name: 'base.safetensors', sha256: 'a'.repeat(64) },
  });
  expect(card.notes).toBeUndefined();
  expect(notes).toEqual([expect.stringContaining('ss_sd_model_name')]);
  expect((await packContentOf(path, { withNotes: true })).card.notes).toBe('private');
});

test('there and back: everything of the card, the picture, recipe and licence', async () => {
  const path = lora(metadata);
  writeFileSync(besides(path, '.png'), stripes(1200, 600, 1));
  const card = {
    triggers: [
      { name: 'default', words: 'zork', strength: 0.7 },
      { name: 'armor', words: 'zork, armor', negative: 'bald' },
    ],
    tags: ['hat'],
  };
  const content = await packContentOf(path);
  const recipe = recipeToml(completeRecipe({ steps: 7 }, 'pocket', 64), { heading: ['x'] });
  const pack = besides(path, '.lorapack');
  const packed = await packLora({ ...content, card: { ...content.card, ...card }, recipe }, pack);
  expect(packed.members.map(({ name }) => name)).toEqual([
    'card.json',
    'LICENSE.txt',
    'recipe.toml',
    'previews/00.png',
    'lora/zork.safetensors',
  ]);
  const folder = join(temporaryFolder(), 'new', 'folder');
  const { models } = await unpackLora(pack, folder);
  expect(readFileSync(models[0].path).equals(readFileSync(path))).toBe(true);
  const side = await readSideFiles(models[0].path, readdirSync(folder));
  expect(side).toMatchObject({ ...card, name: 'Zork the hat', license: 'CC-BY-4.0', author: 'somebody' });
  expect(await sharp(side.preview).metadata()).toMatchObject({ width: 1024, height: 512, format: 'png' });
  const back = parseRecipe(readFileSync(join(folder, 'zork.recipe.toml'), 'utf8'), 'zork.recipe.toml');
  expect(back).toMatchObject({ steps: 7 });
  expect(readFileSync(join(folder, 'zork.LICENSE.txt'), 'utf8')).toBe(
    'Zork the hat\nLicence: CC-BY-4.0\nAuthor: somebody\n',
  );
});

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

test('the same bytes at another time, in another zone, from another folder', async () => {
  const path = lora(metadata);
  const first = besides(path, '.lorapack');
  await packLora(await packContentOf(path), first);
  const moved = join(temporaryFolder(), 'zork.safetensors');
  renameSync(path, moved);
  utimesSync(moved, 5, 5);
  process.env.TZ = 'Asia/Kolkata';
  await packLora(await packContentOf(moved), besides(moved, '.lorapack'));
  expect(sha256(readFileSync(besides(moved, '.lorapack')))).toBe(sha256(readFileSync(first)));
});

test('the recipe of the run that lies beside it', async () => {
  const path = lora();
  const folder = besides(path, '.run');
  mkdirSync(folder);
  const run = {
    format: 'lora-studio run 1',
    ...{ name: 'zork', status: 'finished', startedAt: 1, finishedAt: 2, resumed: [], device: 'cpu' },
    code: { name: 'lora-studio', version: '0.1.0' },
    recipe: completeRecipe({ steps: 9, trigger: 'zork' }, 'sd15', 512),
    data: { folder: 'pictures', pictures: [] },
    base: { name: 'base', family: 'sd15', hashes: {} },
    result: null,
  };
  writeFileSync(join(folder, 'run.json'), JSON.stringify(run));
  const { recipe, notes } = await packContentOf(path);
  expect(recipe).toContain('steps = 9');
  expect(notes).toEqual([]);
  writeFileSync(join(folder, 'run.json'), '{}');
  const broken = await packContentOf(path);
  expect([broken.recipe, broken.notes]).toEqual([
    undefined,
    [expect.stringMatching(/^the recipe is left out/)],
  ]);
});

test('a name that not every system allows becomes one that does', async () => {
  const path = lora({}, 'zork: the "hat".safetensors');
  const pack = join(dirname(path), 'x.lorapack');
  await packLora(await packContentOf(path), pack);
  const { models } = await unpackLora(pack, temporaryFolder());
  expect(models[0].path.split('/').at(-1)).toBe('zork- the -hat-.safetensors');
});

test('what cannot be packed', async () => {
  const path = lora();
  const code = (expected: string) => ({ code: expected });
  const content = await packContentOf(path);
  await expect(packLora(content, besides(path, '.zip'))).rejects.toMatchObject(code('PACK_ENDING'));
  await expect(packContentOf(besides(path, '.ckpt'))).rejects.toMatchObject(code('PACK_NOT_SAFETENSORS'));
  const other = besides(path, '-other.safetensors');
  const tensor = { name: 'x', dtype: 'float32' as const, shape: [1], bytes: new Uint8Array(4) };
  writeFileSync(other, serializeSafetensors([tensor], {}));
  await expect(packContentOf(other)).rejects.toMatchObject(code('PACK_NOT_A_LORA'));
  writeFileSync(other, 'nothing');
  await expect(packContentOf(other)).rejects.toMatchObject({ code: expect.stringMatching(/^FORMAT_/) });
  const picture = { ...content, previews: [Buffer.from('no picture')] };
  await expect(packLora(picture, besides(path, '.lorapack'))).rejects.toMatchObject(
    code('PICTURE_NOT_A_PICTURE'),
  );
  expect(readdirSync(dirname(path)).filter(name => /lorapack|tmp/.test(name))).toEqual([]);
});

test('a pack that is there stays, unless it is to be replaced', async () => {
  const path = lora();
  const pack = besides(path, '.lorapack');
  writeFileSync(pack, 'mine');
  await expect(packLora(await packContentOf(path), pack)).rejects.toMatchObject({ code: 'WRITE_EXISTS' });
  expect(readFileSync(pack, 'utf8')).toBe('mine');
  await packLora(await packContentOf(path), pack, { replace: true });
  expect(readFileSync(pack).length).toBeGreaterThan(1000);
});

test('stopped: nothing is left', async () => {
  const path = lora();
  const stop = AbortSignal.abort();
  const content = await packContentOf(path);
  await expect(packLora(content, besides(path, '.lorapack'), { signal: stop })).rejects.toThrow();
  expect(readdirSync(dirname(path))).toEqual(['zork.safetensors']);
});
