/**
 * A real studio on a real port, asked what nobody honest asks: names that lead elsewhere, bodies that are none, uploads that
 * never end, clients that never finish. It answers with problems and codes, tells nothing that it should not, and stays up.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RouteRow } from '../../src/server/route.ts';
import { studioRoutes } from '../../src/server/routes.ts';
import { type Studio, startStudio } from '../../src/server/start.ts';
import { hostileBodies, hostileValues } from '../support/hostile-json.ts';
import { stripes, temporaryFolder } from '../support/pictures.ts';
import { rawZip } from '../support/raw-zip.ts';
import {
  type Answer,
  folderBytes,
  openSocket,
  percentile,
  rawAnswer,
  type Sent,
  send,
  sendJson,
} from '../support/served-studio.ts';
import { writeLora } from '../support/small-loras.ts';
import { traversalForms } from '../support/traversal-forms.ts';

const planted = 'PLANTED-7f3a9c';
const home = temporaryFolder();
const data = join(home, 'data');
let studio: Studio;
let rows: readonly RouteRow[];
let picture: string;
let secrets: readonly string[];

/** Ids that there are, so that only the hostile part of an address can be what is refused. */
const known: Record<string, string> = { id: '', name: 'log', picture: '' };
const knownIds: Record<string, string> = {};

const fill = (path: string, params: Readonly<Record<string, string>>): string =>
  path.replace(/:(\w+)/g, (_, name: string) => params[name]);

const idFor = (path: string): string =>
  Object.entries(knownIds).find(([start]) => path.startsWith(start))?.[1] ?? 'nothing1';

beforeAll(async () => {
  mkdirSync(join(home, 'loras'), { recursive: true });
  writeFileSync(join(home, 'secret'), planted);
  writeFileSync(join(home, 'secret.png'), planted);
  writeLora(join(home, 'loras', 'zorbi.safetensors'));
  studio = await startStudio({ data, port: 0, hasPage: false });
  for (const folder of ['.', 'jobs', 'uploads', 'pictures', 'datasets', 'loras'])
    writeFileSync(join(data, folder, 'secret'), planted);
  symlinkSync('/etc/passwd', join(data, 'uploads', 'passwd.png'));
  rows = studioRoutes({
    ...{ token: { text: '', cookie: '' }, port: () => 0, isNew: async () => true, fault: () => undefined },
  });
  await sendJson(studio, 'POST', '/api/v1/queue/pause', {});
  await sendJson(studio, 'POST', '/api/v1/library/folders', { path: join(home, 'loras') });
  const set = await sendJson(studio, 'POST', '/api/v1/datasets', { name: 'stripes' });
  const { id: dataset } = JSON.parse(set.text) as { id: string };
  const added = await upload(`/api/v1/datasets/${dataset}/pictures?name=a.png`, stripes(64, 64, 1));
  picture = (JSON.parse(added.text) as { id: string }).id;
  const kept = await upload('/api/v1/uploads', stripes(64, 64, 2));
  const job = { kind: 'generate', payload: { prompt: 'a zorbi' }, id: 'hostile-job-1' };
  await sendJson(studio, 'POST', '/api/v1/jobs', job);
  await studio.context.scans.scan();
  const { cards } = JSON.parse((await get('/api/v1/library/cards?use=lora')).text) as {
    cards: { id: string }[];
  };
  known.picture = picture;
  Object.assign(knownIds, {
    '/api/v1/datasets': dataset,
    '/api/v1/uploads': (JSON.parse(kept.text) as { id: string }).id,
    '/api/v1/jobs': 'hostile-job-1',
    '/api/v1/library/cards': cards[0].id,
  });
  secrets = [studio.token, planted, data, studio.context.secret, process.execPath];
  const passwd = readFileSync('/etc/passwd', 'utf8').split('\n', 1)[0];
  if (passwd.length > 10) secrets = [...secrets, passwd];
});
afterAll(async () => studio.stop());

const get = (path: string): Promise<Answer> => send(studio, { path });
const upload = (path: string, body: Uint8Array, more: Partial<Sent> = {}): Promise<Answer> =>
  send(studio, {
    ...{ method: 'POST', path, body, ...more },
    headers: { 'content-type': 'application/octet-stream', ...more.headers },
  });

