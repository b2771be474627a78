/** @file What can be chosen: checkpoints, samplers and so on, read once; LoRAs by name for tags in prompts. */
import { effect, signal } from '@preact/signals';
import type { ApiCard, ApiGenerationOptions } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { generation, libraryChange, settings } from '../../api/state.ts';
import { change, form } from './form.ts';
import { rowOf } from './sizes.ts';

export const options = signal<ApiGenerationOptions | undefined>(undefined);
export const bases = signal<readonly ApiCard[]>([]);
/** Cards by id, as far as the page has met them. */
export const cards = signal<ReadonlyMap<string, ApiCard>>(new Map());

export function noteCards(list: readonly ApiCard[]): void {
  cards.value = new Map([...cards.peek(), ...list.map(card => [card.id, card] as const)]);
}

export const baseCard = (): ApiCard | undefined => {
  const { base } = form.value;
  return bases.value.find(({ id }) => id === base);
};
export const familyOf = (base: string): string =>
  bases.value.find(({ id }) => id === base)?.family ?? (base === 'pocket' ? 'pocket' : '');

let isStarted = false;

/** Reads everything, and again when the library changes or the connection was lost. */
export function startCatalogue(): void {
  if (isStarted) return;
  isStarted = true;
  void api.generationOptions().then(read => {
    options.value = read;
  });
  effect(() => {
    generation.value;
    libraryChange.value;
    void readBases();
  });
}

async function readBases(): Promise<void> {
  const { cards: found } = await api.cards({ use: 'checkpoint', sort: 'name', limit: 1000 });
  bases.value = found.filter(({ state }) => state === 'present');
  const before = form.peek();
  if (before.base) return;
  const base = settings.peek()?.base || 'pocket';
  const row = rowOf(familyOf(base));
  const format = settings.peek()?.format ?? 'png';
  change({ base, format, ...row.sizes.square, steps: row.steps, guidance: row.guidance });
}

const asked = new Map<string, Promise<ApiCard | undefined>>();

/** The LoRA that a tag means, as far as its name says; undefined where there is none, or more than one. */
export function loraNamed(name: string): Promise<ApiCard | undefined> {
  const found = asked.get(name) ?? findLora(name);
  asked.set(name, found);
  return found;
}

async function findLora(name: string): Promise<ApiCard | undefined> {
  const wanted = stem(name);
  try {
    const words = wanted.replace(/[^\p{L}\p{N}]+/gu, ' ').trim();
    const { cards: list } = await api.cards({ use: 'lora', text: words, limit: 50 });
    noteCards(list);
    const same = list.filter(card => [stem(card.fileName), card.name.toLowerCase()].includes(wanted));
    return same.length === 1 ? same[0] : undefined;
  } catch {
    asked.delete(name);
    return undefined;
  }
}

const stem = (path: string): string =>
  (path.split(/[\\/]/).at(-1) ?? path).replace(/\.(safetensors|pt|ckpt|bin)$/i, '').toLowerCase();

effect(() => {
  libraryChange.value;
  asked.clear();
});
