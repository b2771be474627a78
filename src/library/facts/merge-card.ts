/** @file A card out of what its file says, what lies beside it, and what the user wrote: the user's word counts first. */
import type { Card, CardEdit, TriggerOrigin, TriggerSet } from '../card.ts';
import { wordsOf } from '../search/words.ts';
import type { FileFacts } from './file-facts.ts';
import { claimedBySide, type KeptSide, triggersOf } from './from-side-files.ts';
import { seriesOf } from './series.ts';

export interface CardSource {
  readonly id: string;
  readonly path: string;
  readonly folder: string;
  readonly place: string;
  readonly fileName: string;
  readonly bytes: number;
  readonly modified: number;
  readonly state: Card['state'];
  readonly addedAt: number;
  readonly facts: FileFacts;
  readonly side: KeptSide;
  readonly edit: CardEdit;
  /** Of the picture that the user gave. */
  readonly previewVersion: string | undefined;
  /** Computed hashes. */
  readonly hashes: readonly string[];
  /** Changes when side files do. */
  readonly sides: string;
}

export interface MergedCard {
  readonly card: Card;
  readonly sortName: string;
  readonly series: string;
  readonly step: number;
  /** What search looks through. */
  readonly words: {
    readonly name: string;
    readonly triggers: string;
    readonly tags: string;
    readonly text: string;
    readonly place: string;
  };
}

const modelEnd = /\.(?:safetensors|ckpt|pt|pth|bin)$/i;
export const stemOf = (fileName: string): string => fileName.replace(modelEnd, '');

/** Names that libraries give all their files: the folder's says more. */
const generic = /^(?:pytorch_lora_weights|adapter_model|diffusion_pytorch_model(?:\.fp16)?|model|lora)$/i;

function nameOf({ fileName, place, side }: CardSource): string {
  const stem = stemOf(fileName);
  const folderName = place.split('/').at(-1);
  return side.name ?? (generic.test(stem) && folderName ? folderName : stem);
}

/** So that `lora 2` stands before `lora 10`, whatever the case. */
export const sortNameOf = (name: string): string =>
  name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/\d+/g, digits => digits.padStart(12, '0'));

function triggersFor({ facts, side, edit }: CardSource): {
  triggers: readonly TriggerSet[];
  triggerOrigin?: TriggerOrigin | undefined;
} {
  const { triggers, origin } = triggersOf({ user: edit.triggers, side: side.triggers });
  if (origin !== undefined) return { triggers, triggerOrigin: origin };
  const { metadata } = facts;
  return { triggers: metadata.triggers, triggerOrigin: metadata.triggerOrigin };
}

function previewOf({ previewVersion, side, facts, id, sides }: CardSource): string | undefined {
  if (previewVersion !== undefined) return `u${previewVersion}`;
  if (side.preview !== undefined || side.hasThumbnail) {
    let hash = 5381;
    for (let i = 0; i < sides.length; i++) hash = ((hash * 33) ^ sides.charCodeAt(i)) >>> 0;
    return `s${hash.toString(36)}`;
  }
  return facts.metadata.hasThumbnail ? `f${id.slice(0, 8)}` : undefined;
}

const withoutUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;

/** A step beyond all: a file without one is the last of its training. */
const finalStep = 1e15;

/** Merges. `series` of the card itself is filled in where others of it are known. */
export function mergeCard(source: CardSource): MergedCard {
  const { id, facts, side, edit, folder, place, fileName, state } = source;
  const { metadata } = facts;
  const version = previewOf(source);
  const sideFamily = side.family !== facts.family ? side.family : undefined;
  const { series, step } = seriesOf(metadata, { folder, place, stem: stemOf(fileName) });
  const name = edit.name ?? nameOf(source);
  const card: Card = withoutUndefined({
    ...{ id, use: facts.use, name, fileName, folder, place },
    ...{ bytes: source.bytes, modifiedAt: source.modified, addedAt: source.addedAt },
    state: state === 'present' && facts.fault ? 'broken' : state,
    fault: facts.fault,
    family: facts.family === 'unknown' ? (side.family ?? metadata.claimedFamily ?? 'unknown') : facts.family,
    claimedFamily: metadata.claimedFamily ?? (facts.family === 'unknown' ? undefined : sideFamily),
    ...{ kind: facts.kind, rank: facts.rank, alpha: facts.alpha },
    ...triggersFor(source),
    tags: edit.tags ?? (side.tags.length > 0 ? side.tags : metadata.tags),
    notes: edit.notes ?? side.notes ?? '',
    description: edit.description ?? side.description ?? metadata.description ?? '',
    favourite: edit.favourite ?? side.favourite ?? false,
    rating: Math.max(0, Math.min(5, Math.round(edit.rating ?? side.rating ?? 0))),
    strength: edit.strength ?? side.strength,
    license: edit.license ?? side.license ?? metadata.license,
    author: edit.author ?? side.author ?? metadata.author,
    ...{ hasPreview: version !== undefined, previewVersion: version },
    seriesStep: facts.use === 'lora' ? step : undefined,
  });
  const claimed = metadata.claimedHash === undefined ? [] : [metadata.claimedHash];
  return {
    card,
    sortName: sortNameOf(name),
    series: facts.use === 'lora' ? series : `card ${id}`,
    step: step ?? finalStep,
    words: {
      name: wordsOf([name, stemOf(fileName), metadata.alias ?? '', metadata.title ?? ''].join(' ')),
      triggers: wordsOf(card.triggers.map(set => `${set.name} ${set.words}`).join(' ')),
      tags: wordsOf(card.tags.join(' ')),
      text: wordsOf(
        [
          ...[card.notes, card.description, card.author ?? '', card.family, card.kind],
          ...metadata.frequency.map(({ tag }) => tag),
          ...[id, ...claimed, ...claimedBySide(side), ...source.hashes],
        ].join(' '),
      ),
      place: wordsOf(place),
    },
  };
}