const isStack = /\n\s+at |node_modules|\.ts:\d+|node:internal/;

/** What an answer tells that it should not; undefined where all is well. */
function leak({ text, bytes, headers }: Pick<Answer, 'text' | 'bytes' | 'headers'>): string | undefined {
  const whole = `${text}\n${bytes.toString('latin1')}\n${JSON.stringify(headers)}`;
  const secret = secrets.find(one => whole.includes(one));
  if (secret !== undefined) return `tells ${secret === data ? 'where the data lies' : secret.slice(0, 12)}`;
  return isStack.test(text) ? 'tells a stack' : undefined;
}

/** Refused as it should be: by a code, without a word too many. */
function fault(answer: Answer, row?: Pick<RouteRow, 'dialect'>): string | undefined {
  const { status, text, headers } = answer;
  if (status < 400 || status >= 500) return `${status} ${text.slice(0, 200)}`;
  const told = leak(answer);
  if (told) return told;
  const isProblem = /json/.test(String(headers['content-type']));
  if (!isProblem) return `${status} is no JSON: ${text.slice(0, 100)}`;
  const body = JSON.parse(text) as { code?: string; error?: string | { code: string } };
  const code =
    row?.dialect === 'a1111'
      ? body.error
      : row?.dialect === 'openai'
        ? (body.error as { code: string })?.code
        : body.code;
  return typeof code === 'string' || typeof body.code === 'string'
    ? undefined
    : `has no code: ${text.slice(0, 200)}`;
}

/** All at most eight at a time. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of left) await work(item);
    }),
  );
}

const json = { 'content-type': 'application/json' };
const octets = { 'content-type': 'application/octet-stream' };

const headersOf = ({ policy, method }: RouteRow): Record<string, string> =>
  method === 'GET' ? {} : policy === 'upload' ? octets : json;

const escaped = (form: string): string =>
  form.replace(/[^\w.~!$'()*-]/gu, char =>
    [...Buffer.from(char, 'utf8')].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  );

/** As it is, where a request line can hold it. */
const plain = (form: string): string | undefined => (/^[\x21-\x7e]*$/.test(form) ? form : undefined);

