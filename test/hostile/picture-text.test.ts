/** Pictures made to break a reader: every one gives settings or an error with a code, within bounds of time. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LoraError } from '../../src/errors.ts';
import { exifWithComment, withJpegBlocks, withWebpBlocks } from '../../src/files/index.ts';
import { encodePicture } from '../../src/generation/metadata/encode-picture.ts';
import { infotextOf } from '../../src/generation/metadata/infotext-of.ts';
import { portablePrompt } from '../../src/generation/metadata/portable-text.ts';
import { readPictureText } from '../../src/generation/metadata/read-picture-text.ts';
import { hiddenText } from '../../src/generation/metadata/stealth.ts';
import { pictureCases, testPixels } from '../support/picture-settings.ts';
import { temporaryFolder } from '../support/pictures.ts';

/** Reading takes far less; what grows with the square of its input takes minutes. */
const seconds = 10;
const million = 400_000;

function chunk(type: string, body: Uint8Array): Buffer {
  const tagged = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  sum.writeUInt32BE(crc32(tagged));
  return Buffer.concat([length, tagged, sum]);
}
const header = Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]);
const pngOf = (...chunks: [type: string, body: Uint8Array][]): Buffer =>
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    ...[['IHDR', header] as const, ...chunks, ['IDAT', deflateSync(Buffer.alloc(4))] as const].map(
      ([type, body]) => chunk(type, body),
    ),
    chunk('IEND', new Uint8Array()),
  ]);
const png = (texts: Record<string, string>): Buffer =>
  pngOf(
    ...Object.entries(texts).map(([key, text]): [string, Uint8Array] => [
      'tEXt',
      Buffer.from(`${key}\0${text}`, 'latin1'),
    ]),
  );

/** Reads, allows only errors with a code, and measures. */
async function survive(bytes: Uint8Array): Promise<Awaited<ReturnType<typeof readPictureText>> | LoraError> {
  const started = performance.now();
  try {
    return await readPictureText(bytes);
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    expect(error.code).toMatch(/^(?:PICTURE|PNG|JPEG|WEBP|GIF)_/);
    return error;
  } finally {
    expect(performance.now() - started).toBeLessThan(seconds * 1000);
  }
}
const codeOf = (read: unknown): string | undefined => (read instanceof LoraError ? read.code : undefined);

describe('texts of a megabyte and more', () => {
  const tail = 'Steps: 1, Sampler: Euler, Seed: 5, Size: 8x8';
  const texts: [string, string][] = [
    ['fields', `a\n${tail}, ${Array.from({ length: million }, (_, i) => `f${i}: 1`).join(', ')}`],
    [
      'fields of less than the limit',
      `a\n${tail}, ${Array.from({ length: 90_000 }, (_, i) => `f${i}: 1`).join(', ')}`,
    ],
    ['opened quotes', `a\n${tail}, ${'x: "'.repeat(200_000)}`],
    ['escaped quotes', `a\n${tail}, x: "${'\\"'.repeat(400_000)}`],
    ['colons', `a\n${':'.repeat(million)}`],
    ['words without an end', `a\n${tail}, ${'ab -/'.repeat(200_000)}`],
    ['opened tags', `${'<lora:'.repeat(million)}\n${tail}`],
    ['tags', `${'<lora:a:1:2:3:lbw=1>'.repeat(100_000)}\n${tail}`],
    ['lines', `${'\n'.repeat(million)}${tail}`],
    ['negative prompts', `${'Negative prompt: x\n'.repeat(100_000)}${tail}`],
    ['opened braces', `a\n${tail}, Hashes: ${'{'.repeat(million)}`],
    ['hashes', `a\n${tail}, Lora hashes: "${'a: b, '.repeat(150_000)}"`],
    ['JSON of braces', '{'.repeat(million)],
    ['JSON of escapes', `{"a": "${'\\"'.repeat(million)}`],
    ['JSON of numbers', `{"sui_image_params": {"seed": ${'9'.repeat(million)}}}`],
    ['JSON, nested', `{"sui_image_params": ${'{"a":'.repeat(million)}1${'}'.repeat(million)}}`],
    ['brackets', `${'['.repeat(million)}`],
  ];
  test.each(texts)('%s', async (_, text) => {
    for (const key of [
      'parameters',
      'prompt',
      'workflow',
      'invokeai_metadata',
      'sd-metadata',
      'Dream',
      'lora_studio',
    ])
      await survive(png({ [key]: text }));
    await survive(png({ Software: 'NovelAI', Comment: text, Description: text, Source: text }));
  });

  test('what stands before such a line is still read', async () => {
    expect(await survive(png({ parameters: texts[0][1] }))).toMatchObject({
      settings: { prompt: expect.stringMatching(/^a\n/) },
    });
    expect(await survive(png({ parameters: texts[1][1] }))).toMatchObject({
      settings: { prompt: 'a', steps: 1, seed: 5n },
    });
  });

  test('bombs', async () => {
    const bomb = deflateSync(Buffer.alloc(64 * 2 ** 20), { level: 9 });
    expect(codeOf(await survive(pngOf(['zTXt', Buffer.concat([Buffer.from('parameters\0\0'), bomb])])))).toBe(
      'PNG_TEXT_TOO_LONG',
    );
    const packed = gzipSync(Buffer.alloc(64 * 2 ** 20), { level: 9 });
    const hidden = Buffer.concat([Buffer.from('stealth_pngcomp'), Buffer.alloc(4), packed]);
    hidden.writeUInt32BE(packed.length * 8, 15);
    const side = Math.ceil(Math.sqrt(hidden.length * 8));
    const data = new Uint8Array(side * side * 4);
    for (let i = 0; i < hidden.length * 8; i++)
      data[((i % side) * side + Math.floor(i / side)) * 4 + 3] = (hidden[i >> 3] >> (7 - (i & 7))) & 1;
    expect(hiddenText({ width: side, height: side, data })).toBeUndefined();
  });
});

