/** Names that lead out of a folder, in every form that is known, and names that do not. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/support/pictures.ts';
import { traversalForms } from '../../test/support/traversal-forms.ts';
import { resolveInside } from './resolve-inside.ts';

const root = temporaryFolder();
const outside = temporaryFolder();
mkdirSync(join(root, 'set', 'deep'), { recursive: true });
writeFileSync(join(root, 'set', 'a.png'), '');
writeFileSync(join(outside, 'secret'), '');

const refusal = expect.objectContaining({ code: 'PATH_OUTSIDE', exit: 'badInput' });

test('there are at least 120 forms, all different', () => {
  expect(new Set(traversalForms.map(({ form }) => form)).size).toBeGreaterThanOrEqual(120);
});

test.each(traversalForms)('refuses $what: $form', ({ form }) => {
  expect(() => resolveInside(root, form)).toThrow(refusal);
  // Also behind a folder that is there.
  if (!form.startsWith('/') && form !== '') expect(() => resolveInside(root, `set/${form}`)).toThrow(refusal);
});

test.each([
  ...[
    'a.png',
    'set/a.png',
    'set/deep',
    'not/there/yet.txt',
    'set/a.png/below-a-file',
    '.hidden',
    '..a',
    'a..b',
  ],
  ...[
    'a b.png',
    '1girl, (red:1.2).txt',
    'Bild 12 Uhr.png',
    '100%.png',
    'a%20b.png',
    'ümlaut.png',
    '日本語/絵.png',
  ],
  ...[
    'console.txt',
    'communication',
    'nullable.png',
    '~a.png',
    'a~1.png',
    "it's",
    '$HOME',
    'wait….png',
    '-rf',
  ],
])('takes %s', name => {
  expect(resolveInside(root, name)).toBe(join(root, ...name.split('/')));
});

test.skipIf(process.platform === 'win32')('a time in a name is no drive', () => {
  expect(resolveInside(root, 'Screenshot 12:30.png')).toBe(join(root, 'Screenshot 12:30.png'));
});

test('what is no text is refused', () => {
  for (const value of [undefined, null, 1, ['..'], { toString: () => 'a' }])
    expect(() => resolveInside(root, value as unknown as string)).toThrow(refusal);
});

test('messages say the name, shortened and without control characters, and not where the folder is', () => {
  const messageOf = (name: string): string => {
    try {
      return resolveInside(root, name);
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };
  expect(messageOf('../x')).toBe('"../x" is no name within the folder: it leads upwards');
  expect(messageOf('a\u009b\x1b[31m\n')).not.toMatch(/\p{Cc}/u);
  expect(messageOf(`${'a'.repeat(9000)}`).length).toBeLessThan(200);
  expect(messageOf('..')).not.toContain(root);
});

describe.skipIf(process.platform === 'win32')('links and what is no file', () => {
  const link = (to: string, name: string): string => {
    symlinkSync(to, join(root, name));
    return name;
  };
  link(outside, 'out');
  link(join(outside, 'secret'), 'secret');
  link('../..', 'up');
  link('loop-b', 'loop-a');
  link('loop-a', 'loop-b');
  link(join(outside, 'not-there'), 'dangling');
  link('out', 'twice');
  link('set', 'inner');
  link('.', 'self');
  execFileSync('mkfifo', [join(root, 'pipe')]);

  test.each([
    ...['out', 'out/secret', 'out/new', 'secret', 'up', 'up/etc/passwd', 'loop-a', 'loop-a/x', 'dangling'],
    ...['dangling/x', 'twice/secret', 'set/../out', 'inner/../../x', 'self', 'pipe', 'self/out/secret'],
  ])('refuses %s', name => {
    expect(() => resolveInside(root, name)).toThrow(refusal);
  });

  test('a link within the folder is followed, and the folder may be one itself', () => {
    expect(resolveInside(root, 'inner/a.png')).toBe(join(root, 'inner', 'a.png'));
    expect(resolveInside(root, 'self/set/a.png')).toBe(join(root, 'self', 'set', 'a.png'));
    const other = join(outside, 'link-to-root');
    symlinkSync(root, other);
    expect(resolveInside(other, 'set/a.png')).toBe(join(other, 'set', 'a.png'));
    expect(() => resolveInside(other, 'out/secret')).toThrow(refusal);
  });

  test('a folder whose name begins like the root is another one', () => {
    mkdirSync(`${root}-other`);
    symlinkSync(`${root}-other`, join(root, 'sibling'));
    expect(() => resolveInside(root, 'sibling/a')).toThrow(refusal);
  });
});

test('a root that is not there has nothing in it that leads out', () => {
  expect(resolveInside(join(root, 'no', 'such'), 'a/b')).toBe(join(root, 'no', 'such', 'a', 'b'));
});

test('any text: a path within the root, or a refusal', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '..',
      '.',
      '/',
      '\\',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '%00',
      ':',
      ' ',
      '~',
      'a',
      'set',
      '%c0%ae',
    ),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const text = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''));
  fc.assert(
    fc.property(text, name => {
      let path: string;
      try {
        path = resolveInside(root, name);
      } catch (error) {
        expect(error).toMatchObject({ code: 'PATH_OUTSIDE' });
        return;
      }
      expect(path.startsWith(`${root}/`) || path.startsWith(`${root}\\`)).toBe(true);
      expect(path.split(/[/\\]/)).not.toContain('..');
    }),
    { numRuns: 2000 },
  );
});
