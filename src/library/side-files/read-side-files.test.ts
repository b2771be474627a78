import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import type { SideFacts } from './facts.ts';
import { claimedFamily } from './families.ts';
import { plainText } from './html-text.ts';
import { readSideFiles } from './read-side-files.ts';

type Files = Readonly<Record<string, unknown>>;

/** Facts of `model` in a folder with these files; objects are written as JSON. */
async function factsOf(files: Files, model = 'zork.safetensors'): Promise<SideFacts> {
  const folder = temporaryFolder();
  for (const [name, content] of Object.entries(files)) {
    const isRaw = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(join(folder, name), isRaw ? content : JSON.stringify(content));
  }
  return readSideFiles(join(folder, model), readdirSync(folder));
}

const a1111 = {
  description: 'a hat',
  'sd version': 'SDXL',
  'activation text': 'zork, hat',
  'preferred weight': 0.8,
  'negative text': 'bald',
  notes: 'works best at 0.8',
};

const civitai = {
  id: 12,
  modelId: 7,
  name: 'v2',
  baseModel: 'Pony',
  trainedWords: ['zork, casual outfit', 'zork, armor,'],
  description: '<p>second <b>version</b></p><ul><li>a</li><li>b &amp; c</li></ul>',
  model: { name: 'Zork', type: 'LORA', nsfw: false, poi: false, tags: ['character', 'hat'] },
  creator: { username: 'somebody' },
  files: [
    { name: 'other.safetensors', primary: true, hashes: { SHA256: 'A'.repeat(64) } },
    {
      name: 'zork.safetensors',
      hashes: {
        AutoV1: '0B1893F6',
        AutoV2: 'ABCDEF0123',
        AutoV3: 'E3B0C44298FC',
        SHA256: 'B'.repeat(64),
        CRC32: '0123ABCD',
      },
    },
  ],
  images: [{ url: 'https://example.org/1.png', meta: null }],
};

const loraManager = {
  file_name: 'zork',
  model_name: 'Zork the hat',
  file_path: 'C:/models/loras/zork.safetensors',
  size: 1000,
  modified: 1761000000.5,
  sha256: 'c'.repeat(64),
  base_model: 'SD 1.5',
  preview_url: '',
  preview_nsfw_level: 0,
  notes: 'mine',
  from_civitai: true,
  civitai: { trainedWords: ['old words'], model: { type: 'LORA', nsfw: true } },
  tags: ['hats'],
  modelDescription: '<p>about hats</p>',
  favorite: true,
  usage_tips: '{"strength_min":0.6,"strength_max":0.9}',
  autov3: 'ABCDEF012345',
  trainedWords: ['zork'],
  hf_url: null,
};

const stabilityMatrix = {
  ModelId: 7,
  ModelName: 'Zork',
  ModelDescription: '<p>a hat</p>',
  Nsfw: true,
  Tags: ['hat'],
  ModelType: 'LORA',
  VersionName: 'v2',
  BaseModel: 'SDXL 1.0',
  Hashes: { SHA256: 'D'.repeat(64), CRC32: null, BLAKE3: null },
  TrainedWords: ['zork'],
  AuthorUsername: 'somebody',
  UserTitle: 'My zork',
};

const swarm = {
  'modelspec.title': 'Zork',
  'modelspec.author': 'somebody',
  'modelspec.description': 'a hat',
  'modelspec.architecture': 'stable-diffusion-xl-v1-base/lora',
  'modelspec.trigger_phrase': 'zork hat',
  'modelspec.usage_hint': 'write it first',
  'modelspec.license': 'CC0',
  'modelspec.tags': 'hat, thing',
  'modelspec.hash_sha256': `0x${'e'.repeat(64)}`,
  'modelspec.thumbnail': 'data:image/jpeg;base64,AAAA',
};

const invokeAi = {
  name: 'zork',
  base: 'sdxl',
  type: 'lora',
  description: 'a hat',
  trigger_phrases: ['zork', 'hat'],
  default_settings: { weight: 0.65 },
};

