/** @file JSON of other programs, read so that what is not understood is written as it was: `7.0`, and whole numbers of 19 digits. */

interface RawJson {
  readonly rawJSON: string;
}

/** In Node 24, not yet in TypeScript's library. */
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
};

const parse = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** Numbers that would be written otherwise stand for themselves. */
export const parseKept = (text: string): unknown =>
  parse(text.replace(/^\ufeff/, ''), (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && JSON.stringify(value) !== source
      ? rawJSON(source)
      : value,
  );

/** A number as others are, for comparing. */
export const plainValue = (value: unknown): unknown =>
  isRawJSON(value) ? Number((value as RawJson).rawJSON) : value;
