/** @file The page's files, read once at the start into a list: what is not in the list is not served, wherever a path points. */
import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { LoraError } from '../errors.ts';
import { projectPath } from '../workbench/index.ts';
import { Reply, type RouteRow, route } from './route.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

interface PageFile {
  readonly bytes: Buffer;
  readonly gzip: Buffer | undefined;
  readonly brotli: Buffer | undefined;
  readonly type: string;
  readonly tag: string;
}

const newest = (paths: readonly string[]): number =>
  paths.reduce((latest, path) => Math.max(latest, statSync(path).mtimeMs), 0);

/** In a clone the page is built when it is missing or its sources are newer; the package brings it built. */
export async function buildPage(note: (text: string) => void): Promise<string> {
  const folder = projectPath('studio/dist');
  const built = join(folder, 'index.html');
  const sources = globSync(['src/**/*', 'index.html', 'vite.config.ts', 'public/**/*'], {
    cwd: projectPath('studio'),
  })
    .map(path => join(projectPath('studio'), path))
    .filter(path => statSync(path).isFile());
  const isThere = existsSync(built);
  if (isThere && (sources.length === 0 || statSync(built).mtimeMs >= newest(sources))) return folder;
  note('building the page …');
  const fresh = projectPath(`studio/dist-${randomUUID()}`);
  try {
    const vite = join(createRequire(import.meta.url).resolve('vite/package.json'), '../bin/vite.js');
    const config = projectPath('studio/vite.config.ts');
    const words = ['build', '--config', config, '--outDir', fresh, '--emptyOutDir', '--logLevel', 'error'];
    await promisify(execFile)(process.execPath, [vite, ...words], { timeout: 120_000 });
    await takeOver(fresh, folder);
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true });
    if (isThere) {
      note('the page could not be built again; the one from before is shown');
      return folder;
    }
    const hint = 'Run npm ci and npm run build:studio, and read what they say.';
    throw new LoraError('PAGE_NOT_BUILT', 'the page of the studio could not be built', { hint, cause });
  }
  return folder;
}

/** Whole or not at all: another studio may read the old page, or build one just now. */
async function takeOver(fresh: string, folder: string): Promise<void> {
  const old = `${folder}-${randomUUID()}`;
  await rename(folder, old).catch(() => undefined); // there was none
  await rename(fresh, folder).catch(() => rm(fresh, { recursive: true, force: true })); // somebody was sooner
  await rm(old, { recursive: true, force: true });
}

function readPage(folder: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const path of globSync('**/*', { cwd: folder })) {
    const whole = join(folder, path);
    const type = types[extname(path)];
    if (type === undefined || !statSync(whole).isFile()) continue;
    const bytes = readFileSync(whole);
    const isText = /^text|json|svg/.test(type);
    files.set(path.replaceAll('\\', '/'), {
      ...{ bytes, type, tag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"` },
      gzip: isText ? gzipSync(bytes, { level: 9 }) : undefined,
      brotli: isText ? brotliCompressSync(bytes) : undefined,
    });
  }
  return files;
}

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

function serve(file: PageFile | undefined, headers: Headers, isHashed: boolean): Reply {
  if (!file) throw new LoraError('FILE_NOT_FOUND', 'there is no such file');
  const { bytes, gzip, brotli, type, tag } = file;
  const shared = { etag: tag, vary: 'accept-encoding' };
  const cache = isHashed ? { maxAge: 31_536_000 } : {};
  const fresh = isHashed ? shared : { ...shared, 'cache-control': 'no-cache' };
  if (headers['if-none-match'] === tag) return new Reply('', type, { status: 304, headers: fresh });
  const accepted = String(headers['accept-encoding'] ?? '');
  if (brotli && /\bbr\b/.test(accepted))
    return new Reply(brotli, type, { headers: { ...fresh, 'content-encoding': 'br' }, ...cache });
  if (gzip && /\bgzip\b/.test(accepted))
    return new Reply(gzip, type, { headers: { ...fresh, 'content-encoding': 'gzip' }, ...cache });
  return new Reply(bytes, type, { headers: fresh, ...cache });
}

/** Routes of the page in this folder. Names with hashes (Vite's `assets/`) are kept by browsers for a year. */
export function pageRoutes(folder: string): RouteRow[] {
  const files = readPage(folder);
  const row = (path: string, name: (params: { name: string }) => string, isHashed: boolean): RouteRow =>
    route({
      ...{ method: 'GET', path, policy: 'open', tag: 'page', summary: 'The page of the studio.' },
      params: z.object({ name: z.string().max(200).default('') }),
      handle: (_, { params, headers }) => serve(files.get(name(params)), headers, isHashed),
    });
  const top = [...files.keys()].filter(path => !path.includes('/') && path !== 'index.html');
  return [
    row('/', () => 'index.html', false),
    row('/assets/:name', ({ name }) => `assets/${name}`, true),
    ...top.map(path => row(`/${path}`, () => path, false)),
  ];
}