describe('each dialect', () => {
  test.each<[name: string, files: Files, facts: Partial<SideFacts>]>([
    [
      'A1111',
      { 'zork.json': a1111 },
      {
        description: 'a hat',
        family: 'SDXL',
        notes: 'works best at 0.8',
        strength: 0.8,
        negative: 'bald',
        triggers: [{ name: 'default', words: 'zork, hat', strength: 0.8, negative: 'bald' }],
        files: [{ name: 'zork.json', dialect: 'a1111' }],
      },
    ],
    [
      'Civitai Helper: trained words are sets, hashes those of this file, HTML is read as text',
      { 'zork.civitai.info': civitai },
      {
        name: 'Zork v2',
        description: 'second version\n\n- a\n- b & c',
        family: 'SDXL',
        author: 'somebody',
        type: 'LORA',
        nsfw: false,
        tags: ['character', 'hat'],
        triggers: [
          { name: 'casual outfit', words: 'zork, casual outfit' },
          { name: 'armor', words: 'zork, armor' },
        ],
        hashes: { autoV1: '0b1893f6', autoV2: 'abcdef0123', sha256: 'b'.repeat(64), crc32: '0123abcd' },
        files: [{ name: 'zork.civitai.info', dialect: 'civitai' }],
      },
    ],
    [
      'LoRA-Manager: the middle of a range of strengths',
      { 'zork.metadata.json': loraManager },
      {
        name: 'Zork the hat',
        description: 'about hats',
        notes: 'mine',
        family: 'SD 1.x',
        favourite: true,
        strength: 0.75,
        nsfw: true,
        tags: ['hats'],
        triggers: [{ name: 'default', words: 'zork' }],
        hashes: { sha256: 'c'.repeat(64), autoV3: 'abcdef012345' },
      },
    ],
    [
      'Stability Matrix',
      { 'zork.cm-info.json': stabilityMatrix },
      {
        name: 'My zork',
        description: 'a hat',
        author: 'somebody',
        family: 'SDXL',
        nsfw: true,
        tags: ['hat'],
        triggers: [{ name: 'default', words: 'zork' }],
        hashes: { sha256: 'd'.repeat(64) },
      },
    ],
    [
      'SwarmUI',
      { 'zork.swarm.json': swarm },
      {
        name: 'Zork',
        license: 'CC0',
        notes: 'write it first',
        family: 'SDXL',
        thumbnail: 'data:image/jpeg;base64,AAAA',
        tags: ['hat', 'thing'],
        triggers: [{ name: 'default', words: 'zork hat' }],
        hashes: { autoV3: 'e'.repeat(12) },
      },
    ],
    [
      'InvokeAI',
      { 'zork.json': invokeAi },
      {
        strength: 0.65,
        triggers: [
          { name: 'zork', words: 'zork' },
          { name: 'hat', words: 'hat' },
        ],
        files: [{ name: 'zork.json', dialect: 'invokeai' }],
      },
    ],
    ['a version of Civitai as X.json', { 'zork.json': civitai }, { name: 'Zork v2', type: 'LORA' }],
    ['a text', { 'zork.description.txt': ' a hat \n' }, { description: 'a hat' }],
    [
      'settings of another program are none',
      { 'zork.json': { train_batch_size: 4 } },
      { files: [], findings: [] },
    ],
    ['nothing', {}, { triggers: [], tags: [], hashes: {}, files: [], findings: [] }],
  ])('%s', async (_, files, facts) => {
    const found = await factsOf(files);
    expect(found).toMatchObject(facts);
    expect(found.findings).toEqual([]);
  });
});

describe('several together', () => {
  test('what the user wrote counts before what a site says; each adds what the others lack', async () => {
    const facts = await factsOf({
      'zork.json': a1111,
      'zork.metadata.json': loraManager,
      'zork.civitai.info': civitai,
      'zork.txt': 'a text',
    });
    expect(facts).toMatchObject({
      name: 'Zork the hat',
      description: 'a hat',
      family: 'SDXL',
      favourite: true,
      author: 'somebody',
      tags: ['hats', 'character', 'hat'],
      hashes: { sha256: 'c'.repeat(64), autoV2: 'abcdef0123' },
    });
    expect(facts.triggers.map(({ words }) => words)).toEqual([
      'zork, hat',
      'zork, casual outfit',
      'zork, armor',
    ]);
    expect(facts.files.map(({ dialect }) => dialect)).toEqual(['a1111', 'lora-manager', 'civitai', 'text']);
  });

  test('an activation text that is only the sets of the site one after another gives way to them', async () => {
    const all = { ...a1111, 'activation text': 'zork, casual outfit, zork, armor' };
    const { triggers } = await factsOf({ 'zork.json': all, 'zork.civitai.info': civitai });
    expect(triggers).toEqual([
      { name: 'casual outfit', words: 'zork, casual outfit', strength: 0.8, negative: 'bald' },
      { name: 'armor', words: 'zork, armor', strength: 0.8, negative: 'bald' },
    ]);
  });

  test('single words of a site that the user wrote as one set stay one set', async () => {
    const words = { ...civitai, trainedWords: ['zork', 'hat'] };
    const { triggers } = await factsOf({ 'zork.json': a1111, 'zork.civitai.info': words });
    expect(triggers.map(set => set.words)).toEqual(['zork, hat']);
  });

  test.each([
    [['zork.preview.png', 'zork.jpg'], 'zork.preview.png'],
    [['zork.webp', 'zork.preview.jpeg'], 'zork.preview.jpeg'],
    [['zork.PNG'], 'zork.PNG'],
    [['Zork.png', 'zork.gif.png', 'zork.mp4'], undefined],
  ])('of the pictures %j it shows %s', async (names, shown) => {
    const files = Object.fromEntries(names.map(name => [name, stripes(8, 8, 1)]));
    const { preview } = await factsOf(files);
    expect(preview?.split('/').at(-1)).toBe(shown);
  });

  test('a name with dots in it', async () => {
    const files = { 'zork.v1.json': { ...a1111, notes: 'its own' }, 'zork.json': a1111 };
    expect((await factsOf(files, 'zork.v1.safetensors')).notes).toBe('its own');
    expect((await factsOf(files, 'zork.safetensors')).notes).toBe('works best at 0.8');
  });
});

