/**
 * @file The order in which pictures are drawn. What opens another session comes first, so that it changes seldom: the
 * size, whether there is guidance (a batch of two or of one), the shapes of the LoRAs. What is a feed of the graph changes
 * freely: another LoRA of the same ranks, strengths, blocks, seeds, steps; a prompt costs one run of the text encoder.
 * Within that the order is that of the sheet, so that rows are finished one after the other.
 */
import type { PictureSettings } from '../settings/schema.ts';
import type { LoraFileFacts } from './lora-facts.ts';

/** Equal for pictures that can be drawn by the same sessions. */
function sessionsOf(settings: PictureSettings, facts: ReadonlyMap<string, LoraFileFacts>): string[] {
  const { model, width, height, hires, inpaint, guidance, loras, merge } = settings;
  const sizes = [width, height, hires?.width ?? 0, hires?.height ?? 0, inpaint?.area ?? ''].join();
  // A LoRA that is merged makes weights of its own.
  const shapes = loras.map(({ path, strength, textStrength, blocks }) =>
    merge ? JSON.stringify([path, strength, textStrength, blocks]) : (facts.get(path)?.shapes ?? path),
  );
  return [model.path ?? model.name, sizes, String(guidance !== 1), shapes.join()];
}

/** Orders pictures that are given in the order of the sheet. */
export function drawingOrder<T extends { readonly settings: PictureSettings }>(
  pictures: readonly T[],
  facts: ReadonlyMap<string, LoraFileFacts>,
): T[] {
  const keyed = pictures.map((picture, place) => ({
    picture,
    place,
    sessions: sessionsOf(picture.settings, facts),
  }));
  // Each kind of session has the place of the first picture that needs it.
  const firsts = new Map<string, number>();
  const prefixes = (sessions: readonly string[]): string[] =>
    sessions.map((_, i) => JSON.stringify(sessions.slice(0, i + 1)));
  for (const { place, sessions } of keyed)
    for (const prefix of prefixes(sessions)) if (!firsts.has(prefix)) firsts.set(prefix, place);
  const orders = keyed.map(({ picture, place, sessions }) => ({
    picture,
    order: [...prefixes(sessions).map(prefix => firsts.get(prefix) ?? 0), place],
  }));
  orders.sort((a, b) => {
    const at = a.order.findIndex((value, i) => value !== b.order[i]);
    return at < 0 ? 0 : a.order[at] - b.order[at];
  });
  return orders.map(({ picture }) => picture);
}
