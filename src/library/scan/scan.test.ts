/** Scans: what is found where, and what becomes of cards when files move, change, break or go away. */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../test/support/pictures.ts';
import { writeLora } from '../../../test/support/small-loras.ts';
import { openSafetensors, rewriteMetadata } from '../../files/index.ts';
import { dataFolderAt, makeDataFolders } from '../../workbench/index.ts';
import type { Library } from '../library.ts';
import { openLibrary } from '../open-library.ts';

const opened: Library[] = [];
afterEach(() => {
  for (const library of opened.splice(0)) library.close();
});

function studio() {
  const root = temporaryFolder();
  const data = dataFolderAt(join(root, 'data'));
  makeDataFolders(data);
  const models = join(root, 'models');
  mkdirSync(models);
  const open = (options = {}): Library => {
    const library = openLibrary(data, options);
    opened.push(library);
    return library;
  };
  return { root, data, models, open };
}

/** Its only LoRA. */
const only = (library: Library) => {
  const { cards, total } = library.search({ use: 'lora' });
  expect(total).toBe(1);
  return cards[0];
};

/** Files that are older than the clock's tick, as nearly all are. */
const age = (path: string, seconds = 100): void => {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
};

async function withOne() {
  const place = studio();
  const library = place.open();
  library.addFolder(place.models);
  const path = join(place.models, 'zorbi.safetensors');
  writeLora(path);
  age(path);
  const summary = await library.scan();
  return { ...place, library, path, summary };
}

test('a card tells what its file is', async () => {
  const { library, summary, path } = await withOne();
  expect(summary).toMatchObject({ seen: 1, added: 1, changed: 0, moved: 0, missing: 0, broken: 0 });
  const card = only(library);
  expect(card).toMatchObject({
    ...{ name: 'zorbi', fileName: 'zorbi.safetensors', place: '', state: 'present', use: 'lora' },
    ...{ family: 'SD 1.x', kind: 'LoRA', rank: 4, alpha: 2 },
  });
  expect(card.id).toMatch(/^[0-9a-f]{16}$/);
  expect(library.pathOf(card.id)).toBe(path);
  expect(library.card(card.id.slice(0, 8))?.id).toBe(card.id);
});

test('the embedded model is there before anything is scanned', () => {
  const { open } = studio();
  const card = open().card('pocket');
  expect(card).toMatchObject({ id: 'pocket', use: 'checkpoint', family: 'pocket', state: 'present' });
});

describe('what the user wrote of a card stays with it', () => {
  const edited = async () => {
    const place = await withOne();
    const { id } = only(place.library);
    place.library.edit(id, { name: 'My zorbi', favourite: true, notes: 'good at 0.7' });
    return { ...place, id };
  };
  const check = (library: Library, id: string): void =>
    expect(library.card(id)).toMatchObject({
      ...{ id, name: 'My zorbi', favourite: true, notes: 'good at 0.7', state: 'present' },
    });

  test('after a move and another name', async () => {
    const { library, models, path, id } = await edited();
    const { addedAt } = only(library);
    mkdirSync(join(models, 'people'));
    renameSync(path, join(models, 'people', 'other name.safetensors'));
    expect(await library.scan()).toMatchObject({ added: 0, moved: 1, missing: 0 });
    check(library, id);
    expect(only(library)).toMatchObject({ place: 'people', fileName: 'other name.safetensors', addedAt });
  });

  test('after its metadata were edited', async () => {
    const { library, path, id } = await edited();
    const copy = `${path}.new.safetensors`;
    await rewriteMetadata(openSafetensors(path), copy, { 'modelspec.title': 'Zorbi', ss_output_name: 'z' });
    renameSync(copy, path);
    expect(await library.scan()).toMatchObject({ added: 0, changed: 1 });
    check(library, id);
    expect(only(library).id).toBe(id);
  });

  test('while its drive is away, also with an index made anew', async () => {
    const { library, root, models, data, open, id } = await edited();
    renameSync(models, join(root, 'unplugged'));
    expect(await library.scan()).toMatchObject({ missing: 1 });
    expect(only(library)).toMatchObject({ state: 'missing', name: 'My zorbi', family: 'SD 1.x' });
    expect(() => library.pathOf(id)).toThrow(expect.objectContaining({ code: 'CARD_MISSING' }));
    library.close();
    rmSync(data.cache, { recursive: true });
    const anew = open();
    await anew.scan();
    expect(only(anew)).toMatchObject({ state: 'missing', name: 'My zorbi', rank: 4 });
    renameSync(join(root, 'unplugged'), models);
    expect(await anew.scan()).toMatchObject({ missing: 0 });
    check(anew, id);
  });

  test('after the file was deleted; then the card can be forgotten', async () => {
    const { library, path, id } = await edited();
    unlinkSync(path);
    expect(await library.scan()).toMatchObject({ seen: 0, missing: 1 });
    expect(only(library).state).toBe('missing');
    library.forget(id);
    expect(library.search({ use: 'lora' }).total).toBe(0);
    writeLora(path);
    await library.scan();
    check(library, id);
  });

  test('after its folder was taken out of the library and put back', async () => {
    const { library, models, id } = await edited();
    const [folder] = library.folders().filter(({ layout }) => layout === 'folder');
    library.removeFolder(folder.id);
    expect(library.search({ use: 'lora' }).total).toBe(0);
    library.addFolder(models);
    await library.scan();
    check(library, id);
  });

  test('when another training overwrites the file, as a missing card', async () => {
    const { library, path, id } = await edited();
    writeLora(path, { seed: 2 });
    await library.scan();
    const { cards } = library.search({ use: 'lora', sort: 'name' });
    expect(cards.map(({ name, state }) => [name, state])).toEqual([
      ['My zorbi', 'missing'],
      ['zorbi', 'present'],
    ]);
    expect(library.card(id)?.notes).toBe('good at 0.7');
  });
});

