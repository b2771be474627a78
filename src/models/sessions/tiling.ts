/**
 * @file Large pictures through the autoencoder in overlapping tiles, joined by linear blending: exactly the arithmetic
 * of diffusers' `enable_tiling` (AutoencoderKL), so that its results are the oracle.
 */
import type { Tensor } from '../../engine/index.ts';

/** Share of a tile that lies over its neighbour. */
const overlap = 0.25;

export interface TileRule {
  /** Side of a tile of the input; those at the right and bottom edge may be smaller. */
  readonly side: number;
  /** Pixels of output for one of input: 8 when decoding, 1/8 when encoding. */
  readonly scale: number;
}

/** Where a tile lies in x [1, c, h, w]; its sides are those that are left there. */
interface Tile {
  readonly row: number;
  readonly column: number;
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** The part of x [1, c, h, w] that a tile covers, [1, c, tile's height, tile's width]. */
function cut({ shape, data }: Tensor, { top, left, height: rows, width: columns }: Tile): Tensor {
  const [, channels, height, width] = shape;
  const out = new Float32Array(channels * rows * columns);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const from = (c * height + top + y) * width + left;
      out.set(data.subarray(from, from + columns), (c * rows + y) * columns);
    }
  }
  return { shape: [1, channels, rows, columns], data: out };
}

/** Tiles of up to `side` × `side` that cover height × width, row by row. */
export function tilesOf(height: number, width: number, side: number): Tile[] {
  const stride = Math.floor(side * (1 - overlap));
  const tiles: Tile[] = [];
  for (let top = 0; top < height; top += stride)
    for (let left = 0; left < width; left += stride)
      tiles.push({
        ...{ row: top / stride, column: left / stride, top, left },
        ...{ height: Math.min(side, height - top), width: Math.min(side, width - left) },
      });
  return tiles;
}

/** Fades from the last rows of `above` into the first rows of `below`, in place. Shapes [1, c, h, w] */
function blendRows(above: Tensor, below: Tensor, most: number): void {
  const [, channels, heightA, width] = above.shape;
  const [, , heightB, widthB] = below.shape;
  const extent = Math.min(heightA, heightB, most);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < extent; y++) {
      const from = (c * heightA + heightA - extent + y) * width;
      const to = (c * heightB + y) * widthB;
      for (let x = 0; x < widthB; x++)
        below.data[to + x] = above.data[from + x] * (1 - y / extent) + below.data[to + x] * (y / extent);
    }
  }
}

/** The same from the last columns of `left` into the first of `right`. */
function blendColumns(left: Tensor, right: Tensor, most: number): void {
  const [, channels, height, widthA] = left.shape;
  const [, , , widthB] = right.shape;
  const extent = Math.min(widthA, widthB, most);
  for (let line = 0; line < channels * height; line++) {
    const from = (line + 1) * widthA - extent;
    for (let x = 0; x < extent; x++) {
      const at = line * widthB + x;
      right.data[at] = left.data[from + x] * (1 - x / extent) + right.data[at] * (x / extent);
    }
  }
}

/** Copies the first `limit` rows and columns of a tile to its place in `out`. */
function place(tile: Tensor, { row, column }: Tile, limit: number, out: Tensor): void {
  const [, channels, rows, columns] = tile.shape;
  const [, , height, width] = out.shape;
  const [top, left] = [row * limit, column * limit];
  const count = Math.min(limit, columns, width - left);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < Math.min(limit, rows, height - top); y++) {
      const from = (c * rows + y) * columns;
      out.data.set(tile.data.subarray(from, from + count), (c * height + top + y) * width + left);
    }
  }
}

/**
 * x [1, c, h, w] through `run` in tiles → [1, c', scale·h, scale·w]. Tiles of one shape run one after the other, so
 * that never more than one session is open, and none is opened twice.
 */
export async function runTiled(
  x: Tensor,
  { side, scale }: TileRule,
  run: (tile: Tensor) => Promise<Tensor>,
): Promise<Tensor> {
  const [, , height, width] = x.shape;
  const tiles = tilesOf(height, width, side);
  const results = new Map<string, Tensor>();
  const at = (row: number, column: number): Tensor => results.get(`${row},${column}`) as Tensor;
  for (const group of Map.groupBy(tiles, tile => `${tile.height}x${tile.width}`).values())
    for (const tile of group) results.set(`${tile.row},${tile.column}`, await run(cut(x, tile)));

  const extent = Math.floor(side * scale * overlap);
  const limit = side * scale - extent;
  const [, channels] = at(0, 0).shape;
  const shape = [1, channels, height * scale, width * scale];
  const out = { shape, data: new Float32Array(channels * shape[2] * shape[3]) };
  for (const tile of tiles) {
    const { row, column } = tile;
    const result = at(row, column);
    if (row > 0) blendRows(at(row - 1, column), result, extent);
    if (column > 0) blendColumns(at(row, column - 1), result, extent);
    place(result, tile, limit, out);
  }
  return out;
}
