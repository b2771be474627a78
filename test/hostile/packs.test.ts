/** Archives of strangers: refused with a stable code, nothing written outside, nothing left behind, nothing overwritten. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { packContentOf } from '../../src/library/packs/pack-content.ts';
import { packLora } from '../../src/library/packs/pack-lora.ts';
import { unpackLora } from '../../src/library/packs/unpack-lora.ts';
import { serializeLora } from '../../src/lora/index.ts';
import { stripes, temporaryFolder } from '../support/pictures.ts';
import { type RawMember, type RawZip, rawZip } from '../support/raw-zip.ts';

type Members = Readonly<Record<string, Uint8Array | string | undefined>>;

const matrix = (shape: number[]) => ({ shape, data: new Float32Array(shape[0] * shape[1]).fill(0.01) });
/** One layer of the pocket model. */
const loraBytes = (metadata: Record<string, string> = {}): Uint8Array =>
  serializeLora(
    {
      modules: [
        {
          target: 'unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q',
          ...{ kind: 'lora', rank: 2, alpha: 2 },
          tensors: { down: matrix([2, 64]), up: matrix([64, 2]) },
        },
      ],
      metadata,
    },
    { dtype: 'float32' },
  ).bytes;

let whole: Record<string, Buffer>;

/** The members of a good pack: they are stored, one after another. */
async function goodMembers(): Promise<Record<string, Buffer>> {
  const folder = temporaryFolder();
  const path = join(folder, 'zork.safetensors');
  writeFileSync(path, loraBytes({ 'modelspec.trigger_phrase': 'zork', 'modelspec.license': 'CC0' }));
  writeFileSync(join(folder, 'zork.png'), stripes(32, 16, 1));
  const pack = join(folder, 'zork.lorapack');
  const { members } = await packLora(await packContentOf(path), pack);
  const zip = readFileSync(pack);
  const list = startOf(zip, 'checksums.json');
  const listed = zip.subarray(list, zip.indexOf('PK\x03\x04', list, 'latin1'));
  const others = members.map(({ name, bytes }): [string, Buffer] => {
    const start = startOf(zip, name);
    return [name, Buffer.from(zip.subarray(start, start + bytes))];
  });
  return { 'checksums.json': Buffer.from(listed), ...Object.fromEntries(others) };
}

