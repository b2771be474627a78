/** @file All axes, in the order in which they act: prompts as typed, then LoRAs, then the picture. */
import { loraAxes } from './lora.ts';
import { pictureAxes } from './picture.ts';
import type { AxisRow } from './row.ts';
import { textAxes } from './text.ts';

export const axisTable: readonly AxisRow[] = [...textAxes, ...loraAxes, ...pictureAxes];

const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/[-_\s]+/g, ' ');

/** The axis of that name, or of that other name. */
export const findAxis = (name: string): AxisRow | undefined =>
  axisTable.find(row => [row.name, ...row.aliases].some(known => plain(known) === plain(name)));

export const axisNames = (): string[] => axisTable.flatMap(({ name, aliases }) => [name, ...aliases]);
