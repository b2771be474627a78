/**
 * @file The numbered blocks of a UNet: kohya's index (25 for SD 1 and 2, 23 for SDXL; sd-scripts networks/lora.py,
 * get_block_index) and the names of LoRA Block Weight, `IN04`, `M00`, `OUT07`, both ways.
 */
import type { Family } from '../../models/index.ts';

interface BlockLayout {
  readonly levels: number;
  /** Residual blocks of a level of the down path; the up path has one more, where the down path has its sampler. */
  readonly layers: number;
  /** kohya numbers the three parts of SDXL's middle, and counts what lies before and behind the blocks. */
  readonly isSdxl: boolean;
}

const layouts: Readonly<Record<Family, BlockLayout>> = {
  pocket: { levels: 2, layers: 1, isSdxl: false },
  sd15: { levels: 4, layers: 2, isSdxl: false },
  sd2: { levels: 4, layers: 2, isSdxl: false },
  sdxl: { levels: 3, layers: 2, isSdxl: true },
};

const numbered = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(2, '0')}`);

/** The whole middle is `M00`, also where kohya has three numbers for it. */
const middleName = 'M00';

function namesOf({ levels, layers, isSdxl }: BlockLayout): readonly string[] {
  const count = levels * (layers + 1);
  const inside = [
    numbered('IN', count),
    isSdxl ? Array(3).fill(middleName) : [middleName],
    numbered('OUT', count),
  ];
  return isSdxl ? ['EMB', ...inside.flat(), 'END'] : inside.flat();
}

const names: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries(layouts).map(([family, layout]) => [family, namesOf(layout)]),
);

/** Name of each of kohya's blocks, by its index. SDXL has `EMB` (embeddings) in front and `END` (output) behind. */
export const blockNames = (family: Family): readonly string[] => names.get(family) as readonly string[];

/** Indexes of the block called `name` (SDXL's middle has three, most have one); none when there is no such block. */
export function blockIndices(name: string, family: Family): number[] {
  const wanted = name.toUpperCase() === 'MID' ? middleName : name.toUpperCase();
  return blockNames(family).flatMap((own, index) => (own === wanted ? [index] : []));
}

/** Which of its parts the middle of SDXL is told in: residual block, transformer, residual block. */
const middlePart = (kind: string, layer: number): number => (kind === 'attentions' ? 1 : 2 * layer);

/** kohya's index of the block that a layer is in; undefined for text encoders and for layers outside all blocks. */
export function blockIndexOf(target: string, family: Family): number | undefined {
  const { layers, isSdxl } = layouts[family];
  const all = blockNames(family);
  if (target === 'unet.conv_in') return all.indexOf('IN00');
  if (isSdxl && /^unet\.(time|add)_embedding\./.test(target)) return all.indexOf('EMB');
  if (isSdxl && target === 'unet.conv_out') return all.indexOf('END');
  const middle = /^unet\.mid_block\.(resnets|attentions)\.(\d+)\./.exec(target);
  if (middle) return all.indexOf(middleName) + (isSdxl ? middlePart(middle[1], Number(middle[2])) : 0);
  const block = /^unet\.(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\./.exec(target);
  if (!block) return undefined;
  const [, direction, level, kind, layer] = block;
  const place = (layers + 1) * Number(level) + (kind.endsWith('samplers') ? layers : Number(layer));
  return direction === 'down' ? all.indexOf('IN00') + 1 + place : all.indexOf('OUT00') + place;
}

/** Name of the block that a layer is in, `BASE` for text encoders; undefined for layers outside all blocks. */
export function blockNameOf(target: string, family: Family): string | undefined {
  if (target.startsWith('text_encoder')) return 'BASE';
  const index = blockIndexOf(target, family);
  return index === undefined ? undefined : blockNames(family)[index];
}

const range = (prefix: string, from: number, to: number): string[] => numbered(prefix, to + 1).slice(from);

/**
 * The lists that LoRA Block Weight takes, told by their length: all blocks with `BASE` in front (26 for SD 1 and 2, 20
 * for SDXL), or those with transformers only (17, 12).
 */
export function blockWeightLists(family: Family): readonly (readonly string[])[] {
  const all = [...new Set(blockNames(family))].filter(name => name !== 'EMB' && name !== 'END');
  const lists: Readonly<Record<Family, readonly string[]>> = {
    pocket: all,
    sd15: ['IN01', 'IN02', 'IN04', 'IN05', 'IN07', 'IN08', middleName, ...range('OUT', 3, 11)],
    sd2: ['IN01', 'IN02', 'IN04', 'IN05', 'IN07', 'IN08', middleName, ...range('OUT', 3, 11)],
    sdxl: ['IN04', 'IN05', 'IN07', 'IN08', middleName, ...range('OUT', 0, 5)],
  };
  return [...new Set([all, lists[family]])].map(list => ['BASE', ...list]);
}
