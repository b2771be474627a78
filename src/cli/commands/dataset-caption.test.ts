/** `lora dataset caption`: files before and after, byte for byte; crashes and edits by hand in between. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runHere, start } from '../../../test/support/command-line.ts';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { captionCommand } from './dataset-caption.ts';

const png = stripes(16, 16, 1);

/** A folder of pictures; what ends in .txt or .caption has these bytes. */
function dataset(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(temporaryFolder(), 'zorbi');
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

/** Every caption of a folder, as bytes. */
function captions(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const found = names.filter(name => /\.(txt|caption)$/i.test(name)).sort();
  return Object.fromEntries(found.map(name => [name, readFileSync(join(folder, name)).toString('base64')]));
}

const caption = (folder: string, ...options: string[]) => runHere(captionCommand(), folder, ...options);
const text = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');

describe('lora dataset caption', () => {
  test('shows what would change and writes nothing, until --write', async () => {
    const folder = dataset({
      'a.png': png,
      'a.txt': 'cat, hat',
      '10_red cat/b.png': png,
      'c.png': png,
      'c.caption': 'zork',
    });
    const before = captions(folder);
    const rules = ['--trigger', 'zork', '--template', '{trigger}, {folder}, {caption}'];
    const shown = await caption(folder, ...rules);
    expect(shown.stdout).toBe(
      [
        '10_red cat/b.txt (new)',
        '  + zork, red cat',
        'a.txt',
        '  - cat, hat',
        '  + zork, zorbi, cat, hat',
        'c.caption',
        '  - zork',
        '  + zorbi, zork',
        '3 captions would change (3 pictures); nothing is written yet: add --write\n',
      ].join('\n'),
    );
    expect(captions(folder)).toEqual(before);
    expect(existsSync(join(folder, '.lora-captions'))).toBe(false);
    const written = await caption(folder, ...rules, '--write');
    expect(written.stdout).toMatch(/3 captions written/);
    expect(text(folder, 'a.txt')).toBe('zork, zorbi, cat, hat');
    expect(text(folder, '10_red cat/b.txt')).toBe('zork, red cat\n');
    const undone = await caption(folder, '--undo');
    expect(undone.stdout).toBe(
      'edit 1 is undone (template "{trigger}, {folder}, {caption}", trigger "zork"): 2 captions as before, 1 that it had made removed\n',
    );
    expect(captions(folder)).toEqual(before);
    expect(await caption(folder, '--undo')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('CAPTION_NOTHING_TO_UNDO'),
    });
  });

  test('encodings: UTF-16 and Windows-1252 become UTF-8, and --undo brings their bytes back', async () => {
    const utf16 = Buffer.from('\uFEFFcafé, 帽子', 'utf16le');
    const folder = dataset({
      ...{ 'a.png': png, 'a.txt': utf16, 'b.png': png, 'b.txt': Buffer.from('caf\xe9, hat\r\n', 'latin1') },
      ...{
        'c.png': png,
        'c.txt': '\uFEFFcafé, hat\r\nmany lines, hat\r\n\r\n',
        'd.png': png,
        'd.txt': 'untouched \n',
      },
      ...{ '日本 😀.png': png, '日本 😀.txt': 'hat' },
    });
    const before = captions(folder);
    const outcome = await caption(folder, '--replace', 'hat=>帽子', '--replace', '帽子=>😀 hat', '--write');
    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toMatch(/b\.txt is not UTF-8; it was read as windows-1252/);
    const after = ['a.txt', 'b.txt', 'c.txt', 'd.txt', '日本 😀.txt'].map(name => text(folder, name));
    expect(after).toEqual([
      ...[
        'café, 😀 hat',
        'café, 😀 hat\r\n',
        'café, 😀 hat\r\nmany lines, 😀 hat\r\n\r\n',
        'untouched \n',
        '😀 hat',
      ],
    ]);
    await caption(folder, '--undo');
    expect(captions(folder)).toEqual(before);
  });

  test('what is no text is left out, said, and never written over', async () => {
    const folder = dataset({
      ...{ 'a.png': png, 'a.txt': Buffer.from([0, 1, 2, 255]), 'b.png': png, 'b.txt': 'x'.repeat(100_000) },
      ...{ 'c.png': png, 'c.txt': 'cat' },
    });
    const before = captions(folder);
    const { status, stdout, stderr } = await caption(folder, '--template', 'dog', '--write', '--json');
    expect(status).toBe(3);
    expect(stderr).toMatch(/left out: .*a\.png.*NUL byte[\s\S]*left out: .*b\.png.*100000 bytes/);
    const { changes, skipped } = JSON.parse(stdout);
    expect(changes).toEqual([{ path: 'c.txt', before: 'cat', after: 'dog' }]);
    expect(skipped.map(({ code }: { code: string }) => code)).toEqual([
      'CAPTION_BINARY',
      'CAPTION_TOO_LARGE',
    ]);
    expect(captions(folder)).toEqual({ ...before, 'c.txt': Buffer.from('dog').toString('base64') });
  });

  test('captions of JSON and metadata files are read, and written as .txt; masks get none', async () => {
    const folder = dataset({
      ...{
        'a.png': png,
        'a.json': '{"caption":"cat","tags":["hat"]}',
        'b.png': png,
        'c.png': png,
        'c.txt': '',
      },
      ...{
        'a-mask.png': png,
        'metadata.jsonl': '{"file_name":"b.png","text":"dog"}\n{"file_name":"c.png","text":"bird"}',
      },
    });
    const before = captions(folder);
    const outcome = await caption(folder, '--template', 'zork, {caption}', '--write');
    expect(outcome.status, outcome.stderr).toBe(0);
    expect(['a', 'b', 'c'].map(name => text(folder, `${name}.txt`))).toEqual([
      'zork, cat,hat\n',
      'zork, dog\n',
      'zork, bird\n',
    ]);
    expect(existsSync(join(folder, 'a-mask.txt'))).toBe(false);
    await caption(folder, '--undo');
    expect(captions(folder)).toEqual(before);
  });

  test('two pictures of one caption file', async () => {
    const folder = dataset({ 'a.png': png, 'a.jpg': png, 'b.png': png });
    expect(await caption(folder, '--template', '{name}', '--only', 'b*', '--write')).toMatchObject({
      status: 0,
    });
    expect(await caption(folder, '--template', '{name}', '--write')).toMatchObject({ status: 0 });
    expect(captions(folder)).toEqual({ 'a.txt': 'YQo=', 'b.txt': 'Ygo=' });
  });

  test('--only and --where choose; --undo takes one edit at a time, the last first', async () => {
    const folder = dataset({ 'a.png': png, 'a.txt': 'cat', 'x/b.png': png, 'x/b.txt': 'dog', 'c.png': png });
    const states = [captions(folder)];
    for (const options of [
      ['--add', 'one', '--where', 'has cat'],
      ['--add', 'two', '--only', 'x/*'],
      ['--template', '{name}', '--where', 'empty'],
      ['--sort'],
    ]) {
      await caption(folder, ...options, '--write');
      states.push(captions(folder));
    }
    expect(text(folder, 'a.txt')).toBe('cat, one');
    expect(text(folder, 'x/b.txt')).toBe('dog, two');
    expect(states[4]).toEqual(states[3]); // nothing to sort: no edit
    for (const state of states.slice(0, 3).reverse()) {
      expect((await caption(folder, '--undo')).status).toBe(0);
      expect(captions(folder)).toEqual(state);
    }
    const history = JSON.parse((await caption(folder, '--history', '--json')).stdout);
    expect(history.map(({ number, isUndone }: never) => [number, isUndone])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  test('text that was typed since stays, and is named', async () => {
    const folder = dataset({ 'a.png': png, 'a.txt': 'cat', 'b.png': png, 'b.txt': 'cat', 'c.png': png });
    await caption(folder, '--add', 'hat', '--write');
    writeFileSync(join(folder, 'b.txt'), 'by hand');
    writeFileSync(join(folder, 'c.txt'), 'also by hand');
    const { status, stdout, stderr } = await caption(folder, '--undo', '--json');
    expect(status).toBe(1);
    expect(stderr).toMatch(/not undone: b\.txt was changed since[\s\S]*not undone: c\.txt/);
    expect(JSON.parse(stdout)).toMatchObject({ restored: ['a.txt'], kept: ['b.txt', 'c.txt'] });
    expect([text(folder, 'b.txt'), text(folder, 'c.txt')]).toEqual(['by hand', 'also by hand']);
  });

  test('a history that leads out of the folder is refused', async () => {
    const folder = dataset({ 'a.png': png, 'a.txt': 'cat', '../other.txt': 'precious' });
    await caption(folder, '--add', 'hat', '--write');
    const log = join(folder, '.lora-captions/edit-000001.json');
    for (const path of ['../other.txt', '/etc/other.txt', 'a.png', 'x/../../other.txt', 'C:\\a.txt']) {
      const edit = JSON.parse(readFileSync(log, 'utf8'));
      edit.files[0] = { path, before: null, after: Buffer.from('precious').toString('base64') };
      writeFileSync(log, JSON.stringify(edit));
      expect(await caption(folder, '--undo'), path).toMatchObject({ status: 3 });
    }
    expect(text(folder, '../other.txt')).toBe('precious');
  });

  test('a link stays a link; its file changes', async () => {
    const folder = dataset({ 'a.png': png, 'shared/real.txt': 'cat' });
    symlinkSync(join(folder, 'shared/real.txt'), join(folder, 'a.txt'));
    await caption(folder, '--add', 'hat', '--write');
    expect(text(folder, 'shared/real.txt')).toBe('cat, hat');
    await caption(folder, '--undo');
    expect(text(folder, 'a.txt')).toBe('cat');
  });

  test.each([
    [['--write'], /nothing is to be changed/],
    [['--undo', '--add', 'x'], /knows no rules/],
    [['--undo', '--write'], /give one of/],
    [['--add', 'x', '--at', 'middle'], /give start or end/],
    [['--add', 'x', '--where', 'with hats'], /not understood/],
  ])('%j is refused', async (options, message) => {
    const folder = dataset({ 'a.png': png });
    const { status, stderr } = await caption(folder, ...options);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(readdirSync(folder)).toEqual(['a.png']);
  });
});

test('any edits, undone one by one, give every byte back', async () => {
  const bytes = fc.oneof(fc.constant(undefined), fc.string({ unit: 'binary', maxLength: 20 }));
  const tag = fc.constantFrom('cat', 'red_hat', '😀', 'zork', 'é');
  const rule = fc.oneof(
    tag.map(word => ['--add', word]),
    tag.map(word => ['--remove', word]),
    fc.tuple(tag, tag).map(([a, b]) => ['--replace', `${a}=>${b}`]),
    tag.map(word => ['--template', `${word}, {caption}`]),
    fc.constant(['--sort', '--dedupe']),
  );
  const property = fc.asyncProperty(
    fc.array(bytes, { minLength: 1, maxLength: 4 }),
    fc.array(rule, { minLength: 1, maxLength: 4 }),
    async (texts, rules) => {
      const files = texts.flatMap((caption, i) => [
        [`${i}.png`, png] as const,
        ...(caption === undefined ? [] : [[`${i}.txt`, Buffer.from(caption, 'latin1')] as const]),
      ]);
      const folder = dataset(Object.fromEntries(files));
      const states: Record<string, string>[] = [];
      for (const options of rules) {
        const before = captions(folder);
        const { stdout } = await caption(folder, ...options, '--write', '--json');
        if (JSON.parse(stdout).written) states.push(before);
      }
      for (const before of states.reverse()) {
        await caption(folder, '--undo');
        expect(captions(folder)).toEqual(before);
      }
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test('killed between the log and the last caption, --undo is right', async () => {
  const count = 300;
  const files = Array.from({ length: count }, (_, i) => [
    [`${i}.png`, png],
    ...(i % 3 === 0 ? [] : [[`${i}.txt`, `tag ${i}`]]),
  ]);
  const folder = dataset(Object.fromEntries(files.flat()));
  const before = captions(folder);
  const script = `
    import { captionCommand } from './src/cli/commands/dataset-caption.ts';
    await captionCommand().parseAsync([${JSON.stringify(folder)}, '--trigger', 'zork', '--write'], { from: 'user' });`;
  const running = start(['--input-type=module-typescript', '--eval', script], [process.execPath]);
  const early = join(folder, '101.txt'); // among the first ten in order of names
  while (!readFileSync(early, 'utf8').startsWith('zork') && running.process.exitCode === null)
    await new Promise(resolve => setTimeout(resolve, 1));
  running.process.kill('SIGKILL');
  await running.outcome;
  const now = captions(folder);
  const written = Object.keys(now).filter(name => now[name] !== before[name]).length;
  expect(written).toBeGreaterThan(1);
  expect(written).toBeLessThan(count);
  const undone = JSON.parse((await caption(folder, '--undo', '--json')).stdout);
  expect(undone.kept).toEqual([]);
  expect(undone.untouched.length).toBeGreaterThan(0);
  expect(captions(folder)).toEqual(before);
  const names = readdirSync(folder).filter(name => name.endsWith('.tmp'));
  expect(names.length).toBeLessThanOrEqual(1); // what the killed write had begun
});