/** Where the bytes of a member begin: behind the local header that has its name. */
function startOf(zip: Buffer, name: string): number {
  for (
    let at = zip.indexOf('PK\x03\x04', 0, 'latin1');
    at >= 0;
    at = zip.indexOf('PK\x03\x04', at + 4, 'latin1')
  ) {
    const length = zip.readUInt16LE(at + 26);
    if (zip.toString('utf8', at + 30, at + 30 + length) === name)
      return at + 30 + length + zip.readUInt16LE(at + 28);
  }
  throw new Error(name);
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The good pack with members changed, and the list made to fit. */
function packOf(changes: Members = {}, { more = [], ...zip }: RawZip & { more?: RawMember[] } = {}): Buffer {
  const all = Object.entries({ ...whole, ...changes }).filter(
    (entry): entry is [string, Uint8Array | string] => entry[1] !== undefined,
  );
  const files = Object.fromEntries(
    all
      .filter(([name]) => name !== 'checksums.json')
      .map(([name, data]) => [name, { sha256: sha256(data), bytes: Buffer.from(data as Uint8Array).length }]),
  );
  const list = changes['checksums.json'] ?? JSON.stringify({ format: 'lora-studio pack 1', files });
  const members = all.map(([name, data]) => ({ name, data: name === 'checksums.json' ? list : data }));
  return rawZip([...members, ...more], zip);
}

const zipOf = (members: Members, options: RawZip = {}): Buffer =>
  rawZip(
    Object.entries(members).map(([name, data]) => ({ name, data: data ?? '' })),
    options,
  );

/** Unpacks beside a file of the user's; what is refused must leave exactly that, here and in the folder above. */
async function unpack(bytes: Uint8Array, name = 'zork.lorapack', limits = {}) {
  const above = temporaryFolder();
  const folder = join(above, 'loras');
  mkdirSync(folder);
  writeFileSync(join(folder, 'mine.txt'), 'mine');
  const pack = join(temporaryFolder(), name);
  writeFileSync(pack, bytes);
  const look = (): string[] => [...readdirSync(above), ...readdirSync(folder)];
  const before = look();
  try {
    const unpacked = await unpackLora(pack, folder, { limits });
    return { unpacked, files: readdirSync(folder).sort(), folder };
  } catch (error) {
    expect(look()).toEqual(before);
    throw error;
  }
}

const refused = async (
  bytes: Uint8Array,
  code: string | RegExp,
  name?: string,
  limits = {},
): Promise<void> => {
  const expected = typeof code === 'string' ? code : expect.stringMatching(code);
  await expect(unpack(bytes, name, limits)).rejects.toMatchObject({ code: expected, exit: 'badInput' });
};

beforeAll(async () => {
  whole = await goodMembers();
});

test('the good one is unpacked as A1111 lays it out', async () => {
  const { files, folder, unpacked } = await unpack(packOf());
  expect(files).toEqual([
    'mine.txt',
    'zork.LICENSE.txt',
    'zork.json',
    'zork.preview.png',
    'zork.safetensors',
  ]);
  expect(readFileSync(join(folder, 'zork.safetensors')).equals(whole['lora/zork.safetensors'])).toBe(true);
  expect(JSON.parse(readFileSync(join(folder, 'zork.json'), 'utf8'))['activation text']).toBe('zork');
  expect(unpacked.card?.license).toBe('CC0');
});

describe('paths that lead elsewhere', () => {
  const paths = [
    '../evil.safetensors',
    'a/../../evil.safetensors',
    'lora/../../evil.safetensors',
    './evil.safetensors',
    '/tmp/evil.safetensors',
    '//server/share/evil.safetensors',
    'C:/evil.safetensors',
    'c:evil.safetensors',
    '..\\evil.safetensors',
    'lora\\..\\..\\evil.safetensors',
    '\\\\server\\share\\evil.safetensors',
    '~/evil.safetensors',
    '.../evil.safetensors',
    '.. /evil.safetensors',
    '%2e%2e/evil.safetensors',
    '..%2fevil.safetensors',
    '%252e%252e%252fevil.safetensors',
    '．．/evil.safetensors',
    '..／evil.safetensors',
    '..∕evil.safetensors',
    'evil.safetensors\0.png',
    '..\0/evil.safetensors',
  ];
  test.each(paths)('%j, in a pack and in a zip', async path => {
    await refused(packOf({}, { more: [{ name: path, data: loraBytes() }] }), 'PACK_PATH');
    await refused(zipOf({ [path]: loraBytes() }), 'PACK_PATH', 'zork.zip');
  });

  test('names that are no text may lead nowhere either', async () => {
    const name = Buffer.concat([Buffer.from('../'), Buffer.from([0x82, 0xa0]), Buffer.from('.safetensors')]);
    await refused(rawZip([{ name, flags: 0, data: loraBytes() }]), 'PACK_PATH', 'zork.zip');
  });
});

describe('names that are no files everywhere', () => {
  test.each([
    'con.safetensors',
    'NUL.v1.safetensors',
    'com1.safetensors',
    'evil\u202egnp.safetensors',
    'evil\u200b.safetensors',
    'a<b>.safetensors',
    'ab:c.safetensors',
    'a\nb.safetensors',
    ' a.safetensors',
    `${'n'.repeat(201)}.safetensors`,
    `${'ä'.repeat(120)}.safetensors`,
    '.safetensors',
    '.hidden.safetensors',
  ])('%j', async name => {
    const lora = whole['lora/zork.safetensors'];
    const pack = packOf({ 'lora/zork.safetensors': undefined, [`lora/${name}`]: lora });
    await refused(pack, /^PACK_(NAME|UNLISTED)$/);
    await refused(zipOf({ [name]: loraBytes() }), 'PACK_NAME', 'zork.zip');
  });

  test('a path without end', async () => {
    await refused(zipOf({ [`${'a/'.repeat(600)}b.safetensors`]: loraBytes() }), 'PACK_NAME', 'zork.zip');
  });
});

describe('members that are no plain files', () => {
  test.each([
    ['a link', 0o120777],
    ['a device', 0o020666],
    ['a block device', 0o060666],
    ['a pipe', 0o010666],
    ['a socket', 0o140777],
  ])('%s', async (_, mode) => {
    await refused(
      packOf({}, { more: [{ name: 'previews/09.png', data: '/etc/passwd', mode }] }),
      'PACK_LINK',
    );
    await refused(rawZip([{ name: 'zork.safetensors', data: '/etc/passwd', mode }]), 'PACK_LINK', 'zork.zip');
  });

  test.each([
    ['encrypted', { flags: 0x801 }, 'PACK_ENCRYPTED'],
    ['strongly encrypted', { flags: 0x841 }, 'PACK_ENCRYPTED'],
    ['with a hidden directory', { flags: 0x2800 }, 'PACK_ENCRYPTED'],
    ['packed by LZMA', { method: 14 }, 'PACK_COMPRESSION'],
    ['packed by zstd', { method: 93 }, 'PACK_COMPRESSION'],
  ] as const)('%s', async (_, lies, code) => {
    await refused(rawZip([{ name: 'zork.safetensors', data: loraBytes(), ...lies }]), code, 'zork.zip');
  });
});

describe('names that come twice', () => {
  const lora = (): Uint8Array => whole['lora/zork.safetensors'];
  test.each<[string, RawMember[]]>([
    ['the same', [{ name: 'card.json', data: '{}' }]],
    ['capitals', [{ name: 'CARD.json', data: '{}' }]],
    ['composed and decomposed', [{ name: 'ä.txt' }, { name: 'a\u0308.txt' }]],
    ['a file as a folder', [{ name: 'card.json/x.txt', data: 'x' }]],
  ])('%s', async (_, more) => {
    await refused(packOf({}, { more }), 'PACK_DUPLICATE');
  });

  test('in two folders of a zip', async () => {
    await refused(
      zipOf({ 'a/zork.safetensors': lora(), 'b/Zork.safetensors': lora() }),
      'PACK_DUPLICATE',
      'zork.zip',
    );
  });
});

describe('bombs', () => {
  const zeros = Buffer.alloc(8 * 2 ** 20);
  test('that grow', async () => {
    await refused(
      rawZip([{ name: 'zork.safetensors', data: zeros, deflate: true }]),
      'PACK_BOMB',
      'zork.zip',
    );
  });

  test('that say to be small and grow anyway', async () => {
    const member = { name: 'zork.safetensors', data: zeros, deflate: true, size: 1000 };
    await refused(rawZip([member]), 'PACK_BOMB', 'zork.zip');
  });

  test('that say to be larger than all that is unpacked', async () => {
    const members = Array.from({ length: 5 }, (_, i) => ({
      name: `${i}.bin`,
      deflate: true,
      size: 0xf0000000,
    }));
    await refused(rawZip(members), 'PACK_BOMB', 'zork.zip');
  });

  test('whose members overlap', async () => {
    const first = { name: 'a.txt', data: Buffer.alloc(1000, 65) };
    await refused(rawZip([first, { ...first, sameAs: 0 }]), 'PACK_BOMB', 'zork.zip');
    await refused(rawZip([first, { ...first, name: 'b.txt', sameAs: 0 }]), 'PACK_DAMAGED', 'zork.zip');
  });

  test('of many members', async () => {
    const members = Array.from({ length: 300 }, (_, i) => ({ name: `${i}.txt` }));
    await refused(rawZip(members), 'PACK_TOO_MANY', 'zork.zip');
  });

  test('of one member, that say to have 65,000', async () => {
    await refused(rawZip([{ name: 'a.txt' }], { count: 65_000 }), 'PACK_TOO_MANY', 'zork.zip');
  });

  test('a card, a picture or a list without end', async () => {
    const huge = ' '.repeat(5 * 2 ** 20);
    await refused(packOf({ 'card.json': huge }), 'PACK_BOMB');
    await refused(packOf({ 'checksums.json': huge }), 'PACK_BOMB');
    await refused(packOf({}), 'PACK_BOMB', 'zork.lorapack', { picture: 10 });
  });

  test('a picture of 900 megapixels in some kilobytes', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"><rect width="9" height="9"/></svg>';
    await refused(packOf({ 'previews/00.png': svg }), 'PICTURE_NOT_A_PICTURE');
  });
});