test('no form of a name leads anywhere, on any route with an id', async () => {
  const withIds = rows.filter(({ path }) => path.includes(':'));
  expect(withIds.length).toBeGreaterThan(30);
  expect(traversalForms.length).toBeGreaterThan(120);
  const asked: { row: RouteRow; path: string }[] = [];
  for (const row of withIds) {
    const names = [...row.path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    const usual = { ...known, id: idFor(row.path) };
    for (const name of names)
      for (const { form } of traversalForms)
        for (const written of new Set([escaped(form), plain(form)]))
          if (written !== undefined) asked.push({ row, path: fill(row.path, { ...usual, [name]: written }) });
  }
  const wrong: string[] = [];
  await each(asked, async ({ row, path }) => {
    const body = row.body ? '{}' : undefined;
    const answer = await send(studio, {
      ...{ method: row.method, path, headers: { ...headersOf(row), connection: 'keep-alive' }, body },
    });
    const why = fault(answer, row);
    if (why !== undefined) wrong.push(`${row.method} ${path.slice(0, 200)}: ${why}`);
  });
  console.log(`${asked.length} addresses: ${withIds.length} routes × ${traversalForms.length} forms`);
  expect(wrong).toEqual([]);
});

test.each([
  'GET /../../../../etc/passwd',
  'GET /api/v1/../../token',
  'GET /api/v1/%2e%2e/%2e%2e/token',
  'GET /assets/../../../token',
  'GET /assets/..%2f..%2ftoken',
  'GET /assets/..%5c..%5ctoken',
  'GET //etc/passwd',
  'GET //evil.example/api/v1/status',
  'GET http://evil.example/api/v1/status',
  'GET file:///etc/passwd',
  'GET /api/v1/uploads/..%00/view',
  'GET /api/v1/uploads/\0/view',
  'GET /api/v1/uploads/passwd/view',
  'GET /api/v1/uploads/%/view',
  'GET /api/v1/uploads/%c0%ae%c0%ae/view',
  'GET /\\..\\..\\token',
  'GET *',
  'GET token',
  'OPTIONS *',
  'TRACE /',
  'CONNECT evil.example:443',
  'PRI *',
  `GET /${'a'.repeat(100_000)}`,
  `GET /api/v1/jobs/${'%2e'.repeat(20_000)}`,
])('a bare request line is refused: %j', async line => {
  const answer = await rawAnswer(
    studio.port,
    `${line.slice(0, 200_000)} HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nAuthorization: Bearer ${studio.token}\r\nConnection: close\r\n\r\n`,
    2000,
  );
  expect(answer === '' || /^HTTP\/1\.1 (4\d\d|505)/.test(answer), answer.slice(0, 300)).toBe(true);
  for (const secret of secrets) expect(answer).not.toContain(secret);
  expect(answer).not.toMatch(isStack);
});

test.each([
  ['two lengths', 'Content-Length: 2\r\nContent-Length: 30', '{}'],
  ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked', '0\r\n\r\n'],
  ['chunks that are named otherwise', 'Transfer-Encoding: chunked, identity', '{}'],
  ['a negative length', 'Content-Length: -1', '{}'],
  ['a length of 1e9', 'Content-Length: 1e9', '{}'],
  ['a folded header', 'X-A: a\r\n b\r\nContent-Length: 2', '{}'],
  ['a header without a name', ': a\r\nContent-Length: 2', '{}'],
  ['a NUL in a header', 'X-A: a\0b\r\nContent-Length: 2', '{}'],
  ['headers of 200 kB', `X-A: ${'a'.repeat(200_000)}\r\nContent-Length: 2`, '{}'],
  [
    '10,000 headers',
    `${Array.from({ length: 10_000 }, (_, i) => `X-${i}: a`).join('\r\n')}\r\nContent-Length: 2`,
    '{}',
  ],
  ['a chunk of 2^64 bytes', 'Transfer-Encoding: chunked', 'ffffffffffffffff\r\n'],
])('a request that two servers would read differently is refused: %s', async (_, headers, body) => {
  const head = `POST /api/v1/queue/pause HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nAuthorization: Bearer ${studio.token}\r\nContent-Type: application/json\r\n`;
  const answer = await rawAnswer(studio.port, `${head}${headers}\r\n\r\n${body}`, 1500);
  expect(answer === '' || /^HTTP\/1\.1 4\d\d/.test(answer), answer.slice(0, 300)).toBe(true);
  expect(answer).not.toMatch(isStack);
  expect((await get('/healthz')).status).toBe(200);
});

test('no Host, two of them, and a foreign one', async () => {
  const ask = (hosts: string): Promise<string> =>
    rawAnswer(
      studio.port,
      `GET /api/v1/status HTTP/1.1\r\n${hosts}Authorization: Bearer ${studio.token}\r\nConnection: close\r\n\r\n`,
      2000,
    );
  const own = `Host: 127.0.0.1:${studio.port}\r\n`;
  expect(await ask(own)).toMatch(/^HTTP\/1\.1 200/);
  for (const hosts of [
    '',
    'Host: \r\n',
    'Host: evil.example\r\n',
    `Host: 127.0.0.1.evil.example:${studio.port}\r\n`,
  ])
    expect(await ask(hosts), hosts).toMatch(/^HTTP\/1\.1 40[03]/);
  expect(await ask(`${own}Host: evil.example\r\n`)).toMatch(/^HTTP\/1\.1 (40[03]|200)/);
});

/** Routes that draw wait for their picture: what fits names a model that there is not. */
const drawing: Readonly<Record<string, object>> = {
  '/sdapi/v1/txt2img': { override_settings: { sd_model_checkpoint: 'no-such-model' } },
  '/sdapi/v1/img2img': { override_settings: { sd_model_checkpoint: 'no-such-model' } },
  '/v1/images/generations': { model: 'no-such-model' },
};

const withBodies = (): RouteRow[] =>
  rows.filter(({ body, isForm, policy }) => body !== undefined && !isForm && policy !== 'sign-in');

const addressOf = (row: RouteRow): string => fill(row.path, { ...known, id: idFor(row.path) });

test('every JSON route refuses what its schema does not describe, and no value is a fault of the studio', async () => {
  const asked = withBodies().flatMap((row, i) =>
    hostileValues(row.body!, 40, 1000 + i).map(value => {
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      return { row, value: isObject && drawing[row.path] ? { ...value, ...drawing[row.path] } : value };
    }),
  );
  const wrong: string[] = [];
  const statuses = new Map<number, number>();
  await each(asked, async ({ row, value }) => {
    const body = JSON.stringify(value) ?? 'null';
    const answer = await sendJson(studio, row.method, addressOf(row), body);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    // A value may happen to fit; what is refused is refused with a code.
    const why = answer.status < 400 ? leak(answer) : fault(answer, row);
    if (why !== undefined) wrong.push(`${row.method} ${row.path} ${body.slice(0, 300)}: ${why}`);
  });
  console.log(`${asked.length} bodies: ${JSON.stringify(Object.fromEntries(statuses))}`);
  expect(wrong).toEqual([]);
  expect(statuses.get(422)).toBeGreaterThan(asked.length / 3);
  expect(Object.prototype).not.toHaveProperty('isAdmin');
});

test('bodies that are no JSON, or no honest one, end in time on every JSON route', async () => {
  const zipped = gzipSync(Buffer.alloc(50_000_000));
  const asked = withBodies().flatMap(row => [
    // What those who draw may take as a wish would wait for its picture.
    ...hostileBodies
      .filter(([, , mayFit]) => !(mayFit && drawing[row.path]))
      .map(([what, body]) => ({ row, what, body, headers: {} as Record<string, string> })),
    { row, what: 'gzip', body: gzipSync('{}'), headers: { 'content-encoding': 'gzip' } },
    { row, what: 'a gzip bomb', body: zipped, headers: { 'content-encoding': 'gzip' } },
  ]);
  const wrong: string[] = [];
  let slowest = 0;
  await each(asked, async ({ row, what, body, headers }) => {
    const answer = await send(studio, {
      ...{ method: row.method, path: addressOf(row), body, headers: { ...json, ...headers } },
    }).catch((error: Error) => error);
    if (answer instanceof Error) {
      wrong.push(`${row.method} ${row.path}, ${what}: ${answer.message}`);
      return;
    }
    slowest = Math.max(slowest, answer.ms);
    // Dialects pass over fields that they do not know, as clients expect.
    const why = answer.status < 400 ? leak(answer) : fault(answer, row);
    if (why !== undefined) wrong.push(`${row.method} ${row.path}, ${what}: ${why}`);
  });
  console.log(`${asked.length} bodies, the slowest ${Math.round(slowest)} ms`);
  expect(wrong).toEqual([]);
  expect(slowest).toBeLessThan(20_000);
  expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
});

test('every query refuses what it does not describe', async () => {
  const texts = [
    '',
    '-1',
    '1e9',
    '99999999999999999999',
    'NaN',
    '../../token',
    "' OR 1=1 --",
    '"*"',
    '%00',
    '%ff',
    'a'.repeat(12_000),
    '[object Object]',
  ];
  const wrong: string[] = [];
  const asked = rows
    .filter(({ method, query, path }) => method === 'GET' && query && !path.endsWith('/events'))
    .flatMap(row => {
      const names = Object.keys((row.query as unknown as { shape: object }).shape);
      return [...names, 'nosuch', '__proto__', 'constructor'].flatMap(name =>
        [
          ...texts.map(text => `${name}=${text.startsWith('%') ? text : encodeURIComponent(text)}`),
          `${name}=a&${name}=b`,
        ].map(query => ({ row, path: `${addressOf(row)}?${query}` })),
      );
    });
  await each(asked, async ({ row, path }) => {
    const answer = await get(path);
    const why = answer.status < 400 ? leak(answer) : fault(answer, row);
    if (why !== undefined) wrong.push(`${path.slice(0, 200)}: ${why}`);
  });
  console.log(`${asked.length} queries`);
  expect(wrong).toEqual([]);
  const misspelt = await get('/api/v1/jobs?stat=done');
  expect(misspelt.status).toBe(422);
  expect(misspelt.text).toContain('did you mean state');
});

test('own routes name the nearest field, dialects pass over what they do not know', async () => {
  const own = await sendJson(studio, 'POST', '/api/v1/jobs', {
    kind: 'generate',
    payload: { prompt: 'a', stpes: 3 },
  });
  expect(own.status).toBe(422);
  expect(JSON.parse(own.text)).toMatchObject({ issues: [{ path: 'stpes' }] });
  expect(own.text).toContain('did you mean steps');
  const theirs = await sendJson(studio, 'POST', '/sdapi/v1/png-info', {
    ...{ image: Buffer.from(stripes(64, 64, 1)).toString('base64'), nosuch: 1 },
  });
  expect(theirs.status).toBe(200);
});

const uploads = (): RouteRow[] => rows.filter(({ policy }) => policy === 'upload');

/** Where files of this route go, with what it has to be told. */
function uploadAddress(row: RouteRow, name: string): string {
  const address = addressOf(row);
  return row.query ? `${address}?name=${encodeURIComponent(name)}` : address;
}

function pngChunk(type: string, content: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + content.length);
  chunk.writeUInt32BE(content.length, 0);
  chunk.write(type, 4, 'latin1');
  chunk.set(content, 8);
  return chunk;
}

