/** The text in pictures against Pillow's chunks and A1111's reading rule (tools/goldens/picture_text.py). */
import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { encodePng, readPngText } from '../../src/files/index.ts';
import { parseInfotext, writeInfotext } from '../../src/generation/index.ts';

interface Golden {
  readonly texts: { text: string; read: ReturnType<typeof parseInfotext>; chunk: string }[];
  readonly compressed: { text: string; file: string }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/picture-text.json', import.meta.url), 'utf8'));
const dot = { width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) } as const;

describe('PNG text', () => {
  test.each(golden.texts)('%#: the chunk is byte for byte what Pillow writes', ({ text, chunk }) => {
    const png = Buffer.from(encodePng(dot, { parameters: text }));
    expect(png.includes(Buffer.from(chunk, 'base64'))).toBe(true);
    expect(readPngText(png)).toEqual({ parameters: text });
  });

  test.each(golden.compressed)('%#: compressed text of Pillow is read', ({ text, file }) => {
    expect(readPngText(Buffer.from(file, 'base64'))).toEqual({ parameters: text });
  });

  /** Signature, the given chunks, IEND; checksums right. */
  const pngOf = (...chunks: [type: string, body: Uint8Array][]): Buffer => {
    const whole = encodePng(dot);
    const parts = [Buffer.from(whole.subarray(0, 8))];
    for (const [type, body] of [...chunks, ['IEND', new Uint8Array()] as const]) {
      const tagged = Buffer.concat([Buffer.from(type, 'latin1'), body]);
      const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
      length.writeUInt32BE(body.length);
      sum.writeUInt32BE(crc32(tagged));
      parts.push(length, tagged, sum);
    }
    return Buffer.concat(parts);
  };
  const zipped = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from('k\0\0'), bytes]);

  test('hostile text chunks are refused with a code', () => {
    const bomb = deflateSync(Buffer.alloc(40 * 2 ** 20), { level: 9 });
    const bodies: [string, string, Uint8Array][] = [
      ['PNG_TEXT_TOO_LONG', 'zTXt', zipped(bomb)],
      ['PNG_DAMAGED', 'zTXt', zipped(Buffer.from('not deflated'))],
      ['PNG_DAMAGED', 'zTXt', zipped(deflateSync('half a text').subarray(0, 9))],
    ];
    for (const [code, type, body] of bodies)
      expect(() => readPngText(pngOf([type, body]))).toThrow(expect.objectContaining({ code }));
    const many = Array.from({ length: 9 }, (_, i): [string, Uint8Array] => [
      'zTXt',
      Buffer.concat([Buffer.from(`k${i}\0\0`), deflateSync(Buffer.alloc(2 ** 21), { level: 9 })]),
    ]);
    expect(() => readPngText(pngOf(...many))).toThrow(expect.objectContaining({ code: 'PNG_TEXT_TOO_LONG' }));
    const wrongSum = pngOf(['tEXt', Buffer.from('k\0v')]);
    wrongSum[8 + 8] ^= 1;
    expect(() => readPngText(wrongSum)).toThrow(expect.objectContaining({ code: 'PNG_DAMAGED' }));
    const whole = pngOf(['tEXt', Buffer.from('k\0v')]);
    for (let length = 0; length < whole.length; length++)
      expect(() => readPngText(whole.subarray(0, length))).toThrow(/PNG|chunk/);
  });

  test('a keyword called __proto__ is only a keyword', () => {
    const text = readPngText(pngOf(['tEXt', Buffer.from('__proto__\0v')]));
    expect(Object.getPrototypeOf(text)).not.toBe('v');
    expect(Object.keys(text)).toEqual(['__proto__']);
  });
});

describe('parameters', () => {
  test.each(golden.texts)('%#: read as A1111 reads it', ({ text, read }) => {
    expect(parseInfotext(text)).toEqual(read);
  });

  test('what is written is read back, with quotes where A1111 puts them', () => {
    const fields = {
      Steps: '20',
      Sampler: 'DPM++ 2M',
      'Lora hashes': 'alice: 0123456789ab, bob: ba9876543210',
      Note: 'say "hi"\nnew line',
      Missing: undefined,
      Model: 'my model',
    };
    const given = { prompt: 'a cat\nin two lines', negativePrompt: 'b, c: d', fields };
    const text = writeInfotext(given);
    expect(text.split('\n').at(-1)).toBe(
      'Steps: 20, Sampler: DPM++ 2M, Lora hashes: "alice: 0123456789ab, bob: ba9876543210", Note: "say \\"hi\\"\\nnew line", Model: my model',
    );
    const { Missing: _, ...present } = fields;
    expect(parseInfotext(text)).toEqual({ ...given, fields: present });
    expect(writeInfotext({ prompt: '', negativePrompt: '', fields: { Steps: 1 } })).toBe('Steps: 1');
  });

  test('a line of a megabyte without a colon is read in linear time', () => {
    const started = performance.now();
    expect(parseInfotext(`x\n${'a b'.repeat(350_000)}`).fields).toEqual({});
    expect(performance.now() - started).toBeLessThan(2000); // quadratic would be hours
  });
});
