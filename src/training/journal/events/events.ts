/** @file TensorBoard's events (tensorflow `event.proto`, `summary.proto`): what its log files hold, as records. */
import { bytesField, doubleField, floatField, integerField, readFields } from './protobuf.ts';
import { frameRecord, readRecords } from './records.ts';

const eventFields = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const;
const valueFields = { tag: 1, simpleValue: 2, image: 4 } as const;
const imageFields = { height: 1, width: 2, colorspace: 3, encoded: 4 } as const;
/** The only field of a Summary. */
const summaryValue = 1;
const rgb = 3;

export interface Moment {
  /** Unix seconds. */
  readonly time: number;
  readonly step: number;
}

export interface EncodedPicture {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

function event({ time, step }: Moment, body: Buffer): Uint8Array {
  // A field that is zero is not written (proto3).
  const steps = step === 0 ? Buffer.alloc(0) : integerField(eventFields.step, step);
  return frameRecord(Buffer.concat([doubleField(eventFields.wallTime, time), steps, body]));
}

/** What every file begins with. */
export function versionEvent(time: number): Uint8Array {
  return event({ time, step: 0 }, bytesField(eventFields.fileVersion, 'brain.Event:2'));
}

/** One event with a number for each tag. */
export function scalarEvent(moment: Moment, scalars: Readonly<Record<string, number>>): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytesField(
      summaryValue,
      Buffer.concat([bytesField(valueFields.tag, tag), floatField(valueFields.simpleValue, value)]),
    ),
  );
  return event(moment, bytesField(eventFields.summary, Buffer.concat(values)));
}

export function pictureEvent(
  moment: Moment,
  tag: string,
  { width, height, png }: EncodedPicture,
): Uint8Array {
  const image = Buffer.concat([
    integerField(imageFields.height, height),
    integerField(imageFields.width, width),
    integerField(imageFields.colorspace, rgb),
    bytesField(imageFields.encoded, png),
  ]);
  const value = Buffer.concat([bytesField(valueFields.tag, tag), bytesField(valueFields.image, image)]);
  return event(moment, bytesField(eventFields.summary, bytesField(summaryValue, value)));
}

function stepOf(data: Uint8Array): number {
  for (const [field, value] of readFields(data)) if (field === eventFields.step) return Number(value);
  return 0;
}

/** Length of the part of a file that is whole and says nothing of steps after `step`. */
export function eventsUpTo(file: Uint8Array, step: number): number {
  let kept = 0;
  for (const { data, end } of readRecords(file)) {
    if (stepOf(data) > step) break;
    kept = end;
  }
  return kept;
}