/** 30,000×30,000 in 130 kB. Checksums are wrong: whoever looks at them has decoded too much already. */
function pictureBomb(): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(30_000, 0);
  header.writeUInt32BE(30_000, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(30_000 * 3751), { level: 1 });
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    ...[pngChunk('IHDR', header), pngChunk('IDAT', rows), pngChunk('IEND', new Uint8Array())],
  ]);
}

async function animated(): Promise<Buffer> {
  const frames = await Promise.all(
    [1, 2, 3].map(i =>
      sharp({ create: { width: 32, height: 32, channels: 3, background: { r: 80 * i, g: 0, b: 0 } } })
        .png()
        .toBuffer(),
    ),
  );
  return sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
}

test('uploads that are not what they say are refused, and leave nothing', async () => {
  const whole = Buffer.from(stripes(640, 640, 3));
  const bomb = Buffer.alloc(30_000_000);
  const list: readonly (readonly [what: string, name: string, body: Uint8Array])[] = [
    ['nothing', 'a.png', Buffer.alloc(0)],
    ['half a PNG', 'a.png', whole.subarray(0, whole.length / 2)],
    ['a header alone', 'a.png', whole.subarray(0, 33)],
    ['noise', 'a.png', Buffer.from(whole.map((byte, i) => (byte * 31 + i * 7) & 255))],
    ['zeros', 'a.png', Buffer.alloc(100_000)],
    ['a picture of 900 megapixels', 'a.png', pictureBomb()],
    ['an animation', 'a.gif', await animated()],
    ['SVG', 'a.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')],
    [
      'SVG that is called PNG',
      'a.png',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    ],
    ['HTML that is called PNG', 'a.png', Buffer.from('<!doctype html><script>alert(1)</script>')],
    ['PDF', 'a.png', Buffer.from('%PDF-1.7\n1 0 obj<<>>endobj')],
    ['a program', 'a.png', Buffer.from('\x7fELF\x02\x01\x01')],
    ['text that is called safetensors', 'a.safetensors', Buffer.from('these are no tensors')],
    ['a safetensors header of 2^63 bytes', 'a.safetensors', Buffer.from('ffffffffffffff7f7b7d', 'hex')],
    ['an empty zip', 'a.zip', rawZip([])],
    ['a zip that climbs', 'a.zip', rawZip([{ name: '../../../zorbi.safetensors', data: 'a' }])],
    ['a zip with a link', 'a.zip', rawZip([{ name: 'a.safetensors', data: '/etc/passwd', mode: 0o120777 }])],
    ['a zip bomb', 'a.zip', rawZip([{ name: 'a.safetensors', data: bomb, deflate: true }])],
    ['a zip that lies', 'a.zip', rawZip([{ name: 'a.safetensors', data: 'a', size: 4_000_000_000 }])],
    ['a pack of text', 'a.lorapack', rawZip([{ name: 'lora.safetensors', data: 'these are no tensors' }])],
  ];
  const wrong: string[] = [];
  const before = folderBytes(data);
  for (const row of uploads())
    for (const [what, name, body] of list) {
      const answer = await upload(uploadAddress(row, name), body, { method: row.method });
      // Their text is read and nothing of them decoded; of an animation in a data set the first frame is used.
      const isRead = row.path.endsWith('/read') && /megapixels|animation/.test(what);
      const isTaken = row.path.endsWith('/pictures') && what === 'an animation';
      const why = isRead || isTaken ? leak(answer) : fault(answer, row);
      if (why !== undefined) wrong.push(`${row.method} ${row.path}, ${what}: ${why}`);
      if (answer.ms > 5000) wrong.push(`${row.path}, ${what}: took ${answer.ms} ms`);
    }
  expect(wrong).toEqual([]);
  expect(folderBytes(data) - before).toBeLessThan(200_000);
  expect(readdirSync(home).sort()).toEqual(['data', 'loras', 'secret', 'secret.png']);
});

