/** @file The page Data in a real browser: a folder becomes a data set, faults are named, captions are edited and taken back. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/pictures.ts';
import {
  openBrowser,
  openPage,
  type RunningStudio,
  seriousFindings,
  sizes,
  startStudio,
  visit,
} from './support.ts';

/** Pages answer at once; a busy machine does not. */
const soon = { timeout: 20_000 };

let browser: Browser | undefined;
let studio: RunningStudio;

beforeAll(async () => {
  browser = await openBrowser();
  if (browser) studio = await startStudio();
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await studio?.stop();
}, 30_000);

async function picture(path: string, hue: number, width = 96, height = 64): Promise<void> {
  const background = { r: (hue * 41) % 256, g: (hue * 83) % 256, b: 90 };
  const spot = await sharp({ create: { width: 24, height: 24, channels: 3, background: '#ffffff' } })
    .png()
    .toBuffer();
  await sharp({ create: { width, height, channels: 3, background } })
    .composite([{ input: spot, left: (hue * 7) % (width - 24), top: (hue * 5) % (height - 24) }])
    .png()
    .toFile(path);
}

/** Pictures with captions, a text that calls itself a picture, and a file that is none. */
async function folderOfPictures(count: number): Promise<string> {
  const folder = join(temporaryFolder(), 'hats');
  mkdirSync(folder);
  for (let i = 0; i < count; i++) {
    await picture(join(folder, `hat-${i}.png`), i + 1);
    if (i < count - 1) writeFileSync(join(folder, `hat-${i}.txt`), `a red hat number ${i}`);
  }
  writeFileSync(join(folder, 'broken.png'), 'this is a text');
  writeFileSync(join(folder, 'notes.pdf'), 'no picture');
  return folder;
}

const cell = (page: Page, name: string) => page.getByRole('gridcell', { name: new RegExp(`^${name}`) });

interface Whole {
  readonly items: readonly { readonly id: string; readonly name: string; readonly caption: string }[];
}
const captions = async (): Promise<string[]> =>
  (await studio.call<Whole>('GET', '/api/v1/datasets/hats')).items.map(({ caption }) => caption);

