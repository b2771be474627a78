/** @file Reads one config file of a checkpoint: valid, and without options that would be ignored here. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { badInput, type LoraError } from '../../errors.ts';

/** Options that change a model, with the values that are built here. An absent one has the value that is. */
export type Supported = Readonly<Record<string, readonly unknown[]>>;

/** CHECKPOINT_BAD_CONFIG with the file in front. */
export function badConfig(path: string, why: string, hint?: string, cause?: unknown): LoraError {
  return badInput('CHECKPOINT_BAD_CONFIG', `${path}: ${why}`, hint, cause);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw badInput(
      'CHECKPOINT_MISSING_FILE',
      `${path} cannot be read`,
      'Is the checkpoint folder complete?',
      cause,
    );
  }
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readText(path));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw badConfig(path, 'this is not valid JSON', 'The file is damaged; fetch it again.', cause);
  }
}

const objectSchema = z.record(z.string(), z.unknown());

function refuseUnsupported(path: string, json: unknown, supported: Supported): void {
  const config = objectSchema.safeParse(json).data ?? {};
  for (const [option, allowed] of Object.entries(supported)) {
    const value = Object.hasOwn(config, option) ? config[option] : undefined;
    // Some options may be given once for every level.
    const values = Array.isArray(value) && value.length > 0 ? value : [value];
    if (value === undefined || values.every(one => allowed.includes(one))) continue;
    const choices = allowed.map(one => JSON.stringify(one)).join(' or ');
    const why = `${option} ${JSON.stringify(value)} is not supported, only ${choices || 'its absence'}`;
    throw badConfig(path, why, 'Supported are Stable Diffusion 1.x, 2.x and SDXL.');
  }
}

/** Reads one JSON file and checks it; errors name the file and the field. */
export function readConfig<T>(path: string, schema: z.ZodType<T>, supported: Supported = {}): T {
  const json = parse(path);
  refuseUnsupported(path, json, supported);
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badConfig(path, [...issue.path, issue.message].join(': '));
}

/** A count of channels, heads, tokens … */
export const size = z.number().int().positive().max(1_000_000);
/** A count of layers, each of which has tensors: more is a mistake, and would take memory to list. */
export const fewLayers = z.number().int().positive().max(100);
/** Channels of each level. */
export const channelList = z.array(size).min(1).max(16);

/** Throws CHECKPOINT_BAD_CONFIG unless `divisor` divides `value`. */
export function checkDivides(
  path: string,
  [what, value]: [string, number],
  [by, divisor]: [string, number],
): void {
  if (value % divisor === 0) return;
  throw badConfig(path, `${what} ${value} is not a multiple of ${by} ${divisor}`);
}