test('a gigabyte is refused by its length at once, and without a length when there is too much of it', async () => {
  const before = folderBytes(data);
  const gigabyte = 2 ** 30;
  for (const row of uploads()) {
    const head = (more: string): string =>
      `${row.method} ${uploadAddress(row, 'a.png')} HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nAuthorization: Bearer ${studio.token}\r\nContent-Type: application/octet-stream\r\n${more}\r\n\r\n`;
    if ((row.bodyLimit ?? 0) < gigabyte) {
      const told = await rawAnswer(studio.port, head(`Content-Length: ${gigabyte}`), 2000);
      expect(told, row.path).toMatch(/^HTTP\/1\.1 413/);
    }
    const socket = await openSocket(studio.port);
    let [text, sent] = ['', 0];
    socket.on('data', part => {
      text += part.toString('latin1');
    });
    socket.write(head('Transfer-Encoding: chunked'));
    const megabyte = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(2 ** 20), Buffer.from('\r\n')]);
    while (text === '' && !socket.destroyed && sent < gigabyte) {
      if (!socket.write(megabyte))
        await Promise.race([new Promise(done => socket.once('drain', done)), delay(1000)]);
      sent += 2 ** 20;
    }
    await delay(50);
    socket.destroy();
    expect(text === '' || /^HTTP\/1\.1 4(13|22|00)/.test(text), `${row.path}: ${text.slice(0, 200)}`).toBe(
      true,
    );
    expect(sent, row.path).toBeLessThan(Math.min(gigabyte, 300 * 2 ** 20));
  }
  await delay(200);
  expect(folderBytes(data) - before).toBeLessThan(100_000);
  expect((await get('/healthz')).status).toBe(200);
});

