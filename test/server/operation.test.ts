/**
 * The studio in daily operation, mostly as a process of its own: one on a folder, faults of disks and files, signals, tokens,
 * logs, health, retention, and the page's files.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openSafetensors } from '../../src/files/index.ts';
import { openLog } from '../../src/server/log.ts';
import { pageRoutes } from '../../src/server/page.ts';
import { cookieName } from '../../src/server/security/identify.ts';
import { openToken } from '../../src/server/security/token.ts';
import { type Studio, type StudioOptions, startStudio } from '../../src/server/start.ts';
import { openDoor } from '../support/door.ts';
import { stripes, temporaryFolder } from '../support/pictures.ts';
import {
  type Answer,
  endProcess,
  type Place,
  send,
  sendJson,
  startProcess,
} from '../support/served-studio.ts';
import { codeOf, openTestStudio } from '../support/studio-context.ts';

vi.setConfig({ testTimeout: 180_000 });

const get = (place: Place, path: string): Promise<Answer> => send(place, { path });
const startHere = (data: string, more: StudioOptions = {}): Promise<Studio> =>
  startStudio({ data, port: 0, hasPage: false, ...more });
const emptyData = (): string => join(temporaryFolder(), 'data');

interface ToldJob {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly progress?: { readonly detail?: { readonly step?: number } };
  readonly error?: { readonly code: string };
}

const jobOf = async (place: Place, id: string): Promise<ToldJob> =>
  JSON.parse((await get(place, `/api/v1/jobs/${id}`)).text) as ToldJob;

async function until(isSo: () => Promise<boolean>, most = 90_000): Promise<void> {
  for (const end = performance.now() + most; !(await isSo()); await delay(100))
    if (performance.now() > end) throw new Error('it did not come to it in time');
}

test('one studio on a folder: the second refuses, the first goes on, a killed one is followed', async () => {
  const data = emptyData();
  const first = await startProcess(data);
  await expect(startProcess(data)).rejects.toThrow(/STUDIO_RUNNING/);
  expect((await get(first, '/api/v1/status')).status).toBe(200);
  await expect(startHere(emptyData(), { port: first.port })).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  first.running.process.kill('SIGKILL');
  await first.running.outcome;
  const next = await startProcess(data);
  expect(next.token).toBe(first.token);
  expect((await get(next, '/healthz')).text).toContain('"ok"');
  const { status, ms } = await endProcess(next);
  expect({ status, isQuick: ms < 10_000 }).toEqual({ status: 0, isQuick: true });
});

describe('what it cannot start on, it says', () => {
  test('an address of another machine', async () => {
    await expect(startHere(emptyData(), { host: '203.0.113.7' })).rejects.toMatchObject({
      code: 'HOST_NOT_HERE',
    });
  });

  test('a data folder that is a file', async () => {
    const data = emptyData();
    writeFileSync(data, 'mine');
    await expect(startHere(data)).rejects.toMatchObject({
      ...{ code: 'DATA_READ_ONLY', message: expect.stringContaining(data) },
    });
    expect(readFileSync(data, 'utf8')).toBe('mine');
  });

  test('after each of these it starts, when what was wrong is gone', async () => {
    const data = emptyData();
    expect(await codeOf(startHere(data, { host: '203.0.113.7' }))).toBe('HOST_NOT_HERE');
    await (await startHere(data)).stop();
  });
});

describe('damaged files', () => {
  const noise = Buffer.from('this is not what stands here\n'.repeat(500));

  test('settings, token and index are replaced or passed over, and it is said', async () => {
    const data = emptyData();
    const before = await startHere(data);
    const { token } = before;
    const { cache } = before.data;
    await before.stop();
    writeFileSync(join(data, 'settings.json'), '{"pictureDays": "many", "jobDays": 9, "nosuch": 1');
    writeFileSync(join(data, 'token'), 'short');
    for (const name of readdirSync(cache))
      if (name.endsWith('.sqlite')) writeFileSync(join(cache, name), noise);
    const notes: string[] = [];
    const after = await startHere(data, { note: text => notes.push(text) });
    expect(notes.join()).toContain('settings.json is not JSON');
    expect(after.token).not.toBe(token);
    expect((await get(after, '/api/v1/library/cards')).status).toBe(200);
    expect((await get(after, '/api/v1/pictures')).status).toBe(200);
    expect(JSON.parse((await get(after, '/api/v1/settings')).text)).toMatchObject({ jobDays: 30 });
    await after.stop();
  });

  test.each(['jobs.sqlite', 'library.sqlite'])('%s is never thrown away: it refuses by name', async name => {
    const data = emptyData();
    await (await startHere(data)).stop();
    for (const ending of ['', '-wal', '-shm'])
      if (existsSync(join(data, name + ending))) writeFileSync(join(data, name + ending), noise);
    const error = await startHere(data).catch((fault: unknown) => fault);
    expect(error).toMatchObject({
      code: expect.stringMatching(/^[A-Z_]+$/),
      message: expect.stringContaining(name),
    });
    expect((error as { hint?: string }).hint).toBeTruthy();
    expect(readFileSync(join(data, name)).equals(noise)).toBe(true);
    // Nor is the folder held any longer.
    expect(await codeOf(startHere(data))).toBe((error as { code: string }).code);
  });
});

/** A small disk of its own where this machine lets us; undefined elsewhere. */
function smallDisk(options: string): { path: string; leave: () => void } | undefined {
  const path = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' });
    return { path, leave: () => void execFileSync('umount', ['-l', path], { stdio: 'ignore' }) };
  } catch {
    return undefined;
  }
}

