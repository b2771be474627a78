/** @file What is found out about a picture of any program: fields of the settings, each there or not, each validated. */
import { z } from 'zod';
import { emphasisRules, maskedContents, noiseSources, presetNames } from '../settings/schema.ts';

/** A number, or its text. */
const number = z.union([z.number(), z.string()]).transform((value, context) => {
  const read =
    typeof value === 'string' && (value.trim() === '' || value.length > 40) ? Number.NaN : Number(value);
  if (Number.isFinite(read)) return read;
  context.addIssue({ code: 'custom', message: 'is not a number' });
  return z.NEVER;
});
const count = number.pipe(z.number().int().positive().max(1e6));
const amount = number.pipe(z.number().nonnegative());
const share = number.pipe(z.number().min(0).max(1));
const seed = z
  .union([z.bigint().nonnegative(), z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)])
  .transform(BigInt);
const text = z.string().max(2 ** 24);
const name = z.string().min(1).max(4096);
/** 8 digits (AutoV1) to 64; SwarmUI and OneTrainer write `0x` before them. */
const hash = z
  .string()
  .transform(value => value.trim().toLowerCase().replace(/^0x/, ''))
  .pipe(z.string().regex(/^[0-9a-f]{8,64}$/));
const named = z.object({ name: name.optional(), hash: hash.optional() });

const foundLora = z.object({
  name,
  hash: hash.optional(),
  strength: number,
  textStrength: number.optional(),
  blocks: z.string().optional(),
  start: z.string().optional(),
  stop: z.string().optional(),
  /** A tag in the prompt asks for it. */
  inPrompt: z.boolean(),
});

const fields = {
  /** As written, with the tags of A1111 in it. */
  prompt: text,
  negativePrompt: text,
  seed,
  steps: count,
  sampler: name,
  scheduler: name,
  guidance: number,
  guidanceRescale: share,
  width: count,
  height: count,
  /** A1111's count: 1 is the last layer. */
  clipSkip: number.pipe(z.number().int().min(1).max(12)),
  model: named,
  vae: named,
  loras: z.array(foundLora),
  embeddings: z.array(named),
  /** How much of the first picture is drawn anew. */
  denoising: share,
  variation: z.object({ seed, strength: share }),
  noiseSize: z.object({ width: count, height: count }),
  noise: z.enum(noiseSources),
  emphasis: z.enum(emphasisRules),
  preset: z.enum(presetNames),
  samplerOptions: z.object({
    eta: amount.optional(),
    noise: amount.optional(),
    churn: amount.optional(),
    churnFrom: amount.optional(),
    churnTo: number.pipe(z.number().positive()).optional(),
  }),
  /** The picture it started from. */
  init: named,
  inpaint: z.object({
    blur: amount.optional(),
    invert: z.boolean(),
    content: z.enum(maskedContents),
    area: z.enum(['whole', 'masked']),
    padding: amount.pipe(z.number().int()).optional(),
  }),
  /** What is absent is as in the first pass. */
  hires: z.object({
    width: count.optional(),
    height: count.optional(),
    upscaler: name.optional(),
    steps: count.optional(),
    sampler: name.optional(),
    scheduler: name.optional(),
    guidance: number.optional(),
    prompt: text.optional(),
    negativePrompt: text.optional(),
  }),
} as const;

type Fields = typeof fields;
export type FoundName = keyof Fields;
export type FoundSettings = { -readonly [Name in FoundName]?: z.output<Fields[Name]> | undefined };
export type FoundLora = z.output<typeof foundLora>;

/** Something a user should know about what was read. */
export interface Finding {
  readonly code: string;
  readonly message: string;
}

/** What a dialect's reader makes of a text; `validateFound` makes settings of it. */
export interface Candidates {
  readonly values: Readonly<Partial<Record<FoundName, unknown>>>;
  /** Fields that stand for no setting, by the name they have there. */
  readonly other: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

export interface Found {
  readonly settings: FoundSettings;
  readonly other: Readonly<Record<string, string>>;
  readonly findings: readonly Finding[];
}

const shown = (value: unknown): string => {
  const json = typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
  return json.length > 80 ? `${json.slice(0, 80)}…` : json;
};

type Invalid = { readonly value: unknown; readonly path: readonly PropertyKey[]; readonly message: string };

/** A value, or of a list the items that are valid, and what is not. */
function readField(key: string, value: unknown): { read?: unknown; invalid: Invalid[] } {
  const field = fields[key as FoundName];
  if (!(field instanceof z.ZodArray) || !Array.isArray(value)) {
    const { success, data, error } = field.safeParse(value);
    return success ? { read: data, invalid: [] } : { invalid: [{ value, ...error.issues[0] }] };
  }
  const items = value.map((item, i) => ({ i, item, result: field.element.safeParse(item) }));
  const read = items.flatMap(({ result }) => (result.success ? [result.data] : []));
  const invalid = items.flatMap(({ i, item, result: { error } }) => {
    const [issue] = error?.issues ?? [];
    return issue ? [{ value: item, path: [i, ...issue.path], message: issue.message }] : [];
  });
  return { ...(read.length > 0 ? { read } : {}), invalid };
}

/** Keeps the values that are valid; of the others, a finding says why not. Absent ones are passed over. */
export function validateFound({ values, other, findings }: Candidates): Found {
  const settings: Record<string, unknown> = {};
  const refused: Finding[] = [];
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    const { read, invalid } = readField(key, value);
    if (read !== undefined) settings[key] = read;
    for (const { value, path, message } of invalid) {
      const where = [key, ...path].join('.');
      refused.push({ code: 'FIELD_INVALID', message: `${where} is ${shown(value)}: ${message}` });
    }
  }
  return { settings: settings as FoundSettings, other, findings: [...findings, ...refused] };
}
