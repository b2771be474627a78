/** @file The few protobuf wire types that an ONNX model needs (developers.google.com/protocol-buffers, "Encoding"). */

export interface ProtoWriter {
  varint(field: number, value: number | bigint): void;
  float(field: number, value: number): void;
  bytes(field: number, value: Uint8Array | string): void;
  message(field: number, write: (inner: ProtoWriter) => void): void;
}

class Chunks implements ProtoWriter {
  readonly parts: Uint8Array[] = [];
  size = 0;

  private push(part: Uint8Array): void {
    this.parts.push(part);
    this.size += part.length;
  }

  private rawVarint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    const out: number[] = [];
    do {
      const low = Number(rest & 127n);
      rest >>= 7n;
      out.push(rest ? low | 128 : low);
    } while (rest);
    this.push(Uint8Array.from(out));
  }

  private tag(field: number, wireType: number): void {
    this.rawVarint(field * 8 + wireType);
  }

  varint(field: number, value: number | bigint): void {
    this.tag(field, 0);
    this.rawVarint(value);
  }

  float(field: number, value: number): void {
    this.tag(field, 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.push(bytes);
  }

  bytes(field: number, value: Uint8Array | string): void {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    this.tag(field, 2);
    this.rawVarint(bytes.length);
    this.push(bytes);
  }

  message(field: number, write: (inner: ProtoWriter) => void): void {
    const inner = new Chunks();
    write(inner);
    this.tag(field, 2);
    this.rawVarint(inner.size);
    for (const part of inner.parts) this.parts.push(part);
    this.size += inner.size;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.size);
    let position = 0;
    for (const part of this.parts) {
      out.set(part, position);
      position += part.length;
    }
    return out;
  }
}

/** Serialises one top-level message. */
export function writeMessage(write: (writer: ProtoWriter) => void): Uint8Array {
  const chunks = new Chunks();
  write(chunks);
  return chunks.finish();
}