/** To its last byte. */
function fillDisk(path: string): void {
  for (const piece of [65_536, 4096, 1])
    try {
      for (;;) appendFileSync(path, Buffer.alloc(piece));
    } catch {} // it is full
}

describe('disks', () => {
  test('with too little free, jobs wait and say why; with enough they go on', async () => {
    const studio = await startHere(emptyData());
    const set = (reserveMegabytes: number): Promise<Answer> =>
      sendJson(studio, 'PATCH', '/api/v1/settings', { reserveMegabytes });
    await set(1_000_000);
    const payload = { prompt: 'a', steps: 1, width: 64, height: 64 };
    await sendJson(studio, 'POST', '/api/v1/jobs', { kind: 'generate', id: 'waits-for-disk', payload });
    await until(async () => (await get(studio, '/healthz')).status === 503);
    const health = await get(studio, '/healthz');
    expect(JSON.parse(health.text)).toMatchObject({ status: 'DISK_LOW' });
    expect((await jobOf(studio, 'waits-for-disk')).state).toBe('queued');
    const status = await get(studio, '/api/v1/status');
    expect(status.text).toContain('DISK_LOW');
    expect(status.text).not.toContain(studio.data.path);
    await set(100);
    await until(async () => (await jobOf(studio, 'waits-for-disk')).state === 'done');
    expect((await get(studio, '/healthz')).status).toBe(200);
    await studio.stop();
  });

  test('a disk that fills up is told as such, and the studio stays', async context => {
    const disk = smallDisk('size=6m');
    if (!disk) return context.skip('this machine lets nobody mount a small disk');
    try {
      const data = join(disk.path, 'data');
      const studio = await startHere(data);
      await sendJson(studio, 'PATCH', '/api/v1/settings', { reserveMegabytes: 100 });
      expect((await sendJson(studio, 'POST', '/api/v1/datasets', { name: 'many' })).status).toBe(201);
      const add = (i: number): Promise<Answer> =>
        send(studio, {
          ...{
            method: 'POST',
            path: `/api/v1/datasets/many/pictures?name=${i}.png`,
            body: stripes(640, 640, i),
          },
          headers: { 'content-type': 'image/png' },
        });
      expect((await add(1)).status).toBe(201);
      fillDisk(join(disk.path, 'filler'));
      const refused = [
        await add(2),
        await sendJson(studio, 'PATCH', '/api/v1/settings', { jobDays: 20 }),
        await sendJson(studio, 'POST', '/api/v1/jobs', {
          kind: 'generate',
          payload: { prompt: 'x'.repeat(50_000) },
        }),
      ];
      const told = refused.map(({ status, text }) => [status, (JSON.parse(text) as { code: string }).code]);
      expect(told.map(([status]) => status)).toEqual([507, 507, 507]);
      for (const [, code] of told) expect(code).toMatch(/FULL|NO_SPACE/);
      for (const { text } of refused) expect(text).not.toContain(data);
      expect((await get(studio, '/api/v1/datasets/many')).text).not.toContain('2.png');
      expect((await get(studio, '/api/v1/status')).text).toContain('DISK_LOW');
      rmSync(join(disk.path, 'filler'));
      expect((await add(2)).status).toBe(201);
      expect((await sendJson(studio, 'PATCH', '/api/v1/settings', { jobDays: 20 })).status).toBe(200);
      await studio.stop();
      const names = readdirSync(data, { recursive: true }).map(String);
      expect(names.filter(name => /\.part$|\.tmp/.test(name))).toEqual([]);
    } finally {
      disk.leave();
    }
  });

  test('a disk that cannot be written', async context => {
    const disk = smallDisk('size=1m,ro');
    if (!disk) return context.skip('this machine lets nobody mount a disk');
    try {
      await expect(startHere(join(disk.path, 'data'))).rejects.toMatchObject({ code: 'DATA_READ_ONLY' });
      await expect(startHere(disk.path)).rejects.toMatchObject({ code: 'DATA_READ_ONLY' });
    } finally {
      disk.leave();
    }
  });
});

