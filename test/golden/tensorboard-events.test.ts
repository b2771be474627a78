/** Event files against the bytes of TensorBoard's own writer (tools/goldens/tensorboard_events.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { crc32c } from '../../src/training/journal/events/crc32c.ts';
import {
  eventsUpTo,
  pictureEvent,
  scalarEvent,
  versionEvent,
} from '../../src/training/journal/events/events.ts';
import { readRecords } from '../../src/training/journal/events/records.ts';

interface Golden {
  readonly scalars: readonly { time: number; step: number; scalars: Record<string, number> }[];
  readonly picture: string;
  readonly file: string;
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('./data/tensorboard-events.json', import.meta.url), 'utf8'),
);
const file = Buffer.from(golden.file, 'base64');
const png = Buffer.from(golden.picture, 'base64');

describe('TensorBoard events', () => {
  test('the file is byte for byte what TensorBoard writes', () => {
    const records = [
      versionEvent(1700000000),
      ...golden.scalars.map(({ scalars, ...moment }) => scalarEvent(moment, scalars)),
      pictureEvent({ time: 1700000006, step: 50 }, 'preview/00', { width: 5, height: 3, png }),
    ];
    expect(Buffer.concat(records).toString('base64')).toBe(golden.file);
  });

  test('crc32c of the check word of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });

  test('records are read back whole, wherever the file is torn or damaged', () => {
    const ends = [...readRecords(file)].map(({ end }) => end);
    expect(ends.length).toBe(golden.scalars.length + 2);
    expect(ends.at(-1)).toBe(file.length);
    for (let length = 0; length < file.length; length += 7) {
      const whole = ends.filter(end => end <= length).at(-1) ?? 0;
      expect([...readRecords(file.subarray(0, length))].at(-1)?.end ?? 0).toBe(whole);
    }
    const damaged = Buffer.from(file);
    damaged[ends[2] - 6] ^= 1;
    expect([...readRecords(damaged)].at(-1)?.end).toBe(ends[1]);
  });

  test('cut back to a step', () => {
    const ends = [...readRecords(file)].map(({ end }) => end);
    // version, 1, 2, 127, 128, 16384, …
    expect(eventsUpTo(file, 0)).toBe(ends[0]);
    expect(eventsUpTo(file, 2)).toBe(ends[2]);
    expect(eventsUpTo(file, 200)).toBe(ends[4]);
    expect(eventsUpTo(file, 5_000_000_000)).toBe(file.length);
    expect(eventsUpTo(file.subarray(0, ends[4] - 1), 200)).toBe(ends[3]);
  });
});