describe('broken archives', () => {
  test.each<[string, () => Uint8Array, string]>([
    ['nothing', () => Buffer.alloc(0), 'PACK_NOT_A_ZIP'],
    ['one byte', () => Buffer.from('P'), 'PACK_NOT_A_ZIP'],
    ['a text', () => Buffer.from('hello, this is no archive'), 'PACK_NOT_A_ZIP'],
    ['a LoRA itself', () => loraBytes(), 'PACK_NOT_A_ZIP'],
    ['a pickle', () => Buffer.from([0x80, 0x02, 0x7d, 0x71, 0x00, 0x2e]), 'PACK_PICKLE'],
    ['an archive without members', () => rawZip([]), 'PACK_NO_LORA'],
    ['cut off', () => packOf().subarray(0, 800), 'PACK_DAMAGED'],
    ['without its last byte', () => packOf().subarray(0, -1), 'PACK_DAMAGED'],
    ['something in front', () => packOf({}, { prefix: Buffer.from('#!/bin/sh\n') }), 'PACK_NOT_A_ZIP'],
    [
      'a zip in front',
      () => packOf({}, { prefix: Buffer.from('PK\x03\x04 and more', 'latin1') }),
      'PACK_DAMAGED',
    ],
    ['fewer members than it says', () => packOf({}, { count: 60 }), 'PACK_DAMAGED'],
    [
      'another name in its own header',
      () => rawZip([{ name: 'a.txt', localName: 'b.txt', data: 'x' }]),
      'PACK_DAMAGED',
    ],
    ['stored in another size', () => rawZip([{ name: 'a.txt', data: 'x', size: 9 }]), 'PACK_DAMAGED'],
    [
      'packed in more than there is',
      () => rawZip([{ name: 'a.txt', data: 'x', packedSize: 9e6, size: 9e6 }]),
      'PACK_DAMAGED',
    ],
    [
      'a wrong checksum',
      () => rawZip([{ name: 'zork.safetensors', data: loraBytes(), crc: 7 }]),
      'PACK_DAMAGED',
    ],
    [
      'damaged deflate',
      () => rawZip([{ name: 'zork.safetensors', data: 'xyxyxyxy', method: 8, size: 70 }]),
      'PACK_DAMAGED',
    ],
  ])('%s', async (_, bytes, code) => {
    await refused(bytes(), code, 'zork.zip');
  });
});

