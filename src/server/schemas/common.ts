/** @file Schemas that several routes share. */
import { z } from 'zod';

/** RFC 9457. `code` is stable, `issues` names every wrong field. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  hint: z.string().optional(),
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.output<typeof problem>;

/** Milliseconds since 1970. */
export const time = z.number().int().nonnegative();
export const counted = z.object({ value: z.string(), count: z.number().int() });
export const nothing = z.object({});

/** Of query strings. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  offset: z.coerce.number().int().min(0).max(10_000_000).default(0),
};
export const flag = z.enum(['true', 'false']).transform(value => value === 'true');
/** Pictures are served in these widths, or whole. */
export const pictureSize = z.enum(['96', '320', '640', '1280', 'full']).default('640');
