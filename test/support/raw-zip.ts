/** @file Zip archives byte by byte, for tests: with lies that no library would write (PKWARE APPNOTE 6.3.10). */
import { crc32, deflateRawSync } from 'node:zlib';

export interface RawMember {
  /** Bytes where it is no UTF-8. */
  readonly name: string | Uint8Array;
  readonly data?: Uint8Array | string;
  readonly deflate?: boolean;
  /** File type and rights of Unix: 0o120777 is a link. */
  readonly mode?: number;
  readonly flags?: number;
  /** What its headers say instead of the truth. */
  readonly method?: number;
  readonly size?: number;
  readonly packedSize?: number;
  readonly crc?: number;
  readonly localName?: string;
  /** The data and own header of an earlier member are meant. */
  readonly sameAs?: number;
}

export interface RawZip {
  readonly prefix?: Uint8Array;
  /** How many members the end record says that there are. */
  readonly count?: number;
}

const bytesOf = (text: string | Uint8Array): Buffer => Buffer.from(text as Uint8Array);
const utf8 = 0x800;

interface Facts {
  readonly name: Buffer;
  readonly fields: Buffer;
}

/** The fields that both headers have: version, flags, method, time, CRC, sizes. */
function factsOf(member: RawMember, packed: Buffer, data: Buffer): Facts {
  const fields = Buffer.alloc(22);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(member.flags ?? utf8, 2);
  fields.writeUInt16LE(member.method ?? (member.deflate ? 8 : 0), 4);
  fields.writeUInt32LE(0x00210000, 6);
  fields.writeUInt32LE(member.crc ?? crc32(data), 10);
  fields.writeUInt32LE(member.packedSize ?? packed.length, 14);
  fields.writeUInt32LE(member.size ?? data.length, 18);
  return { name: bytesOf(member.name), fields };
}

function localHeader({ fields }: Facts, name: Buffer): Buffer {
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(name.length, 0);
  return Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, lengths, name]);
}

function centralHeader({ fields, name }: Facts, mode: number, offset: number): Buffer {
  const rest = Buffer.alloc(18);
  rest.writeUInt16LE(name.length, 0);
  rest.writeUInt32LE((mode * 0x10000) >>> 0, 10);
  rest.writeUInt32LE(offset, 14);
  // Made on Unix, so that the mode counts.
  const start = Buffer.from('PK\x01\x02\x14\x03', 'latin1');
  return Buffer.concat([start, fields, rest, name]);
}

/** An archive with these members, as they are told. */
export function rawZip(
  members: readonly RawMember[],
  { prefix = Buffer.alloc(0), count }: RawZip = {},
): Buffer {
  const parts: Buffer[] = [Buffer.from(prefix)];
  const central: Buffer[] = [];
  const offsets: number[] = [];
  let at = prefix.length;
  for (const member of members) {
    const data = bytesOf(member.data ?? '');
    const packed = member.deflate ? deflateRawSync(data) : data;
    const facts = factsOf(member, packed, data);
    const offset = member.sameAs === undefined ? at : offsets[member.sameAs];
    offsets.push(offset);
    if (member.sameAs === undefined) {
      const local = localHeader(
        facts,
        member.localName === undefined ? facts.name : Buffer.from(member.localName),
      );
      parts.push(local, packed);
      at += local.length + packed.length;
    }
    central.push(centralHeader(facts, member.mode ?? 0o100644, offset));
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(count ?? members.length, 8);
  end.writeUInt16LE(count ?? members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}
