/** @file Which pictures were found to show nearly the same, so that each two are laid over each other once only. */
import { comparePictures, type Likeness } from '../../likeness/likeness.ts';
import type { KeptMeasures } from './keep-measures.ts';
import type { Kind } from './kind.ts';

export interface Compared {
  readonly hash: string;
  readonly likeness: Likeness;
}

/** Verdicts on pictures before this one in a set, by the beginning of their hash: it matters which lies over which. */
interface Verdicts {
  readonly byHash: ReadonlyMap<string, boolean>;
}

/** Of a sha256, hex: 64 bits tell the pictures of a set apart. */
const hashDigits = 16;
const entryBytes = hashDigits / 2 + 1;
/** More, gathered in other sets, are let go. */
const mostVerdicts = 5000;

const verdictsKind: Kind<Verdicts> = {
  name: 'alike',
  encode({ byHash }) {
    const bytes = Buffer.alloc(entryBytes * byHash.size);
    for (const [i, [hash, isAlike]] of [...byHash].entries()) {
      bytes.write(hash, entryBytes * i, 'hex');
      bytes[entryBytes * (i + 1) - 1] = Number(isAlike);
    }
    return bytes;
  },
  decode(bytes) {
    if (bytes.length % entryBytes !== 0) return undefined;
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const byHash = new Map<string, boolean>();
    for (let at = 0; at < buffer.length; at += entryBytes)
      byHash.set(buffer.toString('hex', at, at + entryBytes - 1), buffer[at + entryBytes - 1] === 1);
    return { byHash };
  },
};

export interface KeptComparisons {
  /** Whether the second picture shows nearly the same as the first. */
  isAlike(first: Compared, second: Compared): boolean;
  /** Keeps what was found. */
  keep(): void;
}

/** Compares as `comparePictures`, or remembers. */
export function compareKept(kept: KeptMeasures): KeptComparisons {
  const rows = new Map<string, ReadonlyMap<string, boolean>>();
  const found = new Map<string, Map<string, boolean>>();
  const knownOf = (hash: string): ReadonlyMap<string, boolean> => {
    const row = rows.get(hash) ?? kept.get(verdictsKind, [hash])?.byHash ?? new Map();
    rows.set(hash, row);
    return row;
  };
  return {
    isAlike(first, second) {
      const other = first.hash.slice(0, hashDigits);
      const known = knownOf(second.hash).get(other);
      if (known !== undefined) return known;
      const isAlike = comparePictures(first.likeness, second.likeness) !== undefined;
      const own = found.get(second.hash) ?? new Map<string, boolean>();
      found.set(second.hash, own.set(other, isAlike));
      return isAlike;
    },
    keep() {
      for (const [hash, own] of found) {
        const all = new Map([...knownOf(hash), ...own]);
        kept.put(verdictsKind, [hash], { byHash: all.size <= mostVerdicts ? all : own });
      }
    },
  };
}
