/** @file The history of pictures: read piece by piece as it is scrolled, new ones put before it as they come. */
import { effect, signal } from '@preact/signals';
import type { ApiPicture } from '../../../../src/server/api-types.ts';
import { onEvent } from '../../api/events.ts';
import { api } from '../../api/routes.ts';
import { generation } from '../../api/state.ts';
import { toast, toastError } from '../../parts/index.ts';
import { shown } from './runs.ts';

const piece = 120;

export const pictures = signal<readonly ApiPicture[]>([]);
export const total = signal(0);
export const isRead = signal(false);
export const historyError = signal<unknown>(undefined);
export const filter = signal<{ readonly text: string; readonly favourite: boolean }>({
  text: '',
  favourite: false,
});

let turn = 0;
let isReading = false;

const query = () => {
  const { text, favourite } = filter.peek();
  return { text: text || undefined, favourite: favourite || undefined };
};

async function readFrom(offset: number): Promise<void> {
  if (isReading && offset > 0) return;
  isReading = true;
  const now = offset === 0 ? ++turn : turn;
  let isMore = false;
  try {
    // Who jumps to the end waits for few large pieces instead of many small ones.
    const limit = Math.min(1000, Math.max(piece, wanted - offset + piece));
    const page = await api.pictures({ ...query(), offset, limit: offset === 0 ? piece : limit });
    if (now !== turn) return;
    const before = offset === 0 ? [] : pictures.peek();
    const known = new Set(before.map(({ id }) => id));
    pictures.value = [...before, ...page.pictures.filter(({ id }) => !known.has(id) && !leaving.has(id))];
    total.value = Math.max(page.total - leaving.size, pictures.value.length);
    historyError.value = undefined;
    isMore = page.pictures.length > 0;
  } catch (fault) {
    if (now === turn) historyError.value = fault;
  } finally {
    isReading = false;
    isRead.value = true;
  }
  if (isMore && now === turn) wantPictures(wanted);
}

/** Cards up to this one are wanted. */
export function wantPictures(last: number): void {
  wanted = last;
  const have = pictures.peek().length;
  if (last >= have - 30 && have < total.peek()) void readFrom(have);
}
let wanted = 0;

export const readHistory = (): Promise<void> => readFrom(0);

let isStarted = false;
export function startHistory(): void {
  if (isStarted) return;
  isStarted = true;
  effect(() => {
    generation.value;
    filter.value;
    void readFrom(0);
  });
  onEvent('picture', ({ picture }) => {
    const isKnown = pictures.peek().some(({ id }) => id === picture.id);
    if (isKnown) return replace(picture);
    const { text, favourite } = filter.peek();
    if (text || (favourite && !picture.favourite)) return;
    pictures.value = [picture, ...pictures.peek()];
    total.value++;
  });
}

function replace(picture: ApiPicture): void {
  pictures.value = pictures.peek().map(one => (one.id === picture.id ? picture : one));
}

export async function setFavourite(picture: ApiPicture, favourite: boolean): Promise<void> {
  replace({ ...picture, favourite });
  try {
    await api.editPicture(picture.id, { favourite });
  } catch (fault) {
    replace(picture);
    toastError(fault);
  }
}

/** Taken out of the list, not yet deleted: the undo of its note brings them back. */
const leaving = new Map<string, ApiPicture>();

export function deletePicture(picture: ApiPicture): void {
  const list = pictures.peek();
  const at = list.findIndex(({ id }) => id === picture.id);
  leaving.set(picture.id, picture);
  pictures.value = list.filter(({ id }) => id !== picture.id);
  total.value = Math.max(0, total.peek() - (at >= 0 ? 1 : 0));
  const { value } = shown;
  if (value.kind === 'picture' && value.id === picture.id) {
    const next = pictures.value[at] ?? pictures.value[at - 1];
    shown.value = next ? { kind: 'picture', id: next.id } : { kind: 'nothing' };
  }
  toast('Picture deleted', {
    action: {
      label: 'Undo',
      onSelect: () => {
        leaving.delete(picture.id);
        const now = pictures.peek();
        pictures.value = [...now.slice(0, Math.max(0, at)), picture, ...now.slice(Math.max(0, at))];
        total.value++;
        shown.value = { kind: 'picture', id: picture.id };
      },
    },
    onGone: () => void finish(picture.id),
  });
}

async function finish(id: string): Promise<void> {
  if (!leaving.delete(id)) return;
  await api.deletePicture(id).catch(toastError);
}

// Who leaves the page has decided.
window.addEventListener('pagehide', () => {
  for (const id of [...leaving.keys()]) void finish(id);
});