describe('data sets in a browser', () => {
  test('a folder becomes a data set; what is no picture is named with its reason', async ({ skip }) => {
    if (!browser) return skip();
    const folder = await folderOfPictures(6);
    const { page, close } = await openPage(browser, studio);
    await visit(page, '/data', 'Data');
    await page.getByRole('button', { name: 'New data set' }).click();
    await page.getByRole('dialog').locator('.pick-folder').setInputFiles(folder);
    await page.getByText('7 pictures, 5 of them with captions; 1 file left out').waitFor();
    expect(await page.getByLabel('Name', { exact: true }).inputValue()).toBe('hats');
    expect(await page.getByText('.pdf is not a picture').count()).toBe(1);
    await page.getByRole('button', { name: 'Create with 7 pictures' }).click();
    await page.getByRole('heading', { level: 1, name: 'hats' }).waitFor();
    await page.getByText('6 pictures came, 1 did not').waitFor({ timeout: 60_000 });
    const uploads = page.getByRole('region', { name: 'Uploads' });
    expect(await uploads.textContent()).toContain('broken.png');
    expect(await uploads.getByRole('button', { name: 'Try it again' }).count()).toBe(1);
    await cell(page, 'hat-5.png').waitFor();
    expect(await captions()).toEqual([...[0, 1, 2, 3, 4].map(i => `a red hat number ${i}`), '']);
    await close();
  }, 120_000);

  test('one caption is written in its place, and taken back', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close, faults } = await openPage(browser, studio);
    await visit(page, '/data/hats', 'hats');
    await cell(page, 'hat-0.png').focus();
    await page.keyboard.press('e');
    await page.getByLabel('Caption of hat-0.png').waitFor();
    await page.keyboard.type(', at night');
    await page.keyboard.press('Tab');
    // Tab saves and goes on to the next one; Escape leaves that as it was.
    await page.getByLabel('Caption of hat-1.png').waitFor();
    await page.keyboard.type('not this');
    await page.keyboard.press('Escape');
    await expect.poll(captions, soon).toContain('a red hat number 0, at night');
    expect(await captions()).toContain('a red hat number 1');
    await page.getByRole('button', { name: 'More' }).first().click();
    await page.getByRole('menuitem', { name: 'Undo the last caption change' }).click();
    await expect.poll(captions, soon).not.toContain('a red hat number 0, at night');
    expect(faults()).toEqual([]);
    await close();
  }, 60_000);

  test('many captions at once: every change is shown before it is written, and can be undone', async ({
    skip,
  }) => {
    if (!browser) return skip();
    const { page, close, faults } = await openPage(browser, studio);
    await visit(page, '/data/hats', 'hats');
    const before = await captions();
    // Shift and an arrow select a range, and only that is changed.
    await cell(page, 'hat-0.png').focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.getByText('· 3 selected').waitFor();
    await page.getByRole('tab', { name: 'Captions' }).click();
    await page.getByLabel('Change', { exact: true }).selectOption('replace');
    await page.getByLabel('What', { exact: true }).fill('red');
    await page.getByLabel('By', { exact: true }).fill('blue');
    await page.getByRole('button', { name: 'Show what changes' }).click();
    const dialog = page.getByRole('dialog', { name: '3 captions would change' });
    await dialog.waitFor();
    expect(await dialog.locator('del').allTextContents()).toEqual(['red', 'red', 'red']);
    expect(await dialog.locator('ins').allTextContents()).toEqual(['blue', 'blue', 'blue']);
    expect(await captions()).toEqual(before);
    await dialog.getByRole('button', { name: 'Write 3 captions' }).click();
    await expect
      .poll(async () => (await captions()).filter(text => text.includes('blue')).length, soon)
      .toBe(3);
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await expect.poll(captions, soon).toEqual(before);
    expect(faults()).toEqual([]);
    await close();
  }, 60_000);

  test('filters, and the report with the pictures of a finding', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close, faults } = await openPage(browser, studio);
    await visit(page, '/data/hats', 'hats');
    await page.getByLabel('Find in captions and names').fill('number 3');
    await page.getByText('1 of 6 shown').waitFor();
    await page.getByLabel('Find in captions and names').fill('');
    await page.getByRole('tab', { name: 'Words' }).click();
    await page.getByRole('button', { name: 'red 5' }).click();
    await page.getByText('5 of 6 shown').waitFor();
    await page.getByRole('button', { name: 'red 5' }).click();
    await page.getByRole('tab', { name: 'To do' }).click();
    await page.getByRole('heading', { name: 'What to do first' }).waitFor({ timeout: 90_000 });
    const missing = page
      .getByRole('listitem')
      .filter({ hasText: /no caption/i })
      .first();
    await missing.getByRole('button', { name: 'Show the picture' }).click();
    await page.getByText('1 of 6 shown').waitFor();
    await cell(page, 'hat-5.png').waitFor();
    expect(faults()).toEqual([]);
    await close();
  }, 150_000);

  test('a folder of this machine is used where it lies; a wrong one is refused with words', async ({
    skip,
  }) => {
    if (!browser) return skip();
    const folder = await folderOfPictures(2);
    const { page, close } = await openPage(browser, studio);
    await visit(page, '/data', 'Data');
    await page.getByRole('button', { name: 'Use a folder' }).click();
    await page.getByLabel('Folder', { exact: true }).fill(join(folder, 'nowhere'));
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByText('FOLDER_NOT_FOUND').waitFor();
    await page.getByLabel('Folder', { exact: true }).fill(folder);
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.getByRole('heading', { level: 1, name: 'hats' }).waitFor();
    await cell(page, 'hat-0.png').focus();
    await page.keyboard.press('e');
    await page.getByLabel('Caption of hat-0.png').waitFor();
    await page.keyboard.type('!');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => readFileSync(join(folder, 'hat-0.txt'), 'utf8').trim(), soon)
      .toBe('a red hat number 0!');
    await close();
  }, 60_000);

  test.for(Object.keys(sizes) as (keyof typeof sizes)[])(
    'a data set at $0 width: axe-core finds nothing serious',
    { timeout: 60_000 },
    async (size, { skip }) => {
      if (!browser) return skip();
      const { page, close } = await openPage(browser, studio, { size });
      await visit(page, '/data/hats', 'hats');
      const found: string[] = [];
      for (const tab of size === 'phone'
        ? ['Pictures', 'To do', 'Words', 'Captions']
        : ['To do', 'Words', 'Captions']) {
        await page.getByRole('tab', { name: tab }).click();
        await page.waitForTimeout(300);
        for (const { id, nodes } of await seriousFindings(page))
          found.push(`${tab}: ${id} ${nodes.join(' ')}`);
        const width = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect(width, `${tab} is wider than ${size}`).toBeLessThanOrEqual(0);
      }
      expect(found).toEqual([]);
      await close();
    },
  );
});
