/** @file Edits of captions of a data set, as `lora dataset caption` makes and undoes them; by pictures' ids. */
import { relative, sep } from 'node:path';
import {
  applyCaptionEdits,
  type CaptionPlan,
  type CaptionRules,
  listEdits,
  planCaptionEdits,
  readEdit,
  undoCaptionEdit,
} from '../../dataset/index.ts';
import { badInput, LoraError, usageError } from '../../errors.ts';
import { writeFault } from '../system-faults.ts';
import { type DatasetPicture, pictureIdOf } from './listing.ts';

export interface CaptionEdit {
  readonly add?: readonly string[] | undefined;
  /** What is added stands at the end; otherwise at the start. */
  readonly addLast?: boolean | undefined;
  readonly remove?: readonly string[] | undefined;
  readonly replace?: readonly { readonly from: string; readonly to: string }[] | undefined;
  /** The whole caption, instead of the rest. */
  readonly set?: string | undefined;
  /** Ids of pictures; all unless given. */
  readonly only?: readonly string[] | undefined;
}

export interface CaptionChanges {
  readonly changes: readonly {
    readonly id: string;
    readonly name: string;
    readonly before: string;
    readonly after: string;
  }[];
  readonly written: boolean;
}

/** How the rules read a replacement: the first `=>` parts it. */
function replacement({ from, to }: { readonly from: string; readonly to: string }): string {
  if (!from.includes('=>')) return `${from}=>${to}`;
  throw usageError(
    'CAPTION_RULE',
    `${JSON.stringify(from)} cannot be replaced: it holds =>`,
    'Leave => out.',
  );
}

function rulesOf(edit: CaptionEdit): CaptionRules {
  const { add, addLast, remove, replace, set } = edit;
  const hasRules = [add, remove, replace].some(list => list !== undefined && list.length > 0);
  if (set !== undefined && hasRules)
    throw usageError('CAPTION_RULE', 'a caption is set, or changed by rules, not both');
  if (set === undefined && !hasRules)
    throw usageError('CAPTION_RULE', 'nothing is to be changed', 'Give add, remove, replace or set.');
  return {
    ...(add ? { add, addAt: addLast ? 'end' : 'start' } : {}),
    ...(remove ? { remove } : {}),
    ...(replace ? { replace: replace.map(replacement) } : {}),
  };
}

function describe({ add = [], remove = [], replace = [], set, only }: CaptionEdit): string {
  const parts = [
    ...(set === undefined ? [] : [`set to ${JSON.stringify(set.slice(0, 80))}`]),
    ...(add.length > 0 ? [`add ${add.join(', ')}`] : []),
    ...(remove.length > 0 ? [`remove ${remove.join(', ')}`] : []),
    ...replace.map(({ from, to }) => `replace ${from} by ${to || 'nothing'}`),
  ];
  return `${parts.join('; ')}${only ? ` (${only.length} pictures)` : ''}`;
}

async function plan(folder: string, edit: CaptionEdit): Promise<CaptionPlan> {
  const rules = rulesOf(edit);
  const wanted = edit.only && new Set(edit.only);
  const left = new Set(wanted);
  const isMeant = (picture: string): boolean => {
    const id = pictureIdOf(picture);
    left.delete(id);
    return wanted?.has(id) ?? true;
  };
  const set = edit.set?.trim().normalize('NFC');
  const planned = await planCaptionEdits(folder, { rules, set, only: isMeant });
  if (left.size === 0) return planned;
  const [first] = left;
  throw new LoraError('PICTURE_UNKNOWN', `there is no picture ${first} in this data set`, {
    hint: 'It was removed or renamed meanwhile; read the list again.',
  });
}

function checkSkipped({ skipped, changes }: CaptionPlan, edit: CaptionEdit): void {
  // One caption was asked for, and it is no text.
  const [fault] = skipped.filter(({ code }) => code.startsWith('CAPTION_'));
  if (edit.only?.length === 1 && changes.length === 0 && fault) throw badInput(fault.code, fault.reason);
}

/** Shows what an edit changes, and writes it where `write` says so. Throws CAPTION_*, PICTURE_UNKNOWN, DISK_*. */
export async function editCaptions(
  folder: string,
  edit: CaptionEdit,
  write: boolean,
): Promise<CaptionChanges> {
  const planned = await plan(folder, edit);
  checkSkipped(planned, edit);
  const changes = planned.changes.map(({ picture, beforeText, afterText }) => ({
    ...{ id: pictureIdOf(picture), name: picture },
    ...{ before: beforeText, after: afterText },
  }));
  if (!write || changes.length === 0) return { changes, written: false };
  try {
    await applyCaptionEdits(planned, describe(edit), new Date());
  } catch (cause) {
    throw writeFault('a caption', cause);
  }
  return { changes, written: true };
}

const textOf = (bytes: string | null): string =>
  bytes === null ? '' : Buffer.from(bytes, 'base64').toString('utf8').trimEnd();

/** Takes the last edit back and tells what became of it. Throws CAPTION_NOTHING_TO_UNDO. */
export async function undoCaptions(
  folder: string,
  pictures: readonly DatasetPicture[],
): Promise<CaptionChanges> {
  const last = (await listEdits(folder)).findLast(({ isUndone }) => !isUndone);
  const files = last ? (await readEdit(last)).files : [];
  const { restored, removed } = await undoCaptionEdit(folder);
  const done = new Set([...restored, ...removed]);
  const pictureOf = new Map(
    pictures.flatMap(picture => picture.captionFiles.map(file => [placeIn(folder, file), picture] as const)),
  );
  const changes = files.flatMap(({ path, before, after }) => {
    const picture = done.has(path) ? pictureOf.get(path) : undefined;
    if (!picture) return [];
    return [{ id: picture.id, name: picture.place, before: textOf(after), after: textOf(before) }];
  });
  return { changes, written: done.size > 0 };
}

const placeIn = (folder: string, path: string): string => relative(folder, path).split(sep).join('/');

export const canUndo = async (folder: string): Promise<boolean> =>
  (await listEdits(folder)).some(({ isUndone }) => !isUndone);