describe('packs that are not what they say', () => {
  const json = (name: string): Record<string, unknown> => JSON.parse(whole[name].toString());
  test.each<[string, () => Members, string]>([
    [
      'a changed LoRA',
      () => ({ 'checksums.json': whole['checksums.json'], 'lora/zork.safetensors': flipped() }),
      'PACK_CHECKSUM',
    ],
    [
      'a longer LoRA',
      () => ({ 'checksums.json': whole['checksums.json'], 'lora/zork.safetensors': loraBytes({ a: 'b' }) }),
      'PACK_CHECKSUM',
    ],
    [
      'a changed card',
      () => ({
        'checksums.json': whole['checksums.json'],
        'card.json': whole['card.json'].toString().replace('zork', 'evil'),
      }),
      'PACK_CHECKSUM',
    ],
    [
      'a card of another LoRA, with a list that fits',
      () => ({ 'lora/zork.safetensors': flipped() }),
      'PACK_CHECKSUM',
    ],
    [
      'a member that is not in its list',
      () => ({ 'checksums.json': whole['checksums.json'], 'recipe.toml': 'rank = 4' }),
      'PACK_UNLISTED',
    ],
    [
      'a member that only its list has',
      () => ({ 'checksums.json': whole['checksums.json'], 'LICENSE.txt': undefined }),
      'PACK_MISSING',
    ],
    ['no card', () => ({ 'card.json': undefined }), 'PACK_MISSING'],
    ['no list', () => ({ 'checksums.json': undefined }), 'PACK_MISSING'],
    ['no LoRA', () => ({ 'lora/zork.safetensors': undefined }), 'PACK_NO_LORA'],
    ['two LoRAs', () => ({ 'lora/other.safetensors': loraBytes() }), 'PACK_NO_LORA'],
    ['something else in it', () => ({ 'readme.md': 'hi' }), 'PACK_UNLISTED'],
    ['a pickle in it', () => ({ 'lora/zork.ckpt': Buffer.from([0x80, 2]) }), 'PACK_PICKLE'],
    ['a program in it', () => ({ 'setup.exe': 'MZ' }), 'PACK_PICKLE'],
    ['a list that is no JSON', () => ({ 'checksums.json': '{' }), 'PACK_CARD'],
    [
      'a list with a wrong hash',
      () => ({
        'checksums.json': '{"format":"lora-studio pack 1","files":{"card.json":{"sha256":"x","bytes":1}}}',
      }),
      'PACK_CARD',
    ],
    [
      'a card with a wrong type',
      () => ({ 'card.json': JSON.stringify({ ...json('card.json'), triggers: 'zork' }) }),
      'PACK_CARD',
    ],
    ['a card that is no UTF-8', () => ({ 'card.json': Buffer.from([0x7b, 0xff, 0x7d]) }), 'PACK_CARD'],
    ['a later version', () => ({ 'checksums.json': '{"format":"lora-studio pack 2"}' }), 'PACK_NEWER'],
    [
      'a preview that is no picture',
      () => ({ 'previews/00.png': '<script>alert(1)</script>' }),
      'PICTURE_NOT_A_PICTURE',
    ],
    [
      'a LoRA that is no safetensors',
      () => withLora(Buffer.from('not a safetensors file at all')),
      'FORMAT_',
    ],
    [
      'a LoRA that is cut off',
      () => withLora(whole['lora/zork.safetensors'].subarray(0, -5)),
      'FORMAT_TRUNCATED',
    ],
    [
      'a pickle called .safetensors',
      () => withLora(Buffer.from([0x80, 0x02, 0x7d, 0x71, 0, 0x2e, 0, 0, 0, 0])),
      'FORMAT_',
    ],
  ])('%s', async (_, changes, code) => {
    const error = await unpack(packOf(changes())).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: expect.stringMatching(`^${code}`), exit: 'badInput' });
    expect((error as Error).message).toMatch(/zork/);
    expect((error as Error).message).not.toMatch(/\.unpack-/);
  });

  function flipped(): Buffer {
    const bytes = Buffer.from(whole['lora/zork.safetensors']);
    bytes[bytes.length - 1] ^= 1;
    return bytes;
  }

  /** Another file as its LoRA, with card and list that fit. */
  function withLora(bytes: Buffer): Members {
    const card = { ...json('card.json'), hashes: { sha256: sha256(bytes), autoV3: '0'.repeat(12) } };
    return { 'card.json': JSON.stringify(card), 'lora/zork.safetensors': bytes };
  }
});

