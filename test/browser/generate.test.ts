/** @file Pictures drawn for real from the page: by keys, with a LoRA, from a picture with a mask, from a foreign picture's settings. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src/models/index.ts';
import { randomLora, writeTestLora } from '../support/loras.ts';
import { temporaryFolder } from '../support/pictures.ts';
import { openBrowser, openPage, type RunningStudio, seriousFindings, startStudio, visit } from './support.ts';

let browser: Browser | undefined;
let studio: RunningStudio;

/** A LoRA with two sets of trigger words, one of which also says what is not to be seen. */
function putLora(data: string): void {
  const lora = randomLora(openCheckpoint('pretrained/pocket'), { seed: 3, rank: 2 });
  mkdirSync(join(data, 'loras'), { recursive: true });
  writeTestLora(join(data, 'loras', 'zorbi.safetensors'), lora);
  const words = { 'activation text': 'zorbi, blue fur', 'negative text': 'dog', 'preferred weight': 0.6 };
  writeFileSync(join(data, 'loras', 'zorbi.json'), JSON.stringify(words));
}

beforeAll(async () => {
  browser = await openBrowser();
  if (!browser) return;
  const data = join(temporaryFolder(), 'data');
  putLora(data);
  studio = await startStudio(data);
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await studio?.stop();
}, 30_000);

interface PictureRow {
  readonly id: string;
  readonly prompt: string;
  readonly seed: string;
  readonly favourite: boolean;
}
const history = async (): Promise<readonly PictureRow[]> =>
  (await studio.call<{ pictures: PictureRow[] }>('GET', '/api/v1/pictures')).pictures;

interface JobRow {
  readonly kind: string;
  readonly state: string;
  readonly payload: Readonly<Record<string, unknown>>;
}
/** The newest job, with what the page sent. */
async function lastJob(): Promise<JobRow> {
  const { jobs } = await studio.call<{ jobs: { id: string }[] }>('GET', '/api/v1/jobs?kind=generate&limit=1');
  return studio.call('GET', `/api/v1/jobs/${jobs[0]!.id}`);
}

const prompt = (page: Page) => page.getByLabel('Prompt', { exact: true });
const stage = (page: Page, text: string) => page.getByRole('img', { name: text, exact: true });

/** Few steps: what is tested is the way, not the picture. */
async function setSteps(page: Page, steps: number): Promise<void> {
  const field = page.getByLabel('Steps, as a number');
  await field.fill(String(steps));
  await field.press('Tab');
}

/** Starts a form of its own: pages of one studio share nothing but the studio. */
async function open() {
  const opened = await openPage(browser!, studio);
  // Who is new is led to Data first.
  await visit(opened.page, '/generate', 'Generate');
  await setSteps(opened.page, 4);
  return opened;
}

