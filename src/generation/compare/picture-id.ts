/** @file What a picture is known by: a hash of everything that decides its bytes. */
import { createHash } from 'node:crypto';
import type { PictureSettings } from '../settings/schema.ts';

/** Where a file lies does not matter where its hash says what is in it. */
const withoutPath = ({ path, hash, ...rest }: { path?: string | undefined; hash?: string | undefined }) =>
  hash === undefined ? { ...rest, path } : { ...rest, hash };

/** JSON with sorted keys and without what is undefined, so that equal settings are equal text. */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`).join()}}`;
}

/** 12 hexadecimal digits, the same for the same settings and files, wherever these lie. */
export function pictureId(settings: PictureSettings): string {
  const { model, loras, init, inpaint, ...rest } = settings;
  const what = {
    ...rest,
    model: withoutPath(model),
    loras: loras.map(withoutPath),
    init: init && { ...init, picture: init.picture.sha256 },
    inpaint: inpaint && { ...inpaint, mask: inpaint.mask.sha256 },
  };
  return createHash('sha256').update(canonicalJson(what)).digest('hex').slice(0, 12);
}
