/** @file What the page does with cards beside reading them, as calls. */
import type { ApiUnpacked, ApiWholeCard } from '../../../../src/server/api-types.ts';
import { apiBase, call, sendFile, withQuery } from '../../api/client.ts';

const of = (id: string): string => `/library/cards/${encodeURIComponent(id)}`;

export type SideDialect = 'a1111' | 'lora-manager';
export type ScanState = { readonly isRunning: boolean; readonly done: number; readonly total: number };

export interface Duplicate {
  readonly id: string;
  readonly name: string;
  readonly files: readonly string[];
  /** What all but one of them take. */
  readonly bytes: number;
  /** All of their tensors were compared; otherwise samples of them are equal. */
  readonly isSame: boolean;
}

export const setPreview = (id: string, picture: Blob): Promise<ApiWholeCard> =>
  sendFile(`${of(id)}/preview`, picture, { method: 'PUT' });

export const removePreview = (id: string): Promise<ApiWholeCard> => call('DELETE', `${of(id)}/preview`);

/** Writes the card beside its file; returns the name of what was written. */
export const writeSideFile = (
  id: string,
  dialect: SideDialect,
  replace: boolean,
): Promise<{ name: string }> => call('POST', `${of(id)}/side-files`, { body: { dialect, replace } });

/** Reads the whole file. */
export const hashCard = (id: string, signal?: AbortSignal): Promise<ApiWholeCard['hashes']> =>
  call('POST', `${of(id)}/hash`, { body: {}, signal });

/** Takes the card of a missing file away. */
export const forgetCard = (id: string): Promise<object> => call('DELETE', of(id));

export const duplicates = (): Promise<{ duplicates: Duplicate[] }> => call('GET', '/library/duplicates');

/** A `.lorapack` or a zip, into the folder of the studio. */
export const sendPack = (file: File, signal?: AbortSignal): Promise<ApiUnpacked> =>
  sendFile('/library/packs', file, { query: { name: file.name }, signal });

export const fileAddress = (id: string): string => `${apiBase}${of(id)}/file`;
export const packAddress = (id: string, hasNotes: boolean): string =>
  apiBase + withQuery(`${of(id)}/pack`, { notes: hasNotes });