describe('ComfyUI graphs', () => {
  const graph = (nodes: Record<string, unknown>) => survive(png({ prompt: JSON.stringify(nodes) }));
  const sampler = (inputs: object) => ({
    class_type: 'KSampler',
    inputs: { steps: 5, cfg: 7, sampler_name: 'euler', seed: 1, ...inputs },
  });

  test('circles', async () => {
    const links = { model: ['1', 0], positive: ['1', 0], negative: ['2', 0], latent_image: ['1', 0] };
    const read = await graph({
      '1': sampler({ ...links, seed: ['3', 0], steps: ['1', 0] }),
      '2': {
        class_type: 'ConditioningCombine',
        inputs: { conditioning_1: ['2', 0], conditioning_2: ['2', 0] },
      },
      '3': { class_type: 'PrimitiveNode', inputs: { value: ['4', 0] } },
      '4': { class_type: 'PrimitiveNode', inputs: { value: ['3', 0] } },
      '5': { class_type: 'SaveImage', inputs: { images: ['5', 0] } },
    });
    expect(read).toMatchObject({ program: 'comfyui', settings: { guidance: 7, sampler: 'euler' } });
    expect(read).not.toHaveProperty('settings.seed');
  });

  test('chains of 30,000 loaders and of 10,000 samplers, outputs, texts', async () => {
    const chain = (length: number, node: (i: number) => unknown) =>
      Object.fromEntries(Array.from({ length }, (_, i) => [String(i), node(i)]));
    const loaders = await graph({
      ...chain(30_000, i => ({
        class_type: 'LoraLoader',
        inputs: { lora_name: `${i}.safetensors`, model: [String(i - 1), 0] },
      })),
      s: sampler({ model: ['29999', 0] }),
    });
    expect(loaders).toMatchObject({ program: 'comfyui', settings: { seed: 1n } });
    await graph(chain(10_000, i => sampler({ latent_image: [String(i - 1), 0] })));
    await graph(chain(10_000, i => ({ class_type: 'SaveImage', inputs: { images: [String(i - 1), 0] } })));
    await graph(
      chain(10_000, i => ({
        class_type: 'StringConcatenate',
        inputs: { string_a: [String(i - 1), 0], string_b: 'x' },
      })),
    );
  });

  test('links to nowhere, values of every kind', async () => {
    const odd = [
      null,
      true,
      -1,
      Number.MAX_VALUE,
      '',
      'x',
      [],
      {},
      ['1'],
      ['1', 0, 0],
      [[], {}],
      { value: 1 },
      '__proto__',
      ['__proto__', 0],
    ];
    for (const value of odd) {
      const names = [
        'model',
        'positive',
        'negative',
        'latent_image',
        'seed',
        'steps',
        'cfg',
        'sampler_name',
        'scheduler',
        'denoise',
      ];
      await graph({ '1': sampler(Object.fromEntries(names.map(name => [name, value]))) });
      await graph({ '1': value as object, __proto__: value as object });
      await survive(
        png({
          workflow: JSON.stringify({
            nodes: [value, { id: value, type: 'KSampler', widgets_values: value, inputs: value }],
            links: [value, [value, value, value]],
          }),
        }),
      );
      await survive(
        png({
          invokeai_metadata: JSON.stringify({
            positive_prompt: value,
            seed: value,
            loras: [value, { lora: value }],
            model: value,
          }),
        }),
      );
      await survive(
        png({
          'sd-metadata': JSON.stringify({ image: { prompt: [value], seed: value }, model_weights: value }),
        }),
      );
      await survive(
        png({
          parameters: JSON.stringify({
            sui_image_params: { prompt: value, loras: [value], loraweights: value },
            sui_models: [value],
          }),
        }),
      );
      await survive(
        png({
          parameters: JSON.stringify({
            metadata_scheme: 'fooocus',
            prompt: value,
            loras: [value, [value]],
            resolution: value,
          }),
        }),
      );
      await survive(
        png({
          Software: 'NovelAI',
          Comment: JSON.stringify({ prompt: value, v4_prompt: { caption: value }, seed: value }),
        }),
      );
    }
  });

  test('names that every object has are names like others', async () => {
    const names = Object.getOwnPropertyNames(Object.prototype);
    expect(names).toContain('constructor');
    const common = { steps: 5, cfg: 7, noise: ['9', 0], positive: ['9', 0] };
    for (const name of names) {
      const page = {
        nodes: [{ id: 1, type: name, widgets_values: [1], inputs: [{ name, link: 1 }] }],
        links: [[1, 1, 0]],
      };
      await survive(png({ workflow: JSON.stringify(page) }));
      const read = await graph({
        '1': {
          class_type: 'SamplerCustomAdvanced',
          inputs: { ...common, sampler: ['2', 0], sigmas: ['2', 0], latent_image: ['3', 0] },
        },
        '2': { class_type: name, inputs: {} },
        '3': { class_type: name, inputs: { upscale_method: name, width: 8, height: 8, samples: ['4', 0] } },
        '4': sampler({ latent_image: ['5', 0] }),
        '5': { class_type: 'EmptyLatentImage', inputs: { width: 8, height: 8 } },
      });
      expect(read).toMatchObject({
        program: 'comfyui',
        settings: { sampler: 'euler', hires: { upscaler: name } },
      });
      const hires = 'settings' in read ? read.settings.hires : undefined;
      expect([hires?.sampler, hires?.scheduler]).toEqual([undefined, undefined]);
      const dream = await survive(png({ Dream: `"a cat" -S 1 -${name} 5` }));
      const isFlag = /^[a-z]/i.test(name);
      expect(dream).toMatchObject({
        settings: { prompt: 'a cat', seed: 1n },
        other: isFlag ? { [`-${name}`]: '5' } : {},
      });
      const easy = await survive(png({ Prompt: 'a', 'Negative Prompt': 'b', [name]: 'c' }));
      expect(easy).toMatchObject({ program: 'easydiffusion', settings: { prompt: 'a' } });
      expect(Object.entries('other' in easy ? easy.other : {})).toEqual([[name, 'c']]);
      const a1111 = await survive(
        png({ parameters: `a\nSteps: 1, Sampler: ${name}, Schedule type: ${name}, RNG: ${name}` }),
      );
      expect(a1111).toMatchObject({
        settings: { sampler: name, steps: 1 },
        findings: [{ code: 'FIELD_INVALID', message: expect.stringContaining(`noise is "${name}"`) }],
      });
    }
  });

  test('invalid values are left out and named', async () => {
    const read = await graph({ '1': sampler({ seed: -5, steps: 'many', cfg: 1e300 }) });
    expect(read).toMatchObject({ settings: { guidance: 1e300 } });
    expect(('findings' in read ? read.findings : []).map(({ message }) => message)).toEqual([
      expect.stringContaining('seed is -5'),
      'steps is "many": is not a number',
    ]);
  });
});

