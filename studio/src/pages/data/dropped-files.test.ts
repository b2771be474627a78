/** What is dropped becomes pictures with captions; everything else is told. */
import { expect, test } from 'vitest';
import { allowedName, folderNameOf, pairFiles } from './dropped-files.ts';

const given = (...paths: string[]) =>
  paths.map(path => ({ path, file: new File([path], path.split('/').at(-1) ?? '') }));
const shown = (...paths: string[]) => {
  const { pictures, leftOut } = pairFiles(given(...paths));
  return {
    pictures: pictures.map(({ path, caption }) => (caption ? `${path} + ${caption.name}` : path)),
    leftOut: leftOut.map(({ path, reason }) => `${path}: ${reason}`),
  };
};

test('captions go with the picture of their name in their folder', () => {
  expect(shown('set/2.PNG', 'set/10.jpg', 'set/10.txt', 'set/2.txt', 'other/2.txt')).toEqual({
    pictures: ['set/2.PNG + 2.txt', 'set/10.jpg + 10.txt'],
    leftOut: ['other/2.txt: a caption without a picture of its name'],
  });
});

test('what is no picture is told with what to do, hidden files are not worth a word', () => {
  expect(
    shown('a/.DS_Store', 'a/Thumbs.db', '__MACOSX/a/1.png', 'a/all.zip', 'a/1.heic', 'a/notes.pdf', 'README'),
  ).toEqual({
    pictures: [],
    leftOut: [
      'a/all.zip: an archive: unpack it and drop its folder',
      'a/1.heic: HEIC cannot be read here: save it as JPEG or PNG',
      'a/notes.pdf: .pdf is not a picture',
      'README: not a picture',
    ],
  });
});

test('a dropped folder names the new data set', () => {
  expect(folderNameOf(given('10_cat/1.png', '10_cat/x/2.png'))).toBe('10_cat');
  expect(folderNameOf(given('1.png', '2.png'))).toBeUndefined();
  expect(folderNameOf(given('a/1.png', 'b/2.png'))).toBeUndefined();
  expect(allowedName('  (my) cat/дом: #1 ')).toBe('my cat дом 1');
  expect(allowedName('../..')).toBe('');
});
