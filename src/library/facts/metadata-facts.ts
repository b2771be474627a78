/** @file What metadata say of a file: kohya's `ss_*`, modelspec, and what other trainers write. */
import { trainingFacts } from '../../lora/index.ts';
import type { CardTraining } from '../card.ts';
import { claimedFamily } from './claimed-family.ts';
import type { MetadataFacts } from './file-facts.ts';
import { triggersOf } from './from-side-files.ts';

export type Metadata = Readonly<Record<string, string>>;

const longest = 4000;
const mostFrequencies = 24;
const mostTags = 50;

/** Values that trainers write for nothing. */
const nothing = new Set(['', 'none', 'null', 'undefined']);

const textOf = (value: string | undefined): string | undefined => {
  const text = value?.trim().slice(0, longest);
  return text === undefined || nothing.has(text.toLowerCase()) ? undefined : text;
};

const firstText = (metadata: Metadata, ...keys: readonly string[]): string | undefined =>
  keys.map(key => (Object.hasOwn(metadata, key) ? textOf(metadata[key]) : undefined)).find(Boolean);

function numberOf(metadata: Metadata, ...keys: readonly string[]): number | undefined {
  const text = firstText(metadata, ...keys);
  const number = Number(text);
  return text !== undefined && Number.isFinite(number) ? number : undefined;
}

/** `(512, 768)`, `512x768` and `512` as people write them. */
function resolutionOf(metadata: Metadata): string | undefined {
  const text = firstText(metadata, 'ss_resolution', 'modelspec.resolution', 'resolution');
  const numbers = text?.match(/\d+/g);
  if (!numbers) return undefined;
  return `${numbers[0]} × ${numbers[1] ?? numbers[0]}`;
}

/** `torch.optim.adamw.AdamW(weight_decay=0.1)` → `AdamW`. */
const optimizerOf = (metadata: Metadata): string | undefined =>
  firstText(metadata, 'ss_optimizer')?.replace(/\(.*$/s, '').split('.').at(-1);

/** Seconds since 1970 as kohya writes them, or modelspec's date. */
function trainedAt(metadata: Metadata): number | undefined {
  const seconds = numberOf(metadata, 'ss_training_finished_at', 'ss_training_started_at');
  if (seconds !== undefined && seconds > 0 && seconds < 1e11) return Math.round(1000 * seconds);
  const date = Date.parse(firstText(metadata, 'modelspec.date') ?? '');
  return Number.isNaN(date) ? undefined : date;
}

/** The mark of a trainer → its name. Ours writes kohya's keys, so it is looked for first. */
const tools: readonly { readonly key: string; readonly value: RegExp; readonly name: string }[] = [
  { key: 'ss_training_comment', value: /^lora-studio\b/, name: 'lora-studio' },
  { key: 'ot_branch', value: /./, name: 'OneTrainer' },
  { key: 'ot_revision', value: /./, name: 'OneTrainer' },
  { key: 'software', value: /ai-toolkit/i, name: 'ai-toolkit' },
  { key: 'modelspec.implementation_version', value: /^sd-scripts/, name: 'sd-scripts' },
  { key: 'ss_sd_scripts_commit_hash', value: /./, name: 'sd-scripts' },
  { key: 'ss_network_module', value: /./, name: 'sd-scripts' },
  { key: 'lora_adapter_metadata', value: /./, name: 'Diffusers' },
];

const toolOf = (metadata: Metadata): string | undefined =>
  tools.find(({ key, value }) => Object.hasOwn(metadata, key) && value.test(metadata[key]))?.name;

function rateOf(metadata: Metadata): string | undefined {
  const [all, unet, text] = [
    firstText(metadata, 'ss_learning_rate'),
    firstText(metadata, 'ss_unet_lr'),
    firstText(metadata, 'ss_text_encoder_lr'),
  ];
  if (unet === undefined && text === undefined) return all;
  return `${unet ?? all ?? '?'} (text encoder ${text ?? all ?? '?'})`;
}

function trainingOf(metadata: Metadata, pictures: number | undefined): CardTraining {
  const facts = {
    base: firstText(metadata, 'ss_sd_model_name', 'ot_base_model_name', 'modelspec.merged_from'),
    pictures,
    steps: numberOf(metadata, 'ss_steps', 'ss_max_train_steps'),
    epoch: numberOf(metadata, 'ss_epoch'),
    epochs: numberOf(metadata, 'ss_num_epochs'),
    resolution: resolutionOf(metadata),
    rate: rateOf(metadata),
    optimizer: optimizerOf(metadata),
    trainedAt: trainedAt(metadata),
    tool: toolOf(metadata),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** kohya's session number is drawn anew for each training; its start is enough where there is none. */
function runOf(metadata: Metadata): string | undefined {
  const session = firstText(metadata, 'ss_session_id', 'ss_training_started_at');
  return session && `${firstText(metadata, 'ss_output_name') ?? ''} ${session}`;
}

/** Lists of words with commas, as modelspec has them; some write JSON. */
function tagsOf(metadata: Metadata): string[] {
  const text = firstText(metadata, 'modelspec.tags', 'tags');
  const words = text?.replace(/^\[|\]$|"/g, '').split(',') ?? [];
  return [...new Set(words.map(word => word.trim()).filter(Boolean))].slice(0, mostTags);
}

const claimedHash = (metadata: Metadata): string | undefined => {
  const text = firstText(metadata, 'sshs_model_hash', 'modelspec.hash_sha256');
  const digits = text?.toLowerCase().replace(/^0x/, '');
  return digits && /^[0-9a-f]{8,64}$/.test(digits) ? digits : undefined;
};

export const thumbnailKeys = ['ssmd_cover_images', 'modelspec.thumbnail'] as const;

/** What is kept of metadata. */
export function metadataFacts(metadata: Metadata): MetadataFacts {
  const { tags: frequency, pictures } = trainingFacts(metadata);
  const { triggers, origin } = triggersOf({ metadata });
  return {
    claimedFamily: claimedFamily(metadata),
    title: firstText(metadata, 'ssmd_display_name', 'modelspec.title'),
    description: firstText(metadata, 'ssmd_description', 'modelspec.description'),
    author: firstText(metadata, 'ssmd_author', 'modelspec.author'),
    license: firstText(metadata, 'modelspec.license', 'license'),
    triggers,
    triggerOrigin: origin,
    tags: tagsOf(metadata),
    alias: firstText(metadata, 'ss_output_name'),
    claimedHash: claimedHash(metadata),
    training: trainingOf(metadata, pictures),
    frequency: frequency.slice(0, mostFrequencies),
    hasThumbnail: thumbnailKeys.some(key => (metadata[key]?.length ?? 0) > 100),
    run: runOf(metadata),
  };
}

const mostShown = 200;

/** How often which tag was there in training, over all folders. */
export const tagFrequency = (metadata: Metadata): { tag: string; count: number }[] =>
  trainingFacts(metadata).tags.slice(0, mostShown);
