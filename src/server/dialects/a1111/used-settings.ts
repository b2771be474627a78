/** @file A1111's settings that a picture is drawn with: those of `/options`, and a request's `override_settings` over them. */
import { usageError } from '../../../errors.ts';

export interface UsedSettings {
  /** Of the payload. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly notApplied: readonly string[];
}

type Fields = Record<string, unknown>;

function wrong(name: string, value: unknown, wanted: string): never {
  throw usageError('OPTION_INVALID', `${name} is ${JSON.stringify(value)?.slice(0, 60)}; give ${wanted}`);
}

function clipSkip(value: unknown): Fields {
  const layers = Number(value);
  if (!Number.isInteger(layers) || layers < 1 || layers > 12)
    wrong('CLIP_stop_at_last_layers', value, 'a whole number from 1 to 12');
  return layers > 1 ? { clipSkip: layers } : {};
}

/** One of a table's words. */
const oneOf =
  (name: string, table: Readonly<Record<string, Fields>>) =>
  (value: unknown): Fields => {
    const word = String(value).toLowerCase();
    return Object.hasOwn(table, word) ? table[word] : wrong(name, value, Object.keys(table).join(', '));
  };

function quality(value: unknown): Fields {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 100)
    wrong('jpeg_quality', value, 'a whole number from 1 to 100');
  return { quality: number };
}

/** Each setting that decides a picture, and what it becomes. */
const settings: Readonly<Record<string, (value: unknown) => Fields>> = {
  CLIP_stop_at_last_layers: clipSkip,
  samples_format: oneOf('samples_format', {
    ...{ png: {}, jpg: { format: 'jpeg' }, jpeg: { format: 'jpeg' }, webp: { format: 'webp' } },
  }),
  jpeg_quality: quality,
  // Ours draws on a CPU the numbers that torch draws on a GPU.
  randn_source: oneOf('randn_source', {
    ...{ gpu: { noise: 'philox' }, nv: { noise: 'philox' }, cpu: { noise: 'cpu' } },
  }),
  emphasis: oneOf('emphasis', {
    original: { emphasis: 'a1111' },
    'no norm': { emphasis: 'a1111-nonorm' },
    none: { emphasis: 'none' },
  }),
};

/** Settings that say nothing that is not so anyway. */
const isUsual = (name: string, value: unknown): boolean =>
  name === 'sd_model_checkpoint' ||
  (name === 'sd_vae' && ['', 'Automatic', 'None', null].includes(value as string | null));

/** Throws OPTION_INVALID. */
export function checkSetting(name: string, value: unknown): void {
  if (Object.hasOwn(settings, name)) settings[name](value);
}

/** Throws OPTION_INVALID. */
export function usedSettings(
  options: ReadonlyMap<string, unknown>,
  overrides: Readonly<Record<string, unknown>>,
): UsedSettings {
  const values = { ...Object.fromEntries(options), ...overrides };
  const fields: Fields = {};
  for (const [name, fieldsOf] of Object.entries(settings)) {
    const value = values[name];
    if (value !== undefined && value !== null) Object.assign(fields, fieldsOf(value));
  }
  // Only of formats that have one.
  if (fields.format === undefined) delete fields.quality;
  const notApplied = Object.entries(overrides)
    .filter(([name, value]) => !Object.hasOwn(settings, name) && !isUsual(name, value))
    .map(([name]) => `setting ${name.slice(0, 80)}`);
  return { fields, notApplied };
}