describe('signals', () => {
  const steps = 160;
  const payload = {
    ...{ name: 'zorbi', dataset: 'example:zorbi-character' },
    recipe: {
      steps,
      rank: 2,
      batch: 1,
      targets: 'attention',
      textTargets: null,
      resolution: 64,
      validationShare: 0,
    },
  };
  // Without it the time of its start is in the file.
  const epoch = process.env.SOURCE_DATE_EPOCH;
  beforeAll(() => {
    process.env.SOURCE_DATE_EPOCH = '1700000000';
  });
  afterAll(() => {
    if (epoch === undefined) delete process.env.SOURCE_DATE_EPOCH;
    else process.env.SOURCE_DATE_EPOCH = epoch;
  });

  const train = (studio: Place): Promise<Answer> =>
    sendJson(studio, 'POST', '/api/v1/jobs', { kind: 'train', id: 'a-training-run', payload });
  const fileOf = (data: string): string => join(data, 'loras', 'zorbi.safetensors');
  const isDone = async (studio: Place): Promise<boolean> => {
    const { state, error } = await jobOf(studio, 'a-training-run');
    if (state === 'failed') throw new Error(JSON.stringify(error));
    return state === 'done';
  };

  test('a run that is stopped by signals goes on, and its LoRA is that of an uninterrupted one, byte for byte', async () => {
    const [whole, cut] = [emptyData(), emptyData()];
    const straight = await startProcess(whole);
    expect((await train(straight)).status).toBe(201);
    await until(() => isDone(straight));
    expect((await endProcess(straight)).status).toBe(0);

    const ends: { status: number; ms: number; step: number }[] = [];
    let studio = await startProcess(cut);
    expect((await train(studio)).status).toBe(201);
    let reached = 0;
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const stepOf = async (): Promise<number> =>
        (await jobOf(studio, 'a-training-run')).progress?.detail?.step ?? 0;
      // What stands there before it runs again is of the attempt before.
      await until(async () => (await stepOf()) >= reached + 5);
      const step = await stepOf();
      const { status, ms } = await endProcess(studio, signal);
      ends.push({ status, ms, step });
      reached = step;
      studio = await startProcess(cut);
    }
    await until(() => isDone(studio));
    const { attempt } = await jobOf(studio, 'a-training-run');
    await endProcess(studio);
    // On a fast machine it may be done before the second signal.
    expect(attempt).toBeGreaterThanOrEqual(2);
    for (const { status, ms } of ends) {
      expect(status).toBe(0);
      expect(ms).toBeLessThan(30_000);
    }
    expect(ends[0].step).toBeLessThan(steps);
    console.log(`stopped at step ${ends.map(end => `${end.step} in ${Math.round(end.ms)} ms`).join(', ')}`);
    expect(openSafetensors(fileOf(cut)).metadata).toEqual(openSafetensors(fileOf(whole)).metadata);
    expect(readFileSync(fileOf(cut)).equals(readFileSync(fileOf(whole)))).toBe(true);
    expect(readdirSync(join(cut, 'jobs', 'a-training-run')).sort()).toEqual(
      readdirSync(join(whole, 'jobs', 'a-training-run')).sort(),
    );
  });
});

test('another token signs everybody out, and the file is for its owner alone', async () => {
  const data = emptyData();
  const first = await startHere(data);
  const { cookie } = await openToken(first.data.tokenFile);
  await first.stop();
  const second = await startHere(data, { renewToken: true });
  expect(second.token).not.toBe(first.token);
  expect((await get({ ...second, token: first.token }, '/api/v1/status')).status).toBe(401);
  const kept = { authorization: '', cookie: `${cookieName(second.port)}=${cookie}` };
  expect((await send(second, { path: '/api/v1/status', headers: kept })).status).toBe(401);
  expect((await get(second, '/api/v1/status')).status).toBe(200);
  if (process.platform !== 'win32') expect(statSync(second.data.tokenFile).mode & 0o077).toBe(0);
  await second.stop();
  const log = readFileSync(join(data, 'logs', 'studio.log'), 'utf8');
  for (const secret of [first.token, second.token, cookie]) expect(log).not.toContain(secret);
});

test('the log is turned, and takes no more than it may', async () => {
  const folder = join(temporaryFolder(), 'logs');
  const log = openLog(folder, () => 100_000);
  for (let i = 0; i < 4000; i++) {
    log.info({ i }, 'something happened, and this line says what it was');
    if (i % 64 === 0) await delay(0);
  }
  log.close();
  const names = readdirSync(folder).sort();
  expect(names).toEqual(['studio.1.log', 'studio.2.log', 'studio.3.log', 'studio.4.log', 'studio.log']);
  const total = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(total).toBeLessThan(150_000);
  const last = readFileSync(join(folder, 'studio.log'), 'utf8').trim().split('\n').at(-1);
  expect(JSON.parse(last ?? '')).toMatchObject({ i: 3999 });
});