describe('zips as people make them', () => {
  test('with side files of other programs, litter and what could run', async () => {
    const { files, unpacked } = await unpack(
      zipOf({
        'my pack/zork.safetensors': loraBytes(),
        'my pack/zork.civitai.info': '{"trainedWords":["zork, hat"]}',
        'my pack/zork.json': '{"activation text": "zork"',
        'my pack/zork.png': stripes(16, 16, 1),
        'my pack/zork.preview.png': 'no picture',
        'my pack/readme.md': 'hi',
        'my pack/install.bat': 'format c:',
        'my pack/old.ckpt': Buffer.from([0x80, 2]),
        '__MACOSX/my pack/._zork.safetensors': 'litter',
      }),
      'zork.zip',
    );
    expect(files).toEqual(['mine.txt', 'zork.civitai.info', 'zork.preview.png', 'zork.safetensors']);
    expect(unpacked.skipped).toEqual([
      { path: 'my pack/readme.md', reason: 'belongs to no LoRA in it' },
      { path: 'my pack/install.bat', reason: 'could run when it is opened elsewhere' },
      { path: 'my pack/old.ckpt', reason: 'could run when it is opened elsewhere' },
      { path: '__MACOSX/my pack/._zork.safetensors', reason: 'left by a system' },
      { path: 'my pack/zork.json', reason: 'is no JSON' },
      { path: 'my pack/zork.preview.png', reason: 'one preview is kept' },
    ]);
  });

  test('what was a favourite of its maker is none here', async () => {
    const metadata = JSON.stringify({
      favorite: true,
      file_path: 'C:/Users/me/zork.safetensors',
      notes: 'n',
    });
    const zip = zipOf({ 'zork.safetensors': loraBytes(), 'zork.metadata.json': metadata });
    const { folder } = await unpack(zip, 'zork.zip');
    expect(JSON.parse(readFileSync(join(folder, 'zork.metadata.json'), 'utf8'))).toEqual({
      ...{ favorite: false, file_path: '', preview_url: '', notes: 'n' },
    });
  });

  test('of several LoRAs, one of them broken: none of them stays', async () => {
    const members = { 'a.safetensors': loraBytes(), 'b.safetensors': 'broken' };
    const error = await unpack(zipOf(members), 'zork.zip').catch((error: unknown) => error);
    expect(error).toMatchObject({ code: expect.stringMatching(/^FORMAT_/) });
  });

  test('of several LoRAs', async () => {
    const { files } = await unpack(
      zipOf({ 'a.safetensors': loraBytes({ a: '1' }), 'b.safetensors': loraBytes() }),
      'x.zip',
    );
    expect(files).toEqual(['a.safetensors', 'b.safetensors', 'mine.txt']);
  });

  test('with a pickle only', async () => {
    await refused(zipOf({ 'zork.pt': Buffer.from([0x80, 2]) }), 'PACK_PICKLE', 'zork.zip');
    await refused(zipOf({ 'archive/data.pkl': 'x', 'archive/version': '3' }), 'PACK_PICKLE', 'zork.pt.zip');
  });
});