test('half an upload leaves nothing, and no list shows it', async () => {
  const before = folderBytes(data);
  for (const row of uploads()) {
    const socket = await openSocket(studio.port);
    socket.write(
      `${row.method} ${uploadAddress(row, 'half.png')} HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nAuthorization: Bearer ${studio.token}\r\nContent-Type: image/png\r\nContent-Length: 500000\r\n\r\n`,
    );
    socket.write(Buffer.from(stripes(640, 640, 5)).subarray(0, 20_000));
    await delay(60);
    socket.destroy();
  }
  await delay(200);
  expect(folderBytes(data) - before).toBeLessThan(20_000);
  expect((await get(`/api/v1/datasets/${knownIds['/api/v1/datasets']}`)).text).not.toContain('half');
});

test('no answer of any GET route tells the token, where the data lies, or a stack', async () => {
  const wrong: string[] = [];
  const allowed = new Set(['/api/v1/library/folders']);
  let seen = 0;
  for (const row of rows.filter(({ method, path }) => method === 'GET' && !path.endsWith('/events'))) {
    const answer = await get(addressOf(row));
    seen++;
    const told = leak(answer);
    if (told && !(allowed.has(row.path) && told.includes('where'))) wrong.push(`${row.path}: ${told}`);
    if (answer.status >= 500) wrong.push(`${row.path}: ${answer.status} ${answer.text.slice(0, 200)}`);
  }
  expect(wrong).toEqual([]);
  expect(seen).toBeGreaterThan(40);
  const log = readFileSync(join(data, 'logs', 'studio.log'), 'utf8');
  expect(log).not.toContain(studio.token);
  expect(log.split('\n').filter(line => line.includes('a fault of the studio'))).toEqual([]);
});