test('old pictures, folders of old jobs and old uploads go; favourites and what jobs need stay', async () => {
  const studio = await openTestStudio();
  const { context } = studio;
  const { pictures, data, supervisor, queue } = context;
  const day = 86_400_000;
  const old = new Date(Date.now() - 40 * day);
  const folder = join(data.pictures, '2026-01-01');
  mkdirSync(folder, { recursive: true });
  for (const name of ['old.png', 'kept.png', 'new.png']) {
    writeFileSync(join(folder, name), stripes(64, 64, name.length));
    if (name !== 'new.png') utimesSync(join(folder, name), old, old);
  }
  await pictures.refresh();
  const id = pictures.idOf('pictures/2026-01-01/kept.png');
  await pictures.setFavourite(id ?? '', true);
  expect(await pictures.sweep(0, 30)).toBe(0);
  expect(await pictures.sweep(30, 30)).toBe(1);
  expect(
    readdirSync(folder)
      .filter(name => name.endsWith('.png'))
      .sort(),
  ).toEqual(['kept.png', 'new.png']);

  const [used, unused] = ['a'.repeat(32), 'b'.repeat(32)];
  for (const upload of [used, unused]) {
    writeFileSync(join(data.uploads, `${upload}.png`), stripes(64, 64, 1));
    utimesSync(join(data.uploads, `${upload}.png`), old, old);
  }
  const payload = { prompt: 'a', init: { picture: used, strength: 0.5, resize: 'crop' } };
  await queue.enqueue([
    { id: 'waits-here', kind: 'generate', title: 'a', payload },
    { id: 'was-cancelled', kind: 'generate', title: 'a', payload: { prompt: 'a' } },
  ]);
  await queue.cancel('was-cancelled');
  for (const job of ['waits-here', 'was-cancelled'])
    mkdirSync(join(data.jobs, job, 'work'), { recursive: true });
  expect(await supervisor.sweep({ keepDays: 30 })).toMatchObject({ jobFolders: 0, uploads: 1 });
  expect(await supervisor.sweep({ keepDays: 30, now: Date.now() + 29 * day })).toMatchObject({
    jobFolders: 0,
  });
  expect(await supervisor.sweep({ keepDays: 30, now: Date.now() + 31 * day })).toMatchObject({
    jobFolders: 1,
  });
  expect(readdirSync(data.jobs).filter(name => !name.startsWith('.'))).toEqual(['waits-here']);
  expect(readdirSync(data.uploads)).toEqual([`${used}.png`]);
  await studio.close();
});

describe('the page', () => {
  const folder = join(temporaryFolder(), 'dist');
  const script = `console.log(${JSON.stringify('x'.repeat(5000))})`;
  mkdirSync(join(folder, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>LoRA Studio</title>');
  writeFileSync(join(folder, 'assets', 'index-abc123.js'), script);
  writeFileSync(join(folder, 'assets', 'index-abc123.js.map'), '{"secret": true}');
  writeFileSync(join(folder, 'notes.md'), 'secret');
  writeFileSync(join(folder, '..', 'secret.js'), 'secret');

  test('serves what is listed, from memory, packed as browsers like it, and nothing else', async () => {
    const door = await openDoor(pageRoutes(folder));
    const ask = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
      send({ port: door.port, token: '' }, { path, headers: { authorization: '', ...headers } });
    const index = await ask('/');
    expect(index.status).toBe(200);
    expect(index.headers).toMatchObject({ 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    const policy = String(index.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    const again = await ask('/', { 'if-none-match': String(index.headers.etag) });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
    const hashed = await ask('/assets/index-abc123.js');
    expect(hashed.headers['cache-control']).toContain('immutable');
    expect(hashed.text).toBe(script);
    const packed = await ask('/assets/index-abc123.js', { 'accept-encoding': 'gzip, deflate' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.bytes).toString()).toBe(script);
    const smaller = await ask('/assets/index-abc123.js', { 'accept-encoding': 'gzip, deflate, br' });
    expect(smaller.headers['content-encoding']).toBe('br');
    expect(brotliDecompressSync(smaller.bytes).toString()).toBe(script);
    writeFileSync(join(folder, 'assets', 'index-abc123.js'), 'changed');
    expect((await ask('/assets/index-abc123.js')).text).toBe(script);
    for (const path of [
      ...[
        '/notes.md',
        '/assets/index-abc123.js.map',
        '/assets/../../secret.js',
        '/assets/..%2f..%2fsecret.js',
      ],
      ...['/../secret.js', '/index.html', '/assets/', '/assets', '/%2e%2e/secret.js', '/assets/%00'],
    ]) {
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.text).not.toContain('"secret"');
    }
    await door.close();
  });
});
