/** Folders as they should not be: `lora dataset report` says what is wrong, or reports what can be used, and changes nothing. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { datasetCommand } from '../../src/cli/commands/dataset.ts';
import { trainCommand } from '../../src/cli/commands/train.ts';
import { type Outcome, runHere } from '../support/command-line.ts';
import { stripes, temporaryFolder } from '../support/pictures.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

function folderWith(files: Files): string {
  const folder = join(temporaryFolder(), 'set');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  return folder;
}

const report = (folder: string, ...options: string[]): Promise<Outcome> =>
  runHere(datasetCommand(), 'report', folder, ...options);

interface Found {
  used: number;
  findings: { code: string; severity: string; pictures: string[]; text: string }[];
}

async function findingsOf(files: Files, ...options: string[]): Promise<Found> {
  const folder = folderWith(files);
  const { status, stdout, stderr } = await report(folder, '--json', ...options);
  expect(status, stderr).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
  return JSON.parse(stdout) as Found;
}

const codesFor = ({ findings }: Found, picture: string): string[] =>
  findings.filter(({ pictures }) => pictures.includes(picture)).map(({ code }) => code);

/** A header that promises 30000×30000 pixels, with next to no data behind it. */
function bomb(): Uint8Array {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const out = Buffer.alloc(12 + data.length);
    out.writeUInt32BE(data.length, 0);
    out.write(type, 4, 'latin1');
    out.set(data, 8);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(30_000, 0);
  header.writeUInt32BE(30_000, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const withChecksum = (part: Buffer): Buffer => {
    // libpng checks the header's sum before anything else.
    let crc = ~0;
    for (const byte of part.subarray(4, part.length - 4)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    part.writeUInt32BE(~crc >>> 0, part.length - 4);
    return part;
  };
  const parts = [
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(new Uint8Array(1000))),
    chunk('IEND', new Uint8Array()),
  ];
  return Buffer.concat([signature, ...parts.map(withChecksum)]);
}

describe('folders without a usable picture', () => {
  test.each<[string, Files, string]>([
    ['an empty folder', {}, 'DATASET_EMPTY'],
    ['texts only', { 'a.txt': 'a caption' }, 'DATASET_EMPTY'],
    [
      'broken pictures only',
      { 'a.png': '\x89PNG\r\n', 'b.jpg': 'text', 'c.webp': '' },
      'DATASET_NO_READABLE',
    ],
  ])('%s: %s', async (_, files, code) => {
    const { status, stderr } = await report(folderWith(files));
    expect(status).toBe(3);
    expect(stderr).toContain(code);
  });

  test('no folder at all', async () => {
    const { status, stderr } = await report(join(temporaryFolder(), 'nowhere'));
    expect([status, stderr.includes('DATASET_NO_FOLDER')]).toEqual([3, true]);
  });
});

test('one picture, one pixel, a bomb and a broken file: what can be used is, the rest is named', async () => {
  const found = await findingsOf({
    'good.png': stripes(64, 64, 1),
    'pixel.png': await sharp({ create: { width: 1, height: 1, channels: 3, background: '#a00' } })
      .png()
      .toBuffer(),
    'bomb.png': bomb(),
    'cut.png': stripes(64, 64, 2).subarray(0, 60),
  });
  expect(found.used).toBe(1);
  for (const name of ['pixel.png', 'bomb.png', 'cut.png'])
    expect(codesFor(found, name)).toEqual(['PICTURE_NOT_USED']);
  const codes = found.findings.map(({ code }) => code);
  expect(codes).toContain('ONE_PICTURE');
  expect(found.findings.find(({ pictures }) => pictures.includes('bomb.png'))?.text).toContain('900');
});

test('a picture of one colour and of the least size is measured without a number that is none', async () => {
  const flat = await sharp({ create: { width: 16, height: 16, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  const folder = folderWith({ 'a.png': flat, 'b.png': stripes(64, 64, 3) });
  const { status, stdout } = await report(folder, '--json', '--family', 'sd15', '--resolution', '64');
  expect(status).toBe(0);
  // JSON writes NaN and infinities as null; only what may be missing is null.
  const { effective, findings } = JSON.parse(stdout) as { effective: number | null } & Found;
  expect(effective).toBeGreaterThan(1);
  for (const { text } of findings) expect(text).not.toMatch(/NaN|Infinity|undefined/);
});

test('captions that training stops at are findings', async () => {
  const files: Files = {
    '1.png': stripes(64, 64, 1),
    '1.txt': new Uint8Array([97, 0, 98]),
    '2.png': stripes(64, 64, 2),
    '2.txt': 'word '.repeat(20_000),
    '3.png': stripes(64, 64, 3),
    '3.txt': 'a picture of stripes',
  };
  const found = await findingsOf(files);
  expect(found.used).toBe(3);
  expect(codesFor(found, '1.png')).toContain('CAPTION_UNUSABLE');
  expect(codesFor(found, '2.png')).toContain('CAPTION_UNUSABLE');
  expect(codesFor(found, '3.png')).not.toContain('CAPTION_UNUSABLE');
  expect(found.findings[0].code).toBe('CAPTION_UNUSABLE');
  const trained = await runHere(trainCommand(), folderWith(files), '--plan');
  expect(trained.status).toBe(3);
  expect(trained.stderr).toMatch(/CAPTION_(BINARY|TOO_LARGE)/);
});

describe('the page', () => {
  const names = {
    '<img src=x onerror=alert(1)>.png': '"><script>alert(1)</script>',
    '猫の絵.png': '猫が座っている & <b>fett</b>',
    "it's \u202egnp.png": `'); DROP TABLE pictures; --`,
    '🦊 лиса.png': '&lt;already escaped&gt; </style></svg>',
  };
  const files: Files = Object.fromEntries(
    Object.entries(names).flatMap(([name, caption], i) => [
      [name, stripes(64, 64, i)],
      [name.replace(/\.png$/, '.txt'), caption],
    ]),
  );

  test('shows names and captions of any kind, runs nothing and fetches nothing', async () => {
    const folder = folderWith(files);
    const path = join(temporaryFolder(), 'report.html');
    const { status, stderr } = await report(folder, '--html', path, '--trigger', '<u>plirb</u>');
    expect(status, stderr).toBe(0);
    const page = readFileSync(path, 'utf8');
    expect(page).not.toMatch(/<(script|img|iframe|object|embed|link|u)\b/i);
    expect(page).not.toMatch(/\son\w+\s*=\s*["']/i);
    expect(page).not.toMatch(/\sstyle\s*=/i);
    expect(page).not.toContain('\u202e');
    expect(page).toContain('&lt;img src=x onerror=alert(1)&gt;');
    expect(page.replaceAll(/<[^>]*>/g, '')).toContain('猫が座って');
    const addresses = [...page.matchAll(/\b(?:href|src|xlink:href|url)\s*[=(]\s*["']?([^"')\s>]+)/gi)].map(
      ([, to]) => to,
    );
    // `src=x` is the text of a name, escaped as all of them.
    const outside = addresses.filter(to => !/^(#[sp]\d+|data:image\/jpeg;base64,[\w+/=]+|x)$/.test(to));
    expect(outside).toEqual([]);
    expect(page).toMatch(
      /Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-[\w+/]+='"/,
    );
  });

  test('never takes the place of a file that is there', async () => {
    const path = join(temporaryFolder(), 'report.html');
    writeFileSync(path, 'mine');
    const { status, stderr } = await report(folderWith(files), '--html', path);
    expect([status, stderr.includes('WRITE_EXISTS')]).toEqual([1, true]);
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});

test('options that mean nothing are usage errors', async () => {
  const folder = folderWith({ 'a.png': stripes(64, 64, 1) });
  for (const options of [
    ['--goal', 'portrait'],
    ['--resolution', 'big'],
    ['--batch', '0'],
    ['--family', 'sd9'],
  ]) {
    const { status } = await report(folder, ...options);
    expect([options[0], status]).toEqual([options[0], 2]);
  }
});
