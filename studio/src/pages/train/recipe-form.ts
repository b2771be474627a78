/** @file The recipe as a form: what was changed and only that, text typed into a field as the value that it means, search. */
import type { ApiRecipeOptions } from '../../../../src/server/api-types.ts';

export type RecipeFieldRow = ApiRecipeOptions['fields'][number];
/** Fields that were said; the rest follows. */
export type ChangedFields = Readonly<Record<string, unknown>>;

/** What people write for "no value". */
export const noValue = 'none';

/** A value as it stands in a field. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return noValue;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (isSize(value))
    return value.width === value.height ? String(value.width) : `${value.width}x${value.height}`;
  if (Array.isArray(value) && value.every(item => typeof item !== 'object')) return value.join('\n');
  return JSON.stringify(value);
}

const isSize = (value: unknown): value is { width: number; height: number } =>
  typeof value === 'object' && value !== null && 'width' in value && 'height' in value;

export type Typed = { readonly value: unknown } | { readonly fault: string };

function numberOf(text: string, isWhole: boolean): Typed {
  const value = Number(text.replace(',', '.'));
  if (!Number.isFinite(value)) return { fault: `"${text}" is no number` };
  if (isWhole && !Number.isInteger(value)) return { fault: `${text} is no whole number` };
  return { value };
}

function sizeOf(text: string): Typed {
  const [, width, height = width] = /^(\d+)(?:\s*[x×]\s*(\d+))?$/i.exec(text) ?? [];
  if (width === undefined) return { fault: 'Write 512, or 512x768.' };
  return { value: { width: Number(width), height: Number(height) } };
}

function dataOf(text: string): Typed {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { fault: 'This has to be JSON, such as {"beta2": 0.99}.' };
  }
}

/** A list is a line an entry; entries of block lists and overrides may be JSON as a whole. */
function listOf(text: string): Typed {
  if (/^\s*\[/.test(text)) return dataOf(text);
  return {
    value: text
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== ''),
  };
}

const readers: Readonly<Record<string, (text: string) => Typed>> = {
  number: text => numberOf(text, false),
  integer: text => numberOf(text, true),
  switch: text => ({ value: text === 'true' }),
  list: listOf,
};

/** What was typed into a field. Whether its value may be is the recipe's own affair. */
export function readTyped(row: RecipeFieldRow, text: string): Typed {
  const trimmed = text.trim();
  if (row.type === 'list') return listOf(text);
  if (trimmed === noValue && row.type !== 'choice') return { value: null };
  if (row.field === 'resolution') return sizeOf(trimmed);
  if (row.type === 'text' && typeof row.fallback === 'object' && row.fallback !== null)
    return dataOf(trimmed);
  // A choice may stand between words and true or false (`recompute`).
  if (row.type === 'choice' && (trimmed === 'true' || trimmed === 'false'))
    return { value: trimmed === 'true' };
  if (row.type === 'choice' && trimmed === noValue && !row.choices?.includes(noValue)) return { value: null };
  const read = Object.hasOwn(readers, row.type) ? readers[row.type] : undefined;
  return read ? read(trimmed) : { value: text };
}

export const withField = (changed: ChangedFields, field: string, value: unknown): ChangedFields => ({
  ...changed,
  [field]: value,
});

export function withoutField(changed: ChangedFields, field: string): ChangedFields {
  const { [field]: _gone, ...rest } = changed;
  return rest;
}

export interface FieldGroup {
  readonly heading: string;
  readonly fields: readonly RecipeFieldRow[];
}

/** `learningRate` is found by `learning rate`, `lr` by its text. */
const spelled = (field: string): string => `${field} ${field.replace(/([A-Z])/g, ' $1')}`.toLowerCase();

/** What trainers elsewhere call these. */
const otherNames: Readonly<Record<string, string>> = {
  learningRate: 'lr unet_lr',
  textLearningRate: 'text_encoder_lr lr',
  rank: 'network_dim dim',
  alpha: 'network_alpha',
  batch: 'train_batch_size batch size',
  steps: 'max_train_steps',
  accumulate: 'gradient accumulation',
  recompute: 'gradient checkpointing',
  precision: 'save_precision',
  keepTags: 'keep_tokens',
  shuffleTags: 'shuffle_caption',
  captionDropout: 'caption_dropout_rate',
  minSnrGamma: 'min_snr_gamma',
  noiseOffset: 'noise_offset',
  flip: 'flip_aug',
  repeats: 'num_repeats',
  schedule: 'lr_scheduler',
  regularisation: 'reg_data_dir',
  saveEvery: 'save_every_n_steps',
  saveEveryEpochs: 'save_every_n_epochs',
  resolution: 'size',
};

/** Groups with the fields that have all of these words, and of them only changed ones where that is asked. */
export function searchFields(
  rows: readonly RecipeFieldRow[],
  search: string,
  only?: ChangedFields,
): FieldGroup[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const isFound = ({ field, text, group }: RecipeFieldRow): boolean => {
    const all = `${spelled(field)} ${otherNames[field] ?? ''} ${text} ${group}`.toLowerCase();
    return words.every(word => all.includes(word)) && (!only || Object.hasOwn(only, field));
  };
  return [...Map.groupBy(rows.filter(isFound), ({ group }) => group)].map(([heading, fields]) => ({
    heading,
    fields,
  }));
}
