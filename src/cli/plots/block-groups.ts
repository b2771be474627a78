/** @file Blocks of a LoRA as groups of bars, in the order in which the model runs them. */

import { colors } from '../../workbench/index.ts';
import type { BarGroup } from './axes.ts';

interface Block {
  readonly block: string;
  readonly section: string;
  readonly part: string;
}

const kinds = [
  {
    name: 'UNet in',
    color: colors.purple,
    holds: ({ part, section }: Block) => part === 'unet' && section === '',
  },
  { name: 'UNet down', color: colors.blue, holds: ({ section }: Block) => section.startsWith('down') },
  { name: 'mid', color: colors.purple, holds: ({ section }: Block) => section === 'mid' },
  { name: 'UNet up', color: colors.green, holds: ({ section }: Block) => section.startsWith('up') },
  { name: 'text encoder', color: colors.orange, holds: ({ part }: Block) => part === 'text_encoder' },
  { name: 'text encoder 2', color: colors.red, holds: ({ part }: Block) => part === 'text_encoder_2' },
  { name: 'other', color: colors.faint, holds: ({ part }: Block) => part === 'other' },
] as const;

/** `te layers.3` → `3`, `down_blocks.1` → `down 1` */
const shortName = ({ block, section }: Block): string =>
  section !== '' && block.includes('block') ? section : block.replace(/^te2? (layers\.)?/, '');

export function groupBlocks<T extends Block>(
  blocks: readonly T[],
  valuesOf: (block: T) => readonly number[],
): BarGroup[] {
  return kinds.flatMap(({ name, color, holds }) => {
    const own = blocks.filter(holds);
    if (own.length === 0) return [];
    return [{ name, color, bars: own.map(block => ({ name: shortName(block), values: valuesOf(block) })) }];
  });
}
