/** The report on the page: crops, badges, what to do. */
import { expect, test } from 'vitest';
import { badgesOf, cropBox, cropWords, reportOf, splitFindings } from './report-view.ts';

const picture = {
  ...{
    picture: 'a.png',
    width: 200,
    height: 100,
    bucket: { width: 64, height: 64 },
    resized: { width: 128, height: 64 },
  },
  ...{
    crop: { left: 32, top: 0 },
    scale: 0.64,
    cutAway: 0.5,
    caption: 'a',
    tokens: 1,
    captionCut: '',
    group: 0,
    findings: [],
  },
};

test('what is trained of a picture, in shares of it', () => {
  expect(cropBox(picture)).toEqual({ left: 25, top: 0, width: 50, height: 100 });
  expect(cropBox({ ...picture, cutAway: 0.001 })).toBeUndefined();
  expect(cropWords(picture)).toBe('200×100 → 64×64 · reduced ×0.64 · 50 % cut off · 1 token');
  expect(cropWords({ ...picture, scale: 2, cutAway: 0.031, tokens: 7 })).toContain(
    'enlarged ×2 · 3.1 % cut off · 7 tokens',
  );
});

test('findings of a picture are its badges, those of the whole set are not', () => {
  const findings = [
    { code: 'SAME_PICTURES', severity: 'high', pictures: ['a.png', 'b.png'], text: '', action: 'x' },
    { code: 'BACKGROUND_ALIKE', severity: 'high', pictures: ['a.png'], text: '', action: 'x' },
    { code: 'PICTURE_BLURRED', severity: 'medium', pictures: ['a.png'], text: '', action: 'x' },
    { code: 'TRIGGER_GUESSED', severity: 'note', pictures: [], text: '' },
  ] as const;
  const badges = badgesOf(findings);
  expect(badges.get('a.png')?.map(({ text }) => text)).toEqual(['copy', 'blurred']);
  expect(badges.get('b.png')).toHaveLength(1);
  const { toDo, notes } = splitFindings(findings);
  expect([toDo.length, notes.length]).toEqual([3, 1]);
});

test('an answer that is no report is none', () => {
  expect(reportOf(undefined)).toBeUndefined();
  expect(reportOf({ pictures: 3 })).toBeUndefined();
  expect(reportOf({ report: { pictures: [], findings: [] } })).toEqual({ pictures: [], findings: [] });
});
