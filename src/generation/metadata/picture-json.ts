/** @file Our own record in a picture: every setting, so that the picture can be made again. */
import { z } from 'zod';
import { badInput, type LoraError } from '../../errors.ts';
import { version } from '../../version.ts';
import { type PictureSettings, pictureSettingsSchema } from '../settings/schema.ts';
import { fileNameOf, portablePrompt } from './portable-text.ts';

const format = 'lora-studio/picture';
const formatVersion = 1;

const made = z.object({
  with: z.literal('lora-studio'),
  version: z.string(),
  /** The execution provider, which decides the last bits. */
  device: z.string().optional(),
});
const head = z.looseObject({ format: z.literal(format), version: z.number().int().positive() });
const record = z.object({
  ...{ format: z.literal(format), version: z.literal(formatVersion) },
  ...{ settings: pictureSettingsSchema, made },
});

export type PictureRecord = z.output<typeof record>;

const prompts = new Set(['prompt', 'negativePrompt']);

/** Seeds above 2⁵³ as text; of paths only the file's name, for the hash finds the file. */
function portable(value: unknown, key?: string): unknown {
  if (typeof value === 'bigint') return value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
  if (typeof value === 'string') {
    if (key === 'path') return fileNameOf(value);
    return prompts.has(key ?? '') ? portablePrompt(value) : value;
  }
  if (Array.isArray(value)) return value.map(item => portable(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, portable(item, name)]));
}

/** Settings as plain JSON, in the order of the schema, with no folder of this machine. */
export function portableSettings(settings: PictureSettings): Readonly<Record<string, unknown>> {
  const inOrder = pictureSettingsSchema.parse(settings); // settings that were read have another order of keys
  return portable(inOrder) as Readonly<Record<string, unknown>>;
}

/** The record as JSON text. It holds no folder of this machine and no time, so that equal pictures have equal bytes. */
export function pictureJson(settings: PictureSettings, device?: string): string {
  const written = { with: 'lora-studio', version, device };
  return JSON.stringify({
    format,
    version: formatVersion,
    settings: portableSettings(settings),
    made: written,
  });
}

const reasonOf = ({ issues: [first] }: z.ZodError): string => `${first.path.join('.')}: ${first.message}`;
const invalid = (reason: string, cause?: unknown): LoraError =>
  badInput('PICTURE_JSON_INVALID', `the picture's record cannot be read: ${reason}`, undefined, cause);

/** Throws PICTURE_JSON_INVALID, or PICTURE_JSON_NEWER for the record of a later version. */
export function parsePictureJson(json: unknown): PictureRecord {
  const start = head.safeParse(json);
  if (!start.success) throw invalid(reasonOf(start.error));
  if (start.data.version > formatVersion)
    throw badInput(
      'PICTURE_JSON_NEWER',
      `the picture's record has version ${start.data.version}, this program reads up to ${formatVersion}`,
      'Update lora-studio.',
    );
  const whole = record.safeParse(json);
  if (!whole.success) throw invalid(reasonOf(whole.error));
  return whole.data;
}

/** Parses the text of a chunk or of an XMP packet. */
export function parsePictureText(text: string): PictureRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid('it is not JSON', cause);
  }
  return parsePictureJson(json);
}