test('a LoRA that is deleted while a job waits for it: the job fails with a name and a hint, the queue goes on', async () => {
  const { id } = studio.context.library.search({ use: 'lora', limit: 1 }).cards[0];
  const asked = await sendJson(studio, 'POST', '/api/v1/jobs', {
    ...{ kind: 'generate', id: 'with-a-lora-1' },
    payload: { prompt: 'a', steps: 1, width: 64, height: 64, loras: [{ id }] },
  });
  expect(asked.status).toBe(201);
  await send(studio, { method: 'DELETE', path: '/api/v1/jobs/hostile-job-1' });
  await sendJson(studio, 'POST', '/api/v1/jobs/hostile-job-1/cancel', {});
  writeFileSync(join(home, 'loras', 'zorbi.safetensors'), 'gone');
  const after = await sendJson(studio, 'POST', '/api/v1/jobs', {
    ...{ kind: 'generate', id: 'without-a-lora', payload: { prompt: 'a', steps: 1, width: 64, height: 64 } },
  });
  expect(after.status).toBe(201);
  await sendJson(studio, 'POST', '/api/v1/queue/resume', {});
  const job = await ended('with-a-lora-1');
  expect(job.state).toBe('failed');
  expect(job.error?.code).toMatch(/^[A-Z_]+$/);
  expect(job.error?.message).toContain('zorbi');
  expect(JSON.stringify(job)).not.toContain(data);
  expect(JSON.stringify(job)).not.toContain(home);
  expect((await ended('without-a-lora')).state).toBe('done');
  const log = await get('/api/v1/jobs/with-a-lora-1/log');
  expect(leak(log) ?? log.text).not.toContain('tells');
  expect(log.text).not.toContain(home);
});

