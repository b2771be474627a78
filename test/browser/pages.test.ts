/** @file Every page of the studio in a real browser: axe-core finds nothing serious, keys reach everything, it is small and quick. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  openBrowser,
  openPage,
  type RunningStudio,
  seriousFindings,
  sizes,
  startStudio,
  visit,
} from './support.ts';

const pages = [
  { hash: '/data', heading: 'Data' },
  { hash: '/train', heading: 'Train' },
  { hash: '/generate', heading: 'Generate' },
  { hash: '/library', heading: 'Library' },
  { hash: '/compare', heading: 'Compare' },
  { hash: '/queue', heading: 'Queue' },
  { hash: '/settings', heading: 'Settings' },
  { hash: '/settings/folders', heading: 'Settings' },
  { hash: '/settings/machine', heading: 'Settings' },
  { hash: '/settings/about', heading: 'Settings' },
] as const;

const looks = (Object.keys(sizes) as (keyof typeof sizes)[]).flatMap(size =>
  (['light', 'dark'] as const).map(scheme => ({ size, scheme })),
);

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

const hasBrowser = (): Browser => browser!;

describe('the studio in a browser', () => {
  test.for(looks)('axe-core finds nothing serious: $size, $scheme', async (look, { skip }) => {
    if (!browser) return skip();
    const { page, faults, close } = await openPage(hasBrowser(), studio, look);
    const found: string[] = [];
    for (const { hash, heading } of pages) {
      await visit(page, hash, heading);
      await page.waitForLoadState('networkidle');
      for (const { id, help, nodes } of await seriousFindings(page))
        found.push(`${hash}: ${id}, ${help}: ${nodes.join(' ')}`);
      expect(await overflow(page), `${hash} is wider than ${look.size}`).toBeLessThanOrEqual(0);
    }
    expect(found).toEqual([]);
    expect(faults()).toEqual([]);
    await close();
  });

  test('keys alone: past the navigation, to a page, and back to its heading', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio);
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('Skip to the page');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    // Back to the navigation, and into the queue.
    await page.getByRole('link', { name: 'Queue' }).first().focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Queue' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    expect(await page.title()).toBe('Queue · LoRA Studio');
    await close();
  });

  test('every control that can be pressed shows its focus and has a name', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio);
    await visit(page, '/generate', 'Generate');
    const nameless: string[] = [];
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press('Tab');
      const stop = (await page.evaluate(tabStop)) as
        | { name: string; outline: string; html: string }
        | undefined;
      if (!stop) break;
      if (!stop.name || stop.outline === 'none') nameless.push(stop.html);
    }
    expect(nameless).toEqual([]);
    await close();
  });

  test('on phones what is pressed is 44 pixels high', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio, { size: 'phone' });
    for (const { hash, heading } of pages.filter(({ hash }) => /generate|queue|settings/.test(hash))) {
      await visit(page, hash, heading);
      expect(await page.evaluate(smallTargets), hash).toEqual([]);
    }
    await close();
  });

  test('the theme can be chosen and stays', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio, { scheme: 'light' });
    const ground = (): Promise<string> =>
      page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const light = await ground();
    await visit(page, '/settings', 'Settings');
    await page.getByRole('radio', { name: 'Dark' }).check();
    await expect.poll(ground).not.toBe(light);
    const dark = await ground();
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect.poll(ground).toBe(dark);
    await close();
  });

  test('jobs that wait change places by keys, and the queue can be paused', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio);
    await studio.call('POST', '/api/v1/queue/pause', {});
    for (const prompt of ['one', 'two', 'three'])
      await studio.call('POST', '/api/v1/jobs', { kind: 'generate', title: prompt, payload: { prompt } });
    await visit(page, '/queue', 'Queue');
    const grips = page.getByRole('button', { name: /^Move / });
    await expect.poll(() => grips.count()).toBe(3);
    await page.getByRole('button', { name: /^Move three: place 3/ }).focus();
    await page.keyboard.press('ArrowUp');
    await page.getByRole('button', { name: /^Move three: place 2/ }).waitFor();
    // It keeps its focus, so that it can be moved on.
    await page.keyboard.press('ArrowUp');
    await page.getByRole('button', { name: /^Move three: place 1/ }).waitFor();
    const order = async (): Promise<string[]> => {
      const { jobs } = await studio.call<{ jobs: { title: string }[] }>('GET', '/api/v1/jobs?state=queued');
      return jobs.map(({ title }) => title);
    };
    await expect.poll(order).toEqual(['three', 'one', 'two']);
    expect(await seriousFindings(page)).toEqual([]);
    for (const title of ['one', 'two', 'three']) {
      await page.getByRole('button', { name: `More for ${title}` }).click();
      await page.getByRole('menuitem', { name: 'Cancel' }).click();
    }
    await expect.poll(order).toEqual([]);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('button', { name: 'Pause the queue' }).waitFor();
    await close();
  }, 60_000);

  test('without a token it asks for one, with a wrong one it says so, with the right one it opens', async ({
    skip,
  }) => {
    if (!browser) return skip();
    const context = await hasBrowser().newContext({ viewport: sizes.wide });
    const page = await context.newPage();
    await page.goto(studio.address);
    const field = page.getByLabel('Token or address');
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('TOKEN_WRONG').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await field.fill(studio.signInAddress);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Generate' }).waitFor();
    const kept = await page.evaluate('JSON.stringify(localStorage) + location.href + document.cookie');
    expect(kept).not.toContain(studio.token);
    await context.close();
  });

  test('the token of the opened address leaves it at once', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio);
    expect(page.url()).not.toContain(studio.token);
    await close();
  });

  test('it is there within a second, and its scripts are at most 200 kB', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await openPage(hasBrowser(), studio);
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      const begin = performance.now();
      await page.reload({ waitUntil: 'commit' });
      await page.getByRole('heading', { level: 1 }).waitFor();
      times.push(performance.now() - begin);
    }
    // The best of three: other tests may have the processor.
    expect(Math.min(...times)).toBeLessThan(1000);
    await close();
    expect(gzippedScripts()).toBeLessThanOrEqual(200_000);
  });
});

const overflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

const focused = (page: Page): Promise<string> => page.evaluate('document.activeElement.textContent');

/** What has focus: its name, and whether one sees it. Undefined where focus left the page. */
const tabStop = `(() => {
  const at = document.activeElement;
  if (!at || at === document.body) return undefined;
  const labels = [...(at.labels ?? [])].map(label => label.textContent).join(' ');
  const name = at.getAttribute('aria-label') || labels || at.textContent || at.title;
  const seen = [at, at.nextElementSibling, at.parentElement, at.closest('.mask-stage, .ab')].filter(Boolean);
  const outline = seen.map(one => getComputedStyle(one).outlineStyle).find(style => style !== 'none') ?? 'none';
  return { name: name.trim(), outline, html: at.outerHTML.slice(0, 160) };
})()`;

const smallTargets = `[...document.querySelectorAll('button, a, select, input:not([type=hidden]), textarea, summary')]
  .filter(one => one.checkVisibility() && !one.closest('.aside-text, .skip, p, .stepper') && one.type !== 'file')
  .map(one => ({ one, box: (one.closest('label') ?? one).getBoundingClientRect() }))
  .filter(({ box }) => box.width > 0 && box.height < 43.5)
  .map(({ one, box }) => Math.round(box.height) + ' ' + one.outerHTML.slice(0, 120))`;

function gzippedScripts(): number {
  const folder = fileURLToPath(new URL('../../studio/dist/assets/', import.meta.url));
  if (!existsSync(folder)) throw new Error('the page is not built');
  return readdirSync(folder)
    .filter(name => name.endsWith('.js'))
    .reduce((sum, name) => sum + gzipSync(readFileSync(folder + name), { level: 9 }).length, 0);
}