describe('Generate', () => {
  test('by keys alone: a prompt, Ctrl+Enter, progress, a picture that can be kept, deleted and brought back', async ({
    skip,
  }) => {
    if (!browser) return skip();
    const { page, faults, close } = await open();
    await prompt(page).focus();
    await page.keyboard.type('a red apple');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('progressbar', { name: 'a red apple' }).first().waitFor();
    await stage(page, 'a red apple').waitFor({ timeout: 60_000 });
    const [picture] = await history();
    expect(picture).toMatchObject({ prompt: 'a red apple', favourite: false });

    await page.getByRole('button', { name: 'Favourite', exact: true }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'No favourite any more' }).waitFor();
    await expect.poll(async () => (await history())[0]?.favourite).toBe(true);

    // In the history: to the card, Delete, and the note's undo.
    const cell = page.getByRole('gridcell', { name: /a red apple/ });
    await cell.focus();
    await page.keyboard.press('Delete');
    await cell.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await cell.waitFor();
    expect(await history()).toHaveLength(1);
    expect(await seriousFindings(page)).toEqual([]);
    expect(faults()).toEqual([]);
    await close();
  }, 90_000);

  test('the same seed gives the same picture, and its settings come back', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await page.getByRole('gridcell', { name: /a red apple/ }).click();
    await page.getByRole('button', { name: 'Use settings' }).click();
    await page.getByText('Settings taken over').waitFor();
    const [before] = await history();
    expect(await page.getByLabel('Seed', { exact: true }).inputValue()).toBe(before!.seed);
    expect(await prompt(page).inputValue()).toBe('a red apple');
    await page.keyboard.press('Control+Enter');
    await expect.poll(async () => (await history()).length, { timeout: 60_000 }).toBe(2);
    const [again] = await history();
    expect(again!.seed).toBe(before!.seed);
    const pixels = (id: string): Promise<number[]> =>
      page.evaluate(async url => {
        const answer = await fetch(url);
        return [...new Uint8Array(await answer.arrayBuffer())];
      }, `/api/v1/pictures/${id}/view?size=full`);
    expect(await pixels(again!.id)).toEqual(await pixels(before!.id));
    await close();
  }, 90_000);

  test('a LoRA from the library: its words come and go with it, and the picture beside the one without it', async ({
    skip,
  }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await prompt(page).fill('a cat, blue fur');
    await page.getByRole('button', { name: 'Add LoRA' }).click();
    await page.getByRole('searchbox', { name: 'Search LoRAs' }).fill('zor');
    await page.getByRole('button', { name: /zorbi/ }).first().click();
    await page.keyboard.press('Escape');
    // What is there already is not put in twice.
    expect(await prompt(page).inputValue()).toBe('a cat, blue fur, zorbi');
    expect(await page.getByLabel('Negative prompt').inputValue()).toBe('dog');
    expect(await page.getByLabel('Strength of zorbi, as a number').inputValue()).toBe('0.6');
    const strength = page.getByRole('slider', { name: 'Strength of zorbi' });
    await strength.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Control+Enter');
    await stage(page, 'a cat, blue fur, zorbi').waitFor({ timeout: 60_000 });
    const { payload } = await lastJob();
    expect(payload.loras).toMatchObject([{ strength: 0.65 }]);

    await page.getByRole('button', { name: 'Without LoRA' }).click();
    const edge = page.getByRole('slider', { name: /Edge between/ });
    await edge.waitFor({ timeout: 60_000 });
    await edge.focus();
    await page.keyboard.press('Home');
    expect(await edge.inputValue()).toBe('0');
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close' }).first().click();

    await page.getByRole('button', { name: 'More for zorbi' }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    expect(await prompt(page).inputValue()).toBe('a cat');
    expect(await page.getByLabel('Negative prompt').inputValue()).toBe('');
    await close();
  }, 120_000);

  test('from a picture with a painted mask: only there something changes', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await page
      .getByRole('gridcell', { name: /a red apple/ })
      .first()
      .click();
    await page.getByRole('button', { name: 'More for this picture' }).click();
    await page.getByRole('menuitem', { name: 'Paint a mask on it' }).click();
    const mask = page.getByRole('application', { name: /Mask/ });
    await mask.focus();
    // With keys: the brush down in the middle, along to the right, and up.
    await page.keyboard.press(' ');
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press(' ');
    await prompt(page).fill('a blue ball');
    await page.keyboard.press('Control+Enter');
    await stage(page, 'a blue ball').waitFor({ timeout: 60_000 });
    const { payload, state } = await lastJob();
    expect(state).toBe('done');
    expect(payload).toMatchObject({
      init: { picture: expect.stringMatching(/^[0-9a-f]{32}$/) },
      inpaint: { mask: expect.stringMatching(/^[0-9a-f]{32}$/), content: 'original' },
    });
    const [left, right] = await maskSides(page, (payload.inpaint as { mask: string }).mask);
    expect(left).toBe(0);
    expect(right).toBeGreaterThan(0);
    await close();
  }, 90_000);

  test('a dropped picture tells its settings', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    const [{ id } = { id: '' }] = await history();
    const headers = { authorization: `Bearer ${studio.token}` };
    const answer = await fetch(`${studio.address}/api/v1/pictures/${id}/file`, { headers });
    await drop(page, Buffer.from(await answer.arrayBuffer()));
    const dialog = page.getByRole('dialog');
    await dialog.getByText(/Steps: 4/).waitFor();
    await dialog.getByRole('button', { name: 'Use its settings' }).click();
    await expect.poll(() => prompt(page).inputValue()).toBe('a blue ball');
    await close();
  }, 60_000);

  test('what cannot be drawn says why, where one looks', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await prompt(page).fill('a cat <lora:not-there:0.5>');
    await page.getByText('not-there?').waitFor();
    await page.keyboard.press('Control+Enter');
    await page.getByRole('alert').getByText('LORA_NOT_FOUND').waitFor({ timeout: 60_000 });
    expect(await seriousFindings(page)).toEqual([]);
    await close();
  }, 90_000);

  test('a tag of the prompt is a chip: its strength and its removal change the text', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await prompt(page).fill('a cat, <lora:some:0.5>, red');
    await page.getByRole('button', { name: 'More of some' }).click();
    expect(await prompt(page).inputValue()).toBe('a cat, <lora:some:0.6>, red');
    await page.getByRole('button', { name: 'Remove some from the prompt' }).click();
    expect(await prompt(page).inputValue()).toBe('a cat, red');
    await close();
  });

  test('the form is kept, the token is not', async ({ skip }) => {
    if (!browser) return skip();
    const { page, close } = await open();
    await prompt(page).fill('kept for later');
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await prompt(page).inputValue()).toBe('kept for later');
    expect(await page.evaluate('JSON.stringify({ ...localStorage, ...sessionStorage })')).not.toContain(
      studio.token,
    );
    await close();
  });
});

/** How many white pixels a mask has in its left quarter and in the rest. */
function maskSides(page: Page, id: string): Promise<[number, number]> {
  return page.evaluate(
    `(async () => {
      const image = await createImageBitmap(await (await fetch('/api/v1/uploads/${id}/view?size=full')).blob());
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      const sides = [0, 0];
      for (let i = 0; i < data.length; i += 4)
        if (data[i] > 128) sides[(i / 4) % image.width < image.width / 4 ? 0 : 1]++;
      return sides;
    })()`,
  );
}

/** Drops a picture on the page, as a file manager does. */
async function drop(page: Page, bytes: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(
    `(() => {
      const bytes = Uint8Array.from(atob('${bytes.toString('base64')}'), one => one.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], 'foreign.png', { type: 'image/png' }));
      return transfer;
    })()`,
  );
  for (const type of ['dragenter', 'dragover', 'drop'])
    await page.locator('#stage').dispatchEvent(type, { dataTransfer: transfer });
}
