/**
 * @file The cards of the grid: read piece by piece as they come into view. A new question aborts the old one; what is
 * shown stays until the answer is there.
 */
import { batch, effect, signal } from '@preact/signals';
import type { ApiCard } from '../../../../src/server/api-types.ts';
import { isAbort } from '../../api/client.ts';
import { api } from '../../api/routes.ts';
import { generation, libraryChange } from '../../api/state.ts';
import { type CardFilter, noFilter, queryOf } from './card-query.ts';

const piece = 60;

const kept = 'lora-studio:library';
const keptParts = ['use', 'grouped', 'sort'] as const;

/** Use, order and grouping stay from visit to visit. */
function filterFrom(text: string | null): CardFilter {
  try {
    const read = JSON.parse(text ?? '{}') as Partial<CardFilter>;
    const parts = keptParts.filter(name => typeof read[name] === typeof noFilter[name]);
    return { ...noFilter, ...Object.fromEntries(parts.map(name => [name, read[name]])) };
  } catch {
    return noFilter;
  }
}

export const filter = signal<CardFilter>(filterFrom(localStorage.getItem(kept)));
export const total = signal(0);
export const isRead = signal(false);
export const isReading = signal(false);
export const listError = signal<unknown>(undefined);
/** Cards by their place in the list; a hole is not read yet. */
export const cards = signal<readonly (ApiCard | undefined)[]>([]);

export function changeFilter(part: Partial<CardFilter>): void {
  filter.value = { ...filter.peek(), ...part };
  const { use, grouped, sort } = filter.peek();
  localStorage.setItem(kept, JSON.stringify({ use, grouped, sort }));
}

let stop = new AbortController();
/** Pieces of the present list that are there or on their way. */
let asked = new Set<number>();
let inView = { first: 0, last: piece - 1 };

/** Asks anew. `from`: those in view come first, where only cards changed; the top, where the question did. */
async function readAnew(isSameQuestion: boolean): Promise<void> {
  stop.abort();
  stop = new AbortController();
  const { signal: own } = stop;
  const first = isSameQuestion ? Math.floor(inView.first / piece) * piece : 0;
  const limit = isSameQuestion
    ? Math.max(piece, Math.ceil((inView.last + 1 - first) / piece) * piece)
    : piece;
  isReading.value = true;
  try {
    const page = await api.cards({ ...queryOf(filter.peek()), offset: first, limit }, own);
    if (own.aborted) return;
    asked = new Set();
    for (let at = first; at < first + limit; at += piece) asked.add(at / piece);
    const list: (ApiCard | undefined)[] = [];
    for (const [i, card] of page.cards.entries()) list[first + i] = card;
    batch(() => {
      cards.value = list;
      total.value = page.total;
      listError.value = undefined;
      isRead.value = true;
      isReading.value = false;
    });
  } catch (fault) {
    if (isAbort(fault) || own.aborted) return;
    batch(() => {
      listError.value = fault;
      isReading.value = false;
      isRead.value = true;
    });
  }
}

async function readPiece(number: number): Promise<void> {
  asked.add(number);
  const { signal: own } = stop;
  try {
    const page = await api.cards({ ...queryOf(filter.peek()), offset: number * piece, limit: piece }, own);
    if (own.aborted) return;
    const list = cards.peek().slice();
    for (const [i, card] of page.cards.entries()) list[number * piece + i] = card;
    batch(() => {
      cards.value = list;
      total.value = page.total;
    });
  } catch (fault) {
    asked.delete(number);
    if (!isAbort(fault) && !own.aborted) listError.value = fault;
  }
}

/** These cards are in view. */
export function wantCards(first: number, last: number): void {
  inView = { first, last };
  for (let number = Math.floor(first / piece); number <= Math.floor(last / piece); number++)
    if (!asked.has(number)) void readPiece(number);
}

export const readAgain = (): Promise<void> => readAnew(false);

/** Puts a card that an answer told in its place. */
export function noteCard(card: ApiCard): void {
  if (cards.peek().some(one => one?.id === card.id))
    cards.value = cards.peek().map(one => (one?.id === card.id ? { ...one, ...card } : one));
}

export async function setFavourite(card: ApiCard, favourite: boolean): Promise<void> {
  noteCard({ ...card, favourite });
  try {
    noteCard(await api.editCard(card.id, { favourite }));
  } catch (fault) {
    noteCard(card);
    throw fault;
  }
}

let isStarted = false;
/** Reads, and again with every other question and every change in the library. */
export function startList(): void {
  if (isStarted) return;
  isStarted = true;
  let last: CardFilter | undefined;
  effect(() => {
    const now = filter.value;
    generation.value;
    libraryChange.value;
    const isSame = last === now;
    last = now;
    void readAnew(isSame);
  });
}
