/** @file Which pictures are selected: by click, shift, Ctrl and the keyboard. Values are never changed in place. */

export interface Selection {
  readonly chosen: ReadonlySet<string>;
  /** Where a range begins. */
  readonly anchor: string | undefined;
  /** The one that has the keyboard. */
  readonly focus: string | undefined;
}

export const nothingSelected: Selection = { chosen: new Set(), anchor: undefined, focus: undefined };

export interface SelectKeys {
  /** Shift: everything from the anchor. */
  readonly range?: boolean;
  /** Ctrl or ⌘: this one more, or less. */
  readonly toggle?: boolean;
}

function rangeOf(order: readonly string[], from: string | undefined, to: string): string[] {
  const [a, b] = [order.indexOf(from ?? to), order.indexOf(to)];
  return a < 0 ? [to] : order.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Selects one, a range, or one more. */
export function select(
  { chosen, anchor }: Selection,
  order: readonly string[],
  id: string,
  { range = false, toggle = false }: SelectKeys = {},
): Selection {
  if (range) {
    const found = rangeOf(order, anchor, id);
    return { chosen: new Set(toggle ? [...chosen, ...found] : found), anchor: anchor ?? id, focus: id };
  }
  if (!toggle) return { chosen: new Set([id]), anchor: id, focus: id };
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return { chosen: next, anchor: id, focus: id };
}

export const selectAll = (selection: Selection, order: readonly string[]): Selection => ({
  ...selection,
  chosen: new Set(order),
});

/** What is left of a selection when pictures are gone or filtered away. */
export function withinOrder(selection: Selection, order: readonly string[]): Selection {
  const there = new Set(order);
  const keep = (id: string | undefined): string | undefined =>
    id !== undefined && there.has(id) ? id : undefined;
  return {
    chosen: new Set([...selection.chosen].filter(id => there.has(id))),
    anchor: keep(selection.anchor),
    focus: keep(selection.focus),
  };
}
