/** @file A1111's `/options`: the checkpoint is the studio's own setting, others are kept for clients in `a1111-options.json`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../files/index.ts';
import type { StudioContext } from '../../context.ts';
import { findCheckpoint, titleOf } from './models.ts';
import { checkSetting } from './used-settings.ts';

const plain = z.union([z.string().max(1000), z.number(), z.boolean()]);

/** What is remembered at most; clients post all options of A1111 back, which are some hundreds. */
const mostOptions = 1000;

const opened = new WeakMap<StudioContext, Map<string, unknown>>();
const fileOf = ({ data }: StudioContext): string => join(data.path, 'a1111-options.json');

function read(context: StudioContext): Map<string, unknown> {
  try {
    const found: unknown = JSON.parse(readFileSync(fileOf(context), 'utf8'));
    return new Map(Object.entries(z.record(z.string(), plain).parse(found)));
  } catch {
    return new Map(); // none yet, or nothing that can be read: A1111's defaults
  }
}

/** Options that clients set. */
export function keptOptions(context: StudioContext): Map<string, unknown> {
  const known = opened.get(context) ?? read(context);
  opened.set(context, known);
  return known;
}

/** Answers that are not what a client wrote. */
const fixed: ReadonlySet<string> = new Set(['sd_model_checkpoint', 'sd_checkpoint_hash', 'sd_vae']);

export function optionsOf(context: StudioContext): object {
  const { base } = context.settings.get();
  const card = context.library.card(base) ?? context.library.card('pocket');
  return {
    ...{ samples_format: 'png', jpeg_quality: 95, CLIP_stop_at_last_layers: 1, randn_source: 'GPU' },
    ...Object.fromEntries(keptOptions(context)),
    sd_model_checkpoint: card ? titleOf(card) : null,
    sd_checkpoint_hash: card?.hashes.sha256 ?? null,
    sd_vae: 'Automatic',
  };
}

/** Throws CHECKPOINT_UNKNOWN and OPTION_INVALID; then nothing has changed. */
export async function changeOptions(context: StudioContext, given: Record<string, unknown>): Promise<void> {
  const { sd_model_checkpoint: model } = given;
  const base = typeof model === 'string' && model !== '' ? findCheckpoint(context, model).id : undefined;
  const others = Object.entries(given).filter(
    ([name, value]) => !fixed.has(name) && plain.safeParse(value).success,
  );
  for (const [name, value] of others) checkSetting(name, value);
  if (base !== undefined && base !== context.settings.get().base) await context.settings.change({ base });
  const options = keptOptions(context);
  let isChanged = false;
  for (const [name, value] of others) {
    if (options.get(name) === value || (!options.has(name) && options.size >= mostOptions)) continue;
    options.set(name, value);
    isChanged = true;
  }
  if (isChanged) await writeFileAtomic(fileOf(context), JSON.stringify(Object.fromEntries(options), null, 2));
}

/** The base of a request: its override, or what the options say. */
export function baseOf(
  context: StudioContext,
  overrides: Record<string, unknown> | null | undefined,
): string {
  const named = overrides?.sd_model_checkpoint;
  if (typeof named === 'string' && named !== '') return findCheckpoint(context, named).id;
  const { base } = context.settings.get();
  return context.library.card(base) ? base : 'pocket';
}