test('a file that is overwritten leaves no card behind that nobody wrote of', async () => {
  const { library, path } = await withOne();
  writeLora(path, { seed: 2 });
  expect(await library.scan()).toMatchObject({ changed: 1, added: 0, missing: 0 });
  only(library);
});

test('nothing new: nothing is read', async () => {
  const { library } = await withOne();
  const progress: number[] = [];
  const summary = await library.scan({ onProgress: (_, total) => progress.push(total) });
  expect(summary).toMatchObject({ seen: 1, added: 0, changed: 0, moved: 0 });
  expect(Math.max(...progress)).toBe(0);
});

test('a file that is still being copied is broken, and whole once it is', async () => {
  const { library, models } = await withOne();
  const path = join(models, 'copying.safetensors');
  writeLora(path, { seed: 3 });
  const whole = readFileSync(path);
  for (const length of [0, 5, 300, whole.length - 1]) {
    writeFileSync(path, whole.subarray(0, length));
    expect(await library.scan()).toMatchObject({ seen: 2, broken: 1 });
    const [broken] = library.search({ state: 'broken' }).cards;
    expect(broken.fault).toMatchObject({ code: 'FORMAT_TRUNCATED' });
    expect(broken.name).toBe('copying');
  }
  writeFileSync(path, whole);
  expect(await library.scan()).toMatchObject({ seen: 2, broken: 0, missing: 0 });
  expect(library.search({ use: 'lora' }).total).toBe(2);
});

test('a file that changes in the tick of its first scan is read again', async () => {
  const { library, models } = await withOne();
  const path = join(models, 'quick.safetensors');
  writeLora(path, { seed: 4 });
  const now = Date.now() / 1000;
  utimesSync(path, now, now);
  await library.scan();
  const [before] = library.search({ text: 'quick' }).cards;
  writeLora(path, { seed: 5 });
  utimesSync(path, now, now);
  await library.scan();
  expect(library.search({ text: 'quick' }).cards[0].id).not.toBe(before.id);
});