describe('what is there already', () => {
  test('is never overwritten: the next name is taken, for all files together', async () => {
    const { folder } = await unpack(packOf());
    writeFileSync(join(folder, 'zork.safetensors'), 'another one');
    const pack = join(temporaryFolder(), 'zork.lorapack');
    writeFileSync(pack, packOf());
    const { models } = await unpackLora(pack, folder);
    expect(models[0].path).toBe(join(folder, 'zork-2.safetensors'));
    expect(readFileSync(join(folder, 'zork.safetensors'), 'utf8')).toBe('another one');
    expect(readdirSync(folder)).toContain('zork-2.json');
    const again = await unpackLora(pack, folder);
    expect(again.models[0]).toMatchObject({ path: join(folder, 'zork-2.safetensors'), wasThere: true });
    expect(readdirSync(folder).filter(name => name.startsWith('zork-3'))).toEqual([]);
  });

  test('a side file of another, or a name in capitals, counts as taken', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'ZORK.JSON'), 'mine');
    const pack = join(temporaryFolder(), 'zork.lorapack');
    writeFileSync(pack, packOf());
    const { models } = await unpackLora(pack, folder);
    expect(models[0].path).toBe(join(folder, 'zork-2.safetensors'));
    expect(readFileSync(join(folder, 'ZORK.JSON'), 'utf8')).toBe('mine');
  });

  test('a link of that name is not followed', async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    symlinkSync(join(elsewhere, 'target'), join(folder, 'zork.safetensors'));
    const pack = join(temporaryFolder(), 'zork.lorapack');
    writeFileSync(pack, packOf());
    await unpackLora(pack, folder);
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readdirSync(folder)).toContain('zork-2.safetensors');
  });
});

test('every single bit of a pack that is turned is refused, or changes nothing that is unpacked', async () => {
  const pack = packOf();
  const good = (await unpack(pack)).folder;
  const contents = (folder: string): string =>
    readdirSync(folder)
      .sort()
      .map(name => `${name} ${sha256(readFileSync(join(folder, name)))}`)
      .join('\n');
  const expected = contents(good);
  let refusals = 0;
  // A fixed walk over the whole file.
  for (let bit = 0; bit < 8 * pack.length; bit += 2 * 8 * 37 + 1) {
    const bytes = Buffer.from(pack);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    const result = await unpack(bytes).catch((error: unknown) => error);
    if (result instanceof Error) {
      expect(result).toMatchObject({ exit: 'badInput' });
      refusals++;
    } else expect(contents((result as { folder: string }).folder)).toBe(expected);
  }
  expect(refusals).toBeGreaterThan(30);
});
