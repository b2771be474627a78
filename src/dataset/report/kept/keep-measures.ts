/** @file Measures of pictures kept by the hash of their bytes and of all else that decides them; none of captions. */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import sharp from 'sharp';
import { version } from '../../../version.ts';
import { thresholds } from '../thresholds.ts';
import type { Kind } from './kind.ts';

/** Bytes by key. It may forget anything at any time; what it gives back is what was put there. */
export interface ByteStore {
  get(key: string): Uint8Array | undefined;
  put(key: string, bytes: Uint8Array): void;
}

/** Values in memory, as they are used: for a process that is asked again. */
export interface HotValues {
  get(key: string): object | undefined;
  set(key: string, value: object): void;
}

/** What is kept of pictures. */
export interface KeptMeasures {
  get<Value extends object>(kind: Kind<Value>, of: readonly unknown[]): Value | undefined;
  put<Value extends object>(kind: Kind<Value>, of: readonly unknown[], value: Value): void;
}

/** Raise it when a measure or a comparison, or the bytes that one is kept as, change between two versions of the product. */
const measuresVersion = 1;

/** All that decides measures beside the picture and its crop: decoders, arithmetic and limits too. */
const makers = JSON.stringify([
  ...[measuresVersion, version, sharp.versions, process.versions.v8, process.arch],
  thresholds,
]);

const keyOf = (kind: string, of: readonly unknown[]): string =>
  createHash('sha256')
    .update(JSON.stringify([makers, kind, ...of]))
    .digest('hex');

/** Of 1000 pictures, about 80 KB each with all planes that are made of them. */
const mostHot = 4000;

/** The oldest used go. */
export function openHotValues(most = mostHot): HotValues {
  const values = new Map<string, object>();
  return {
    get(key) {
      const value = values.get(key);
      if (value === undefined) return undefined;
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set(key, value) {
      values.delete(key);
      values.set(key, value);
      for (const oldest of values.keys()) {
        if (values.size <= most) break;
        values.delete(oldest);
      }
    },
  };
}

function decoded<Value extends object>(kind: Kind<Value>, bytes: Uint8Array): Value | undefined {
  try {
    return kind.decode(bytes);
  } catch {
    return undefined; // of another program, or damaged: it is made again
  }
}

/** Keeps measures in a store, and those that were used last in memory. */
export function keepMeasures(store: ByteStore, hot: HotValues): KeptMeasures {
  return {
    get<Value extends object>(kind: Kind<Value>, of: readonly unknown[]) {
      const key = keyOf(kind.name, of);
      const known = hot.get(key) as Value | undefined;
      if (known) return known;
      const bytes = store.get(key);
      const value = bytes && decoded(kind, bytes);
      if (value) hot.set(key, value);
      return value;
    },
    put(kind, of, value) {
      const bytes = kind.encode(value);
      // What would come back as something else (a number that JSON has no word for) is measured each time.
      if (!isDeepStrictEqual(decoded(kind, bytes), value)) return;
      const key = keyOf(kind.name, of);
      hot.set(key, value);
      store.put(key, bytes);
    },
  };
}
