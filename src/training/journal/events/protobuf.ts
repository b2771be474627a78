/** @file As much of the Protocol Buffers wire format as events need (protobuf.dev/programming-guides/encoding). */

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A whole number of at most 2⁵³, seven bits a byte. */
function varint(value: number): Buffer {
  const out: number[] = [];
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...out, rest]);
}

const key = (field: number, type: number): Buffer => varint(field * 8 + type);

export function integerField(field: number, value: number): Buffer {
  return Buffer.concat([key(field, wire.varint), varint(value)]);
}

export function doubleField(field: number, value: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeDoubleLE(value);
  return Buffer.concat([key(field, wire.fixed64), out]);
}

export function floatField(field: number, value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeFloatLE(value);
  return Buffer.concat([key(field, wire.fixed32), out]);
}

export function bytesField(field: number, value: Uint8Array | string): Buffer {
  const body = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return Buffer.concat([key(field, wire.bytes), varint(body.length), body]);
}

export type FieldValue = number | Buffer;

/** The fields of a message, in their order; floats are decoded, messages and texts are bytes. */
export function* readFields(message: Uint8Array): Generator<readonly [field: number, value: FieldValue]> {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  let at = 0;
  const number = (): number => {
    let [value, factor] = [0, 1];
    for (;;) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 127) * factor;
      factor *= 128;
      if (byte < 128) return value;
    }
  };
  const skip = (length: number): number => {
    at += length;
    return at - length;
  };
  while (at < bytes.length) {
    const head = number();
    const [field, type] = [Math.floor(head / 8), head % 8];
    if (type === wire.varint) yield [field, number()];
    else if (type === wire.fixed64) yield [field, bytes.readDoubleLE(skip(8))];
    else if (type === wire.fixed32) yield [field, bytes.readFloatLE(skip(4))];
    else if (type === wire.bytes) {
      const length = number();
      const start = skip(length);
      yield [field, bytes.subarray(start, start + length)];
    } else throw new RangeError(`wire type ${type} of field ${field} is not known`);
  }
}
