/**
 * @file A cell's picture while axes still change it. Its LoRAs, those of tags too, are slots: what an axis says of `alice`
 * is also said of the epoch of alice that another axis put there, and of the gap where it put none.
 */
import { nearestWords } from '../../errors.ts';
import { loraName } from '../find-lora.ts';
import { extractLoraTags } from '../prompt/lora-tags.ts';
import type { LoraSettings, PictureSettings } from '../settings/schema.ts';
import type { Said } from './together.ts';

export interface SlotFile {
  readonly name: string;
  /** Not looked for yet where it is a tag's. */
  readonly path: string | undefined;
}

export interface Slot {
  /** As the prompt or option calls it; axes may put another file there. */
  readonly called: string;
  /** Nothing where the picture is drawn without it. */
  readonly file: SlotFile | undefined;
  readonly how: Omit<LoraSettings, 'name' | 'path' | 'hash'>;
  /** An axis compares what is put here. */
  readonly isCompared: boolean;
}

export interface Draft {
  readonly settings: PictureSettings;
  /** Empty until the tags have been taken out of the prompt. */
  readonly slots: readonly Slot[];
  /** What axes ask for that means something only beside what the others ask for. */
  readonly said: Said;
}

/** Strengths that are the same are said once. */
const oneStrength = ({ strength, textStrength, ...rest }: Slot['how']): Slot['how'] => ({
  strength,
  ...(textStrength === undefined || textStrength === strength ? {} : { textStrength }),
  ...rest,
});

/** Takes the tags out of the prompt; from here on they are slots, like the LoRAs given beside it. */
export function openSlots(settings: PictureSettings): Draft {
  const { prompt, loras: tags } = extractLoraTags(settings.prompt);
  const given = settings.loras.map(({ name, path, hash: _, ...how }) => ({ file: { name, path }, how }));
  const tagged = tags.map(({ name, ...how }) => ({ file: { name, path: undefined }, how }));
  const slots = [...given, ...tagged].map(({ file, how }) => ({
    ...{ called: file.name, file, isCompared: false },
    how: oneStrength(how),
  }));
  return { settings: { ...settings, prompt, loras: [] }, slots, said: {} };
}

const plain = (name: string): string => loraName(name).toLowerCase();
const isCalled = ({ called }: Slot, name: string): boolean =>
  called.toLowerCase() === name.toLowerCase() || plain(called) === plain(name);

export const everySlot = 'all';

/** Why no slot could be chosen. */
export interface NoSlot {
  readonly why: string;
  readonly hint: string;
}

const namesOf = (slots: readonly Slot[]): string => slots.map(({ called }) => called).join(', ');

/**
 * Which LoRAs an axis is about: those called `subject`, or all. Where it does not say, the only one, or of several the
 * one that another axis puts there.
 */
export function chooseSlots(slots: readonly Slot[], subject: string | undefined): readonly Slot[] | NoSlot {
  if (subject === everySlot && slots.length > 0) return slots;
  if (slots.length === 0)
    return { why: 'is about a LoRA, and there is none', hint: 'Add <lora:name:1> to the prompt, or --lora.' };
  if (subject !== undefined) {
    const hits = slots.filter(slot => isCalled(slot, subject));
    if (hits.length > 0) return hits;
    const near = nearestWords(
      subject,
      slots.map(({ called }) => called),
    );
    const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `There are ${namesOf(slots)}.`;
    return { why: `is about ${subject}, which is not among the LoRAs`, hint };
  }
  const compared = slots.filter(({ isCompared }) => isCompared);
  if (slots.length === 1) return slots;
  if (compared.length === 1) return compared;
  const hint = `Write "… of NAME: …" for one of them, or "… of ${everySlot}: …".`;
  return { why: `is about one of several LoRAs: ${namesOf(slots)}`, hint };
}

export function changeSlots(
  draft: Draft,
  chosen: readonly Slot[],
  change: (slot: Slot) => Partial<Slot>,
): Draft {
  const slots = draft.slots.map(slot => (chosen.includes(slot) ? { ...slot, ...change(slot) } : slot));
  return { ...draft, slots };
}
