/** @file The card that is open: read, edited, and told to the grid. */
import { signal } from '@preact/signals';
import type { ApiCard, ApiCardEdit, ApiWholeCard } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { toastError } from '../../parts/index.ts';
import { cards, noteCard } from './card-list.ts';

export const card = signal<ApiWholeCard | undefined>(undefined);
export const savedAt = signal(0);

export function showCard(found: ApiWholeCard): void {
  card.value = found;
  noteCard(plainCard(found));
}

/** Without what only its page shows. */
function plainCard(whole: ApiWholeCard): ApiCard {
  const { hashes, training, tagFrequency, metadata, sideFiles, versions, copies, findings, ...plain } = whole;
  return plain;
}

/** Saves at once; what the card was before is back where that fails. */
export async function editCard(edit: ApiCardEdit): Promise<boolean> {
  const before = card.peek();
  if (!before) return false;
  try {
    const after = await api.editCard(before.id, edit);
    if (card.peek()?.id === before.id) showCard(after);
    savedAt.value = Date.now();
    return true;
  } catch (fault) {
    toastError(fault);
    return false;
  }
}

/** The cards beside it in the list that it was opened from. */
export function neighbours(id: string): { before: ApiCard | undefined; after: ApiCard | undefined } {
  const list = cards.value;
  const at = list.findIndex(one => one?.id === id);
  return { before: at > 0 ? list[at - 1] : undefined, after: at >= 0 ? list[at + 1] : undefined };
}