test('epochs of one run have cards of their own; copies share one', async () => {
  const { library, models, path } = await withOne();
  const metadata = { ss_output_name: 'run', ss_session_id: '77' };
  for (const [name, seed, steps] of [
    ['run-000001', 11, '100'],
    ['run-000002', 12, '200'],
    ['run', 13, '300'],
  ] as const)
    writeLora(join(models, `${name}.safetensors`), { seed, metadata: { ...metadata, ss_steps: steps } });
  mkdirSync(join(models, 'backup'));
  copyFileSync(path, join(models, 'backup', 'zorbi copy.safetensors'));
  await library.scan();
  const { cards, total } = library.search({ text: 'run', sort: 'name' });
  expect(total).toBe(3);
  expect(new Set(cards.map(({ series }) => series)).size).toBe(1);
  expect(library.card(cards[0].id)?.versions.map(({ name, step }) => [name, step])).toEqual([
    ['run-000001', 100],
    ['run-000002', 200],
    ['run', 300],
  ]);
  expect(library.search({ text: 'run', grouped: true })).toMatchObject({
    total: 1,
    cards: [{ name: 'run' }],
  });
  expect(library.search({ use: 'lora' }).total).toBe(4);
  const [zorbi] = library.search({ text: 'zorbi' }).cards;
  expect(library.card(zorbi.id)?.copies).toHaveLength(1);
  const size = readFileSync(path).length;
  expect(library.duplicates()).toMatchObject([{ id: zorbi.id, bytes: size, isSame: false }]);
  await library.hash(zorbi.id);
  expect(library.duplicates()).toMatchObject([{ isSame: false }]);
  await library.hash(zorbi.id, undefined, { copies: true });
  expect(library.duplicates()).toMatchObject([{ id: zorbi.id, bytes: size, isSame: true }]);
});

test('files that only look alike are no duplicates once they were read', async () => {
  const { library, models } = await withOne();
  const [first, second] = ['big a', 'big b'].map(name => join(models, `${name}.safetensors`));
  writeLora(first, { rank: 256 });
  const bytes = readFileSync(first);
  // Far from any sample: they are 1/11 of the data from one another.
  bytes[Math.floor(bytes.length * (4.5 / 11))] ^= 1;
  writeFileSync(second, bytes);
  for (const path of [first, second]) age(path);
  await library.scan();
  const [{ id }] = library.duplicates();
  expect(library.duplicates()).toMatchObject([{ files: [first, second], isSame: false }]);
  await library.hash(id, undefined, { copies: true });
  expect(library.duplicates()).toEqual([]);
});

test('an entry that cannot be looked at is told and stops nothing', async () => {
  const { library, models, root } = await withOne();
  symlinkSync('self.safetensors', join(models, 'self.safetensors'));
  symlinkSync('self', join(models, 'self'));
  symlinkSync('zorbi.json', join(models, 'zorbi.json'));
  const other = join(root, 'other');
  mkdirSync(other);
  library.addFolder(other);
  rmSync(other, { recursive: true });
  symlinkSync('other', other);
  const { seen, skipped, missing } = await library.scan();
  expect([seen, missing]).toEqual([1, 0]);
  expect(skipped.map(({ path }) => path).sort()).toEqual(
    ['self', 'self.safetensors', 'zorbi.json'].map(name => join(models, name)),
  );
  expect(skipped[0].reason).toBe('ELOOP: too many symbolic links encountered');
  expect(library.folders().find(({ path }) => path === other)?.state).toBe('missing');
});

test.skipIf(process.getuid?.() === 0)('a folder that may not be read counts as missing', async () => {
  const { library, models } = await withOne();
  const { id } = only(library);
  library.edit(id, { favourite: true });
  chmodSync(models, 0);
  const { missing, skipped } = await library.scan();
  chmodSync(models, 0o700);
  expect([missing, skipped.map(({ path }) => path)]).toEqual([1, [models]]);
  await library.scan();
  expect(only(library)).toMatchObject({ id, state: 'present', favourite: true });
});

test('links: followed inside, told when they lead out, no loops', async () => {
  const { library, models, root, path } = await withOne();
  const outside = join(root, 'outside');
  mkdirSync(outside);
  writeLora(join(outside, 'secret.safetensors'), { seed: 6 });
  symlinkSync(outside, join(models, 'way out'));
  symlinkSync(join(outside, 'secret.safetensors'), join(models, 'secret.safetensors'));
  symlinkSync(models, join(models, 'loop'));
  symlinkSync(path, join(models, 'same.safetensors'));
  const summary = await library.scan();
  expect(summary.seen).toBe(2);
  expect(summary.skipped.map(one => one.path).sort()).toEqual(
    [join(models, 'secret.safetensors'), join(models, 'way out')].sort(),
  );
  only(library);
  // The same file by two names takes no room twice.
  expect(library.duplicates()).toEqual([]);
});

