/** @file The axes of the grid that is being put together, kept in this browser; as text for the studio. */
import { effect, signal } from '@preact/signals';
import { axisKinds, kindOf } from './axis-kinds.ts';
import { countValues, quoted } from './axis-values.ts';

export interface ChosenLora {
  readonly id: string;
  readonly name: string;
  /** What axes call it: its file without the ending. */
  readonly stem: string;
}

export interface AxisForm {
  /** Tells axes of one grid apart. */
  readonly key: number;
  readonly kind: string;
  readonly text: string;
  readonly range: { readonly from: number; readonly to: number; readonly count: number };
  /** Names of samplers and so on. */
  readonly chosen: readonly string[];
  readonly loras: readonly ChosenLora[];
  /** With the LoRAs: also none. */
  readonly hasNone: boolean;
  /** Of the epochs: so many evenly; 0 for all. */
  readonly most: number;
  /** How many epochs there are, as far as the library knows. */
  readonly known: number;
  /** The LoRA that it is about, by its stem; `all`; empty where there is one. */
  readonly subject: string;
}

let nextKey = 1;

export function newAxis(kind: string, part: Partial<AxisForm> = {}): AxisForm {
  const { range } = kindOf(kind);
  return {
    ...{
      key: nextKey++,
      kind,
      text: '',
      chosen: [],
      loras: [],
      hasNone: true,
      most: 0,
      known: 0,
      subject: '',
    },
    range: { from: range?.from ?? 0, to: range?.to ?? 1, count: range?.count ?? 3 },
    ...part,
  };
}

const key = 'lora-studio:compare';

function axesFrom(text: string | null): readonly AxisForm[] {
  try {
    const kept = JSON.parse(text ?? '') as Partial<AxisForm>[];
    const known = kept.filter(({ kind }) => axisKinds.some(({ name }) => name === kind));
    const read = known.slice(0, 6).map(axis => ({ ...newAxis(axis.kind!), ...axis, key: nextKey++ }));
    if (read.length > 0) return read;
  } catch {
    // Nothing was kept.
  }
  return [newAxis('strength')];
}

/** From left to right, from top to bottom, then a sheet for each value. */
export const axes = signal<readonly AxisForm[]>(axesFrom(localStorage.getItem(key)));
effect(() => localStorage.setItem(key, JSON.stringify(axes.value)));

export function changeAxis(which: number, part: Partial<AxisForm>): void {
  axes.value = axes.peek().map(axis => (axis.key === which ? { ...axis, ...part } : axis));
}

/** `_000002`, `-000002`, `-step00000100`, `-best`: what training puts behind a LoRA's name. */
const marks = /(?:-step\d{8,}|-\d{6,}|_\d{9,}|-best)$/i;

export const stemOf = (fileName: string): string => fileName.replace(/\.safetensors$/i, '');
/** What all files of one training are called by. */
export const seriesStem = (fileName: string): string => stemOf(fileName).replace(marks, '');

function valuesOf(axis: AxisForm): string {
  const { text, range, chosen, loras, hasNone, most } = axis;
  switch (kindOf(axis.kind).editor) {
    case 'epochs':
      return loras.map(({ stem }) => quoted(most > 0 ? `${stem} [${most}]` : stem)).join(', ');
    case 'loras':
      return [...(hasNone ? ['none'] : []), ...loras.map(({ stem }) => quoted(stem))].join(', ');
    case 'range':
      return (
        text.trim() || (range.count <= 1 ? String(range.from) : `${range.from}-${range.to} [${range.count}]`)
      );
    case 'choices':
      return chosen.map(quoted).join(', ');
    case 'text':
      return text.trim();
  }
}

/** `strength of alice: 0.4-1 [4]`, as `lora compare` reads it. */
export function axisText(axis: AxisForm): string {
  const { subject, kind } = axis;
  return `${kind}${subject && kindOf(kind).isOfLora ? ` of ${subject}` : ''}: ${valuesOf(axis)}`;
}

/** How many values it has, or what is missing. */
export function countAxis(axis: AxisForm): ReturnType<typeof countValues> {
  const { loras, most, known, hasNone, chosen, range, text } = axis;
  const { editor, values } = kindOf(axis.kind);
  if (editor === 'epochs') {
    if (loras.length === 0) return { error: 'Choose a LoRA' };
    const all = known || 1;
    return { count: most > 0 ? Math.min(most, all) : all };
  }
  if (editor === 'loras')
    return loras.length === 0 ? { error: 'Choose LoRAs' } : { count: loras.length + (hasNone ? 1 : 0) };
  if (editor === 'choices') return chosen.length === 0 ? { error: 'Choose some' } : { count: chosen.length };
  if (editor === 'range' && text.trim() === '') return { count: Math.max(1, range.count) };
  return countValues(text, values);
}