describe('containers', () => {
  const [{ settings }] = pictureCases;
  const whole = (format: 'png' | 'jpeg' | 'webp') =>
    encodePicture(testPixels(8, 8), {
      format,
      settings,
      parameters: 'a\nSteps: 1, Sampler: Euler, Seed: 5',
      mark: true,
    });
  const gif = Buffer.concat([
    Buffer.from('GIF89a\x01\0\x01\0\x80\0\0', 'latin1'),
    Buffer.alloc(6),
    Buffer.from('!\xfe', 'latin1'),
    ...['a\nSteps: 1, Sampler: Eul', 'er, Seed: 5'].map(part =>
      Buffer.from(`${String.fromCharCode(part.length)}${part}`, 'latin1'),
    ),
    Buffer.from('\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;', 'latin1'),
  ]);

  test('the comment of a GIF', async () => {
    expect(await readPictureText(gif)).toMatchObject({
      program: 'a1111',
      settings: { prompt: 'a', sampler: 'Euler', seed: 5n },
    });
  });

  const reader = new URL('../../src/files/picture-texts.ts', import.meta.url).href;
  const reading = `
    import { readFileSync } from 'node:fs';
    import { readPictureTexts } from ${JSON.stringify(reader)};
    let code = 'read';
    try { readPictureTexts(readFileSync(process.argv[1])); } catch (error) { code = error.code; }
    console.log(code);`;
  const folder = temporaryFolder();
  /** Reads in a process of its own, which ends without a code where objects take more than 48 MiB. */
  function codeApart(bytes: Uint8Array): string {
    const path = join(folder, 'picture');
    writeFileSync(path, bytes);
    const child = ['--max-old-space-size=48', '--input-type=module', '--eval', reading, path];
    return spawnSync(process.execPath, child, { encoding: 'utf8' }).stdout.trim();
  }
  const mebibyte = 2 ** 20;

  test('a WebP of two million empty chunks, and one of much text', async () => {
    const webp = Buffer.alloc(12 + 16 * mebibyte).fill('JUNK\0\0\0\0', 12, undefined, 'latin1');
    webp.write('RIFF\0\0\0\0WEBP', 'latin1');
    expect(codeApart(webp)).toBe('read');
    const text = Buffer.alloc(20 + 17 * mebibyte, ' ');
    text.write('RIFF\0\0\0\0WEBPXMP ', 'latin1');
    text.writeUInt32LE(17 * mebibyte, 16);
    expect(codeApart(text)).toBe('WEBP_TEXT_TOO_LONG');
  });

  test('a GIF of millions of comment blocks of one byte, and one of much text', async () => {
    const start = gif.subarray(0, gif.indexOf('!\xfe', 0, 'latin1') + 2);
    const end = Buffer.from('\0;', 'latin1');
    const blocks = Buffer.concat([start, Buffer.alloc(16 * mebibyte, '\x01x', 'latin1'), end]);
    expect(codeApart(blocks)).toBe('read');
    const long = Buffer.alloc(17 * mebibyte, `\xff${'x'.repeat(255)}`, 'latin1');
    expect(codeApart(Buffer.concat([start, long, end]))).toBe('GIF_TEXT_TOO_LONG');
  });

  test('a PNG of a million texts, of long keywords, of many packed texts', async () => {
    const empty = chunk('tEXt', Buffer.from('k\0'));
    const close = chunk('IEND', new Uint8Array());
    const head = pngOf().subarray(0, 33);
    const many = Buffer.concat([head, Buffer.alloc(empty.length * 1e6, empty), close]);
    expect(codeApart(many)).toBe('PNG_TEXT_TOO_LONG');
    const keywords = Array.from({ length: 17 }, (_, i) => chunk('tEXt', Buffer.alloc(mebibyte, `${i}k`)));
    const named = keywords.map(one => {
      one[one.length - 5] = 0; // a keyword of a mebibyte and no text
      one.writeUInt32BE(crc32(one.subarray(4, -4)), one.length - 4);
      return one;
    });
    expect(codeOf(await survive(Buffer.concat([head, ...named, close])))).toBe('PNG_TEXT_TOO_LONG');
    const packed = deflateSync(Buffer.alloc(4 * mebibyte, 'x'), { level: 9 });
    const texts = ['a', 'b', 'c', 'd', 'e'].map((key): [string, Uint8Array] => [
      'zTXt',
      Buffer.concat([Buffer.from(`${key}\0\0`), packed]),
    ]);
    expect(codeOf(await survive(pngOf(...texts)))).toBe('PNG_TEXT_TOO_LONG');
    expect(codeOf(await survive(pngOf(...texts.slice(0, 3))))).toBe('PICTURE_HAS_NO_TEXT');
  });

  test.each(['png', 'jpeg', 'webp'] as const)('%s, cut anywhere', async format => {
    const bytes = await whole(format);
    for (let length = 0; length < bytes.length; length++) await survive(bytes.subarray(0, length));
  });
  test('GIF, cut anywhere', async () => {
    for (let length = 0; length < gif.length; length++)
      expect(codeOf(await survive(gif.subarray(0, length)))).toBeDefined();
  });

  test.each(['png', 'jpeg', 'webp', 'gif'] as const)('%s, some bytes changed', async format => {
    const bytes = format === 'gif' ? gif : await whole(format);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async changes => {
        const broken = Buffer.from(bytes);
        for (const [at, value] of changes) broken[at] = value;
        await survive(broken);
      }),
      { numRuns: 300 },
    );
  });

  test('Exif of any bytes', async () => {
    const { jpeg, webp } = { jpeg: await whole('jpeg'), webp: await whole('webp') };
    const start = fc.constantFrom('MM\0*\0\0\0\b', 'II*\0\b\0\0\0', 'Exif\0\0MM\0*\0\0\0\b', '');
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 80 }), async (head, tail) => {
        const exif = Buffer.concat([Buffer.from(head, 'latin1'), tail]);
        await survive(withJpegBlocks(jpeg, { exif }));
        await survive(withWebpBlocks(webp, { exif }, { width: 8, height: 8 }));
        await survive(pngOf(['eXIf', exif]));
      }),
      { numRuns: 300 },
    );
  });

  test('an Exif block that leads back to itself is read once; a damaged one is a finding', async () => {
    const loop = Buffer.from(exifWithComment('x'));
    loop.writeUInt32BE(8, 18); // the Exif directory is the first one
    expect(codeOf(await survive(pngOf(['eXIf', loop])))).toBe('PICTURE_HAS_NO_TEXT');
    const read = await survive(
      pngOf(
        ['tEXt', Buffer.from('parameters\0a\nSteps: 1, Sampler: Euler, Seed: 5')],
        ['eXIf', Buffer.from('XX')],
      ),
    );
    expect(read).toMatchObject({ settings: { steps: 1 }, findings: [{ code: 'EXIF_DAMAGED' }] });
  });

  test('records that are no records are findings', async () => {
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"format":"lora-studio/picture","version":99}',
      '{"__proto__":1}',
    ]) {
      const read = await survive(png({ parameters: 'a', lora_studio: text }));
      expect(read).toMatchObject({
        findings: [{ code: text.includes('99') ? 'PICTURE_JSON_NEWER' : 'PICTURE_JSON_INVALID' }],
      });
    }
  });

  test('no picture, no file, a folder', async () => {
    expect(codeOf(await survive(new Uint8Array()))).toBe('PICTURE_FORMAT_UNKNOWN');
    expect(codeOf(await survive(pngOf()))).toBe('PICTURE_HAS_NO_TEXT');
    for (const [path, code] of [
      ['/nowhere/at/all.png', 'PICTURE_NOT_FOUND'],
      ['/', 'PICTURE_UNREADABLE'],
    ])
      await expect(readPictureText(path)).rejects.toMatchObject({ code });
  });
});