test('pickles and other files are told, not opened', async () => {
  const { library, models } = await withOne();
  writeFileSync(join(models, 'old.ckpt'), Buffer.from([0x80, 2, 0x63, 0x6f, 0x73, 0x0a]));
  writeFileSync(join(models, 'old.pt'), Buffer.from('cos\nsystem\n(S"touch /tmp/x"\ntR.'));
  writeFileSync(join(models, 'page.safetensors'), '<!doctype html><title>Log in</title>');
  writeFileSync(join(models, 'optimizer.bin'), 'x');
  await library.scan();
  const { cards } = library.search({ state: 'broken', sort: 'name' });
  expect(cards.map(({ fileName, fault }) => [fileName, fault?.code])).toEqual([
    ['old.ckpt', 'FORMAT_PICKLE'],
    ['old.pt', 'FORMAT_PICKLE'],
    ['page.safetensors', expect.stringMatching(/^FORMAT_/)],
  ]);
});

test('side files: words of other programs, and changes to them', async () => {
  const { library, models } = await withOne();
  const side = join(models, 'zorbi.json');
  writeFileSync(
    side,
    JSON.stringify({ 'activation text': 'zrb person', 'preferred weight': 0.7, notes: 'mine' }),
  );
  expect(await library.scan()).toMatchObject({ changed: 1 });
  expect(only(library)).toMatchObject({ notes: 'mine', strength: 0.7, triggerOrigin: 'side-file' });
  expect(library.search({ text: 'zrb' }).total).toBe(1);
  writeFileSync(side, JSON.stringify({ 'activation text': 'zork', notes: 'other' }));
  await library.scan();
  expect(library.search({ text: 'zrb' }).total).toBe(0);
  expect(only(library).notes).toBe('other');
  unlinkSync(side);
  await library.scan();
  expect(only(library)).toMatchObject({ notes: '', triggers: [] });
});

test('metadata that say another family than the tensors', async () => {
  const { library, models } = await withOne();
  writeLora(join(models, 'liar.safetensors'), {
    seed: 8,
    metadata: { ss_base_model_version: 'sdxl_base_v1-0' },
  });
  await library.scan();
  const [card] = library.search({ text: 'liar' }).cards;
  expect(card).toMatchObject({ family: 'SD 1.x', claimedFamily: 'SDXL' });
  expect(library.card(card.id)?.findings).toMatchObject([{ code: 'FAMILY_DISAGREES', level: 'warning' }]);
});

test('a scan can be called off, and goes on where it stopped', async () => {
  const { library, models } = await withOne();
  for (let i = 0; i < 130; i++) writeLora(join(models, `many ${i}.safetensors`), { seed: 100 + i });
  const stop = new AbortController();
  const work = library.scan({
    signal: stop.signal,
    onProgress: done => done > 0 && stop.abort(new Error('called off')),
  });
  await expect(work).rejects.toThrow('called off');
  const found = library.search({ use: 'lora' }).total;
  expect(found).toBeGreaterThan(1);
  expect(found).toBeLessThan(131);
  await library.scan();
  expect(library.search({ use: 'lora' }).total).toBe(131);
});

test('a file of another length than its header says', async () => {
  const { library, path } = await withOne();
  appendFileSync(path, 'x');
  await library.scan();
  expect(only(library)).toMatchObject({ state: 'broken' });
  truncateSync(path, readFileSync(path).length - 1);
  expect(await library.scan()).toMatchObject({ broken: 0 });
});

test('a folder that is removed while it is scanned', async () => {
  const { library, models } = await withOne();
  const [{ id }] = library.folders().filter(({ layout }) => layout === 'folder');
  for (let i = 0; i < 60; i++) writeLora(join(models, `more ${i}.safetensors`), { seed: 200 + i });
  const scan = library.scan({ onProgress: done => done > 0 && done < 60 && library.removeFolder(id) });
  await scan.catch(error => expect(error).toMatchObject({ code: 'FOLDER_UNKNOWN' }));
  await library.scan();
  expect(library.search({ use: 'lora' }).total).toBe(0);
});
