/** @file Values of side files, read with suspicion: a field of a wrong type is told and left out, the others count. */
import { z } from 'zod';

const longestText = 100_000;
const mostItems = 1000;

/** Python's `None` and what editors leave behind say nothing. */
const trimmed = z
  .string()
  .max(longestText)
  .transform(text => text.trim() || undefined);

/** A field that may be null or missing, which says nothing. */
const orNothing = <T extends z.ZodType>(schema: T) =>
  z.union([z.null().transform(() => undefined), schema]).optional();

/** Numbers, and numbers that are written as text. */
const numeric = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/)
      .transform(Number),
  ])
  .refine(Number.isFinite);

export const text = orNothing(trimmed);
export const number = orNothing(numeric);
export const flag = orNothing(z.boolean());
/** A list of texts; one text counts as a list of it. */
export const texts = orNothing(
  z
    .union([
      z
        .string()
        .max(longestText)
        .transform(one => [one]),
      z.array(z.string().max(longestText)).max(mostItems),
    ])
    .transform(all => [...new Set(all.map(one => one.trim()).filter(one => one !== ''))]),
);
/** Words with commas between, or a list of them. */
export const words = orNothing(
  z
    .union([
      z
        .string()
        .max(longestText)
        .transform(all => all.split(',')),
      z.array(z.string()).max(mostItems),
    ])
    .transform(all => [...new Set(all.map(one => one.trim()).filter(one => one !== ''))]),
);
export const record = orNothing(z.record(z.string(), z.unknown()));
/** Objects of a list; others are left out. */
export const records = orNothing(
  z
    .array(z.unknown())
    .max(10_000)
    .transform(all => all.filter(isRecord)),
);
/** Hex digits, with or without `0x`. */
export const hash = orNothing(
  z
    .string()
    .regex(/^\s*(0x)?[\da-f]{8,64}\s*$|^\s*$/i)
    .transform(digits => digits.trim().toLowerCase().replace(/^0x/, '') || undefined),
);
/** A small picture as `data:` URL; what it holds is looked at when it is shown. */
export const dataUrl = orNothing(
  z
    .string()
    .regex(/^data:image\/(jpeg|png|webp|gif);base64,[A-Za-z0-9+/\s]+={0,2}\s*$|^\s*$/)
    .transform(url => url.trim() || undefined),
);

export type Fields = Readonly<Record<string, z.ZodType>>;
type Values<F extends Fields> = { readonly [K in keyof F]: z.output<F[K]> };

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields that are as they should be; names of the others go to `wrong`. */
export function readFields<F extends Fields>(
  value: Readonly<Record<string, unknown>>,
  fields: F,
  wrong: string[],
): Values<F> {
  const entries = Object.entries(fields).map(([name, schema]) => {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    const result = schema.safeParse(given);
    if (!result.success) wrong.push(name);
    return [name, result.success ? result.data : undefined];
  });
  return Object.fromEntries(entries) as Values<F>;
}