describe('folders of this machine stay here', () => {
  const written: [prompt: string, portable: string][] = [
    ['a <lora:/Users/userecret/x:1> b', 'a <lora:x:1> b'],
    ['<lora:"/Users/userecret/x":1>', '<lora:"x":1>'],
    ['<lora: "/Users/userecret/a > b: c.safetensors" :0.5:1>', '<lora: "a > b: c" :0.5:1>'],
    ['<lora:C:\\Users\\secret\\x.safetensors:1>', '<lora:x:1>'],
    ['<LORA:"c:/Users/secret/x.safetensors":te=1>', '<LORA:"x":te=1>'],
    ['<lyco:\\\\secret\\share\\x:1:stop=0.5>', '<lyco:x:1:stop=0.5>'],
    ['<lora:~/secret/x>, <lora:../secret/x>, <lora:a/../secret/x>', '<lora:x>, <lora:x>, <lora:x>'],
    ['<lora:{/Users/userecret/x|/Users/userecret/y|z}:1>', '<lora:{x|y|z}:1>'],
    ['{<lora:/Users/userecret/x:1>|<lora:C:\\secret\\y:1>}', '{<lora:x:1>|<lora:y:1>}'],
    ['<hypernet:/Users/userecret/x:1>', '<hypernet:x:1>'],
    ['(embedding:/Users/userecret/word.pt:1.2), b', '(embedding:word.pt:1.2), b'],
    ['Embedding:C:\\Users\\secret\\word.pt', 'Embedding:word.pt'],
    ['embedding:{/Users/userecret/a|../secret/b|c}', 'embedding:{a|b|c}'],
    ['{embedding:/Users/userecret/a|embedding:~/secret/b}', '{embedding:a|embedding:b}'],
  ];
  test.each(written)('%s', (prompt, portable) => {
    expect(portablePrompt(prompt)).toBe(portable);
  });
  test.each([
    'a/b, C: x, ~ <lora:people/alice:.5:1:lbw=1,0.5:start=.25> embedding:style/ink:1.1 <a> <b: c',
    '<lora:"people/alice: two":1> (c:\\d), [a:b:0.5], embedding: , 1girl',
  ])('what names no folder stays as it is: %s', prompt => {
    expect(portablePrompt(prompt)).toBe(prompt);
  });

  test.each(['png', 'jpeg', 'webp'] as const)('%s: in no prompt, template, name or hash', async format => {
    const prompt = written.map(([given]) => given).join(' ');
    const both = { prompt, negativePrompt: prompt };
    const second = { width: 128, height: 128, upscaler: 'latent', steps: 2, strength: 0.5 } as const;
    const settings = { ...pictureCases[0].settings, ...both, templates: both, hires: { ...second, ...both } };
    const hash = 'ab'.repeat(32);
    const names = ['/Users/userecret/x', 'C:\\secret\\y.safetensors', 'people/alice'];
    const loras = names.map(name => ({ name, hash }));
    const parameters = infotextOf(settings, { loras, embeddings: [{ name: '/Users/userecret/word', hash }] });
    const bytes = await encodePicture(testPixels(8, 8), { format, settings, parameters, mark: true });
    // Exif has UTF-16 of either order, PNG and XMP Latin-1 and UTF-8: nowhere in any of them.
    for (const encoding of ['latin1', 'utf16le'] as const)
      expect(Buffer.from(bytes).includes('secret', 0, encoding)).toBe(false);
    const portable = written.map(([, text]) => text).join(' ');
    const read = await readPictureText(bytes);
    expect(read.parameters).toContain(portable);
    expect(read.parameters).toContain('"x: abababababab, y: abababababab, people/alice: abababababab"');
    expect(read.record?.settings).toMatchObject({
      ...{ prompt: portable, negativePrompt: portable },
      templates: { prompt: portable, negativePrompt: portable },
      hires: { prompt: portable, negativePrompt: portable },
    });
    expect(
      JSON.stringify(read, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toMatch(/secret/);
  });

  test.each(['<lora:"', 'embedding:{', 'embedding:/a{b}', '<lora:/a:', 'embedding:', '{', 'c:/'])(
    'a megabyte of %s takes linear time',
    unit => {
      const started = performance.now();
      for (const end of ['', '>', '}']) portablePrompt(unit.repeat(2 ** 20 / unit.length) + end);
      expect(performance.now() - started).toBeLessThan(2500);
    },
  );
});