interface ToldJob {
  readonly state: string;
  readonly progress?: { readonly share: number };
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

async function ended(id: string): Promise<ToldJob> {
  for (;;) {
    const job = JSON.parse((await get(`/api/v1/jobs/${id}`)).text) as ToldJob;
    if (['done', 'failed', 'cancelled'].includes(job.state)) return job;
    await delay(100);
  }
}

test('a LoRA that is deleted while a job runs with it: that one ends as it can, the next one says what is missing', async () => {
  const dataset = knownIds['/api/v1/datasets'];
  for (let i = 1; i < 4; i++)
    await upload(`/api/v1/datasets/${dataset}/pictures?name=${i}.png`, stripes(64, 64, i));
  const recipe = {
    ...{
      steps: 2,
      rank: 2,
      batch: 1,
      targets: 'attention',
      textTargets: null,
      resolution: 64,
      validationShare: 0,
    },
  };
  const train = { kind: 'train', id: 'makes-a-lora', payload: { name: 'own', dataset, recipe } };
  expect((await sendJson(studio, 'POST', '/api/v1/jobs', train)).status).toBe(201);
  expect(await ended('makes-a-lora')).toMatchObject({ state: 'done' });
  await studio.context.scans.scan();
  const own = studio.context.library.search({ text: 'own', use: 'lora', limit: 1 }).cards[0];
  const picture = { prompt: 'a', steps: 40, count: 3, width: 64, height: 64, loras: [{ id: own.id }] };
  for (const id of ['runs-with-it', 'comes-too-late'])
    expect(
      (await sendJson(studio, 'POST', '/api/v1/jobs', { kind: 'generate', id, payload: picture })).status,
    ).toBe(201);
  const isDrawing = async (): Promise<boolean> => {
    const { state, progress } = JSON.parse((await get('/api/v1/jobs/runs-with-it')).text) as ToldJob;
    return state !== 'queued' && (state !== 'running' || (progress?.share ?? 0) > 0);
  };
  while (!(await isDrawing())) await delay(20);
  rmSync(studio.context.library.pathOf(own.id));
  const first = await ended('runs-with-it');
  expect(first.state === 'done' || first.error?.code).toBeTruthy();
  const second = await ended('comes-too-late');
  expect(second.state).toBe('failed');
  expect(second.error?.code).toMatch(/MISSING|NOT_FOUND|UNKNOWN/);
  expect(JSON.stringify([first, second])).not.toContain(home);
  expect((await get('/healthz')).status).toBe(200);
}, 120_000);

test('forms with files: broken ones, endless ones and names that climb are refused', async () => {
  const type = 'multipart/form-data; boundary=b';
  const part = (name: string, body: string | Buffer, fileName?: string): Buffer =>
    Buffer.concat([
      Buffer.from(
        `--b\r\nContent-Disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n\r\n`,
      ),
      Buffer.from(body),
      Buffer.from('\r\n'),
    ]);
  const end = Buffer.from('--b--\r\n');
  const model = part('model', 'no-such-model');
  const bodies: readonly (readonly [what: string, body: Buffer, type?: string])[] = [
    ['nothing', Buffer.alloc(0)],
    ['no boundary', Buffer.from('a'), 'multipart/form-data'],
    ['another boundary', Buffer.from('--c\r\n\r\n--c--')],
    ['no end', part('prompt', 'a')],
    ['no picture', Buffer.concat([part('prompt', 'a'), end])],
    ['text as a picture', Buffer.concat([part('prompt', 'a'), part('image', 'text', '../../a.png'), end])],
    [
      'a model that there is not',
      Buffer.concat([
        part('prompt', 'a'),
        model,
        part('image', Buffer.from(stripes(64, 64, 1)), '../../../a.png'),
        end,
      ]),
    ],
    ['1000 fields', Buffer.concat([...Array.from({ length: 1000 }, (_, i) => part(`f${i}`, 'a')), end])],
    ['100 files', Buffer.concat([...Array.from({ length: 100 }, () => part('image', 'a', 'a.png')), end])],
    ['a field of 3 MB', Buffer.concat([part('prompt', 'a'.repeat(3_000_000)), end])],
    ['a prototype', Buffer.concat([part('__proto__', 'a'), part('constructor', 'a'), end])],
    ['headers without end', Buffer.from(`--b\r\nContent-Disposition: ${'a'.repeat(200_000)}`)],
  ];
  const wrong: string[] = [];
  for (const [what, body, said = type] of bodies) {
    const answer = await send(studio, {
      ...{
        method: 'POST',
        path: '/v1/images/edits',
        body,
        headers: { 'content-type': said },
        timeoutMs: 5000,
      },
    }).catch((error: Error) => error);
    const why = answer instanceof Error ? answer.message : fault(answer, { dialect: 'openai' });
    if (why !== undefined) wrong.push(`${what}: ${why}`);
  }
  expect(wrong).toEqual([]);
  expect(readdirSync(home).sort()).toEqual(['data', 'loras', 'secret', 'secret.png']);
});

test('events take no more than an id', async () => {
  for (const query of ['after=a&after=b', `after=${'a'.repeat(100)}`, 'after[]=a&after=b&after=c']) {
    const text = await rawAnswer(
      studio.port,
      `GET /api/v1/events?${query} HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nAuthorization: Bearer ${studio.token}\r\n\r\n`,
      300,
    );
    expect(text, query).toMatch(/^HTTP\/1\.1 4\d\d/);
  }
});

test('500 sockets that send a byte a second do not keep an honest client waiting', async () => {
  const sockets = await Promise.all(Array.from({ length: 500 }, () => openSocket(studio.port)));
  const line = `GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:${studio.port}\r\nX-Slow: `;
  let at = 0;
  const slow = setInterval(() => {
    for (const socket of sockets) if (!socket.destroyed) socket.write(line[at % line.length]);
    at++;
  }, 1000);
  const times: number[] = [];
  for (const until = performance.now() + 6000; performance.now() < until; await delay(20)) {
    const answer = await get('/api/v1/status');
    expect(answer.status).toBe(200);
    times.push(answer.ms);
  }
  clearInterval(slow);
  for (const socket of sockets) socket.destroy();
  console.log(
    `${times.length} honest requests: p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  );
  expect(percentile(times, 0.99)).toBeLessThan(500);
});

test('a thousand wrong tokens: 401 ten times, then 429, and the right one goes on', async () => {
  const statuses = new Map<number, number>();
  const asked = Array.from({ length: 1000 }, (_, i) => i);
  await each(asked, async i => {
    const answer = await send(studio, {
      path: '/api/v1/status',
      headers: { authorization: `Bearer wrong-${i}` },
    });
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    if (i % 100 === 0) expect((await get('/api/v1/status')).status).toBe(200);
  });
  expect(statuses.get(401)).toBeLessThanOrEqual(10);
  expect(statuses.get(429)).toBeGreaterThanOrEqual(990);
  // Signing in is throttled, too.
  expect(
    (await sendJson({ ...studio, token: '' }, 'POST', '/api/v1/session', { token: 'wrong' })).status,
  ).toBe(429);
});