describe('broken files are told, and the others read', () => {
  test.each<[content: unknown, why: string]>([
    ['', 'is no JSON'],
    ['{"description": "cut', 'is no JSON'],
    [Uint8Array.of(0xff, 0xfe, 0x00, 0x80), 'is no JSON'],
    ['[1]', 'is no JSON object'],
    ['null', 'is no JSON object'],
    [' '.repeat(4 * 2 ** 20 + 1), 'has 4194305 bytes'],
    [`${'['.repeat(100_000)}`, 'is no JSON'],
  ])('%#', async (content, why) => {
    const facts = await factsOf({ 'zork.json': content, 'zork.metadata.json': loraManager });
    expect(facts.findings).toEqual([
      { level: 'warning', code: 'SIDE_FILE_BROKEN', text: expect.stringContaining(`zork.json ${why}`) },
    ]);
    expect(facts.name).toBe('Zork the hat');
  });

  test('a folder of that name', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'zork.json'));
    const { findings } = await readSideFiles(join(folder, 'zork.safetensors'), ['zork.json']);
    expect(findings[0].code).toBe('SIDE_FILE_BROKEN');
  });

  test('one that is gone since the folder was listed', async () => {
    const { findings } = await readSideFiles(join(temporaryFolder(), 'zork.safetensors'), [
      'zork.json',
      'zork.txt',
    ]);
    expect(findings.map(({ text }) => text)).toEqual([
      'zork.json cannot be read: ENOENT',
      'zork.txt cannot be read: ENOENT',
    ]);
  });

  test('fields of a wrong type are left out', async () => {
    const wrong = {
      ...a1111,
      'preferred weight': 'much',
      notes: { a: 1 },
      'activation text': ['a', 'b'],
      description: 5,
    };
    const facts = await factsOf({ 'zork.json': wrong });
    expect(facts).toMatchObject({ family: 'SDXL', negative: 'bald', triggers: [] });
    expect(facts.findings).toEqual([
      {
        level: 'note',
        code: 'SIDE_FILE_FIELDS',
        text: 'zork.json: description, activation text, preferred weight, notes of a wrong type left out',
      },
    ]);
  });

  test('null says nothing, numbers may be text', async () => {
    const facts = await factsOf({ 'zork.json': { ...a1111, notes: null, 'preferred weight': '0.55' } });
    expect([facts.notes, facts.strength, facts.findings]).toEqual([undefined, 0.55, []]);
  });

  test('prototypes are no fields', async () => {
    const facts = await factsOf({ 'zork.json': '{"__proto__": {"notes": "evil"}, "description": "d"}' });
    expect([facts.description, facts.notes]).toEqual(['d', undefined]);
  });
});

test.each([
  ['SD1', 'SD 1.x'],
  ['SD 1.5 LCM', 'SD 1.x'],
  ['stable-diffusion-v1', 'SD 1.x'],
  ['SD2', 'SD 2.x'],
  ['SD 2.1 768', 'SD 2.x'],
  ['SDXL', 'SDXL'],
  ['SDXL Turbo', 'SDXL'],
  ['sdxl', 'SDXL'],
  ['Illustrious', 'SDXL'],
  ['NoobAI', 'SDXL'],
  ['Flux.1 D', 'Flux.1 D'],
  ['SD 3.5 Large', 'SD 3.5 Large'],
  ['Unknown', undefined],
  ['', undefined],
])('what sites call families: %s → %s', (claim, name) => {
  expect(claimedFamily(claim)).toBe(name);
});

test.each([
  ['plain & simple < 5', 'plain & simple < 5'],
  ['<p>a</p><p>b</p>', 'a\nb'],
  ['<script>alert(1)</script><b onclick="x()">hi</b>', 'hi'],
  ['<p>&lt;script&gt; &#65;&#x42; &unknown; &#0;</p>', '<script> AB &unknown;'],
  ['<script>never closed', ''],
])('HTML as text: %s', (html, text) => {
  expect(plainText(html)).toBe(text);
});
