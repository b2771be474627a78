/** @file Sizes that a family of checkpoints was made for. */

export interface Size {
  readonly width: number;
  readonly height: number;
}
export type Shape = 'square' | 'portrait' | 'landscape';

interface SizeRow {
  readonly sizes: Readonly<Record<Shape, Size>>;
  /** What suits it to begin with. */
  readonly steps: number;
  readonly guidance: number;
}

const size = (width: number, height: number): Size => ({ width, height });
const row = (square: number, [short, long]: readonly [number, number], guidance: number): SizeRow => ({
  sizes: { square: size(square, square), portrait: size(short, long), landscape: size(long, short) },
  ...{ steps: 20, guidance },
});

/** SDXL: Podell et al. 2023, appendix I; the embedded model draws icons of 64 pixels. */
const rows: readonly { readonly family: RegExp; readonly row: SizeRow }[] = [
  { family: /pocket/i, row: row(64, [64, 96], 4.5) },
  { family: /xl/i, row: row(1024, [832, 1216], 7) },
  { family: /2/, row: row(768, [768, 1024], 7) },
  { family: /./, row: row(512, [512, 768], 7) },
];

export const rowOf = (family: string): SizeRow => rows.find(one => one.family.test(family || 'SD'))!.row;

/** The name of a size in a family; undefined for one's own. */
export function shapeOf(family: string, { width, height }: Size): Shape | undefined {
  const { sizes } = rowOf(family);
  return (Object.keys(sizes) as Shape[]).find(
    shape => sizes[shape].width === width && sizes[shape].height === height,
  );
}

/** The same shape in another family; sizes of one's own become the nearest shape. */
export function sizeIn(family: string, before: string, { width, height }: Size): Size {
  const ratio = width / height;
  const nearest: Shape = ratio > 1.1 ? 'landscape' : ratio < 0.9 ? 'portrait' : 'square';
  return rowOf(family).sizes[shapeOf(before, { width, height }) ?? nearest];
}
