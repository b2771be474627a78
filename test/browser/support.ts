/** @file A real browser before a real studio: Chromium from npm or of this machine, and `lora studio` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { LoraError } from '../../src/errors.ts';
import { lockFile } from '../../src/files/index.ts';
import { buildPage } from '../../src/server/page.ts';
import { temporaryFolder } from '../support/pictures.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** Where browsers lie that people have installed. */
const installed: readonly string[] = [
  ...(process.env.LORA_CHROMIUM ? [process.env.LORA_CHROMIUM] : []),
  ...['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'],
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];

/** Not those that come with the carried one: they switch off what the studio's safety rests on (web security, site isolation). */
const plainly = ['--no-sandbox', '--disable-gpu', '--font-render-hinting=none'];

/**
 * Opens Chromium; undefined where there is none, with a sentence on stderr that says what is missing. With
 * LORA_BROWSER=required that is a fault instead.
 */
export async function openBrowser(): Promise<Browser | undefined> {
  try {
    const found = installed.find(path => existsSync(path)) ?? (await carriedChromium());
    return await launch(found);
  } catch (fault) {
    if (process.env.LORA_BROWSER === 'required') throw fault;
    const why = fault instanceof Error ? fault.message.split('\n')[0] : String(fault);
    console.error(
      `browser tests are skipped: no Chromium (${why}). Install Chrome or Chromium, or name one with LORA_CHROMIUM.`,
    );
    return undefined;
  }
}

/** npm brings one for Linux on x64, packed; it is unpacked once for all tests of a run. */
async function carriedChromium(): Promise<string> {
  const { default: carried } = await import('@sparticuz/chromium');
  return carried.executablePath();
}

/** While another test file unpacks it, it is busy. */
async function launch(executablePath: string, tries = 60): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  try {
    return await chromium.launch({ executablePath, args: plainly });
  } catch (fault) {
    if (tries === 0 || !/ETXTBSY/.test(String(fault))) throw fault;
    await new Promise(resolve => setTimeout(resolve, 500));
    return launch(executablePath, tries - 1);
  }
}

export interface RunningStudio {
  readonly address: string;
  readonly signInAddress: string;
  readonly token: string;
  readonly data: string;
  /** Calls the API as a program does, with the token in a header. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  stop(): Promise<void>;
}

/** Builds the page where it is older than its sources: one test file does, the others wait for it. */
async function buildPageOnce(): Promise<void> {
  const lock = join(tmpdir(), 'page-build');
  for (;;) {
    const release = await lockFile(lock).catch((fault: unknown) => {
      if (fault instanceof LoraError && fault.code === 'OUTPUT_BUSY') return undefined;
      throw fault;
    });
    if (!release) {
      await new Promise(resolve => setTimeout(resolve, 300));
      continue;
    }
    try {
      await buildPage(() => undefined);
    } finally {
      await release();
    }
    return;
  }
}

/** Starts `lora studio` on a free port with a data folder of its own. */
export async function startStudio(data = join(temporaryFolder(), 'data')): Promise<RunningStudio> {
  await buildPageOnce();
  const words = [
    join(project, 'bin/lora.js'),
    'studio',
    '--port',
    '0',
    '--data',
    data,
    '--no-open',
    '--json',
  ];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { address, signInAddress, token } = await started(child);
  return {
    ...{ address, signInAddress, token, data },
    call: async <T>(method: string, path: string, body?: unknown) => {
      const response = await fetch(address + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return (text ? JSON.parse(text) : {}) as T;
    },
    stop: () => stopped(child),
  };
}

interface Start {
  readonly address: string;
  readonly signInAddress: string;
  readonly token: string;
}

function started(child: ChildProcess): Promise<Start> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (text: Buffer) => {
      said += text;
    });
    child.once('exit', code => reject(new Error(`the studio ended with ${code}: ${said}`)));
    let text = '';
    createInterface({ input: child.stdout! }).on('line', line => {
      text += line;
      try {
        resolve(JSON.parse(text) as Start);
      } catch {
        // The object goes on in the next line.
      }
    });
  });
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}

export const sizes = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

export interface PageOptions {
  readonly size?: keyof typeof sizes;
  readonly scheme?: 'light' | 'dark';
}

/** A signed-in page in a browser profile of its own. What the page logs as an error fails `faults()`. */
export async function openPage(
  browser: Browser,
  { signInAddress }: Pick<RunningStudio, 'signInAddress'>,
  { size = 'wide', scheme = 'light' }: PageOptions = {},
): Promise<{ page: Page; faults: () => readonly string[]; close: () => Promise<void> }> {
  const context = await browser.newContext({
    ...{ viewport: sizes[size], colorScheme: scheme, reducedMotion: 'reduce' },
    ...(size === 'phone' ? { hasTouch: true, isMobile: true } : {}),
  });
  const page = await context.newPage();
  const found: string[] = [];
  page.on('pageerror', error => found.push(String(error)));
  page.on('console', message => {
    if (message.type() === 'error') found.push(message.text());
  });
  await page.goto(signInAddress);
  await page.getByRole('heading', { level: 1 }).waitFor();
  return { page, faults: () => found, close: () => context.close() };
}

/** Goes to a page of the studio and waits until its heading is there. */
export async function visit(page: Page, hash: string, heading: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

export interface AxeFinding {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly string[];
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds that is serious or critical, with where. */
export async function seriousFindings(page: Page): Promise<AxeFinding[]> {
  // Evaluated, not added as a script: the page's Content-Security-Policy stays as it is.
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; help: string; nodes: { html: string }[] }[];
        }>;
      };
    };
    return (await axe.run()).violations.map(({ id, impact, help, nodes }) => ({
      ...{ id, impact, help },
      nodes: nodes.map(({ html }) => html.slice(0, 200)),
    }));
  });
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
}
