/**
 * @file 3×3 convolution, stride 1, as Winograd F(m×m, 3×3) written in ONNX nodes
 * (Lavin & Gray 2015, "Fast Algorithms for Convolutional Neural Networks").
 * The weight transform is part of the graph, so the stored weight stays the only copy and serves both directions.
 */
import type { Pads } from '../graph/operations.ts';
import type { Shape } from '../tensor/tensor.ts';
import type { LoweringContext } from './context.ts';

interface Transforms {
  readonly B: readonly (readonly number[])[];
  readonly G: readonly (readonly number[])[];
  readonly A: readonly (readonly number[])[];
}

const transforms: Readonly<Record<2 | 4, Transforms>> = {
  2: {
    B: [
      [1, 0, -1, 0],
      [0, 1, 1, 0],
      [0, -1, 1, 0],
      [0, 1, 0, -1],
    ],
    G: [
      [1, 0, 0],
      [1 / 2, 1 / 2, 1 / 2],
      [1 / 2, -1 / 2, 1 / 2],
      [0, 0, 1],
    ],
    A: [
      [1, 1, 1, 0],
      [0, 1, -1, -1],
    ],
  },
  4: {
    B: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    G: [
      [1 / 4, 0, 0],
      [-1 / 6, -1 / 6, -1 / 6],
      [-1 / 6, 1 / 6, -1 / 6],
      [1 / 24, 1 / 12, 1 / 6],
      [1 / 24, -1 / 12, 1 / 6],
      [0, 0, 1],
    ],
    A: [
      [1, 1, 1, 1, 1, 0],
      [0, 1, -1, 2, -2, 0],
      [0, 1, 1, 4, 4, 0],
      [0, 1, -1, 8, -8, 1],
    ],
  },
};

/** The two-dimensional transform M ⊗ M, its columns reversed where the kernel is to be rotated by 180°. */
function kronecker(matrix: readonly (readonly number[])[], reversed = false): Float32Array {
  const out: number[] = [];
  const columns = matrix[0].length;
  const at = (row: readonly number[], column: number): number =>
    row[reversed ? columns - 1 - column : column];
  for (const rowI of matrix) {
    for (const rowJ of matrix) {
      for (let p = 0; p < columns; p++) for (let q = 0; q < columns; q++) out.push(at(rowI, p) * at(rowJ, q));
    }
  }
  return Float32Array.from(out);
}

export interface WinogradOptions {
  readonly x: string;
  readonly w: string;
  /** Shape of x: [n, c, h, w]. */
  readonly image: Shape;
  /** One at each side, but a band of rows has none at top or bottom; rows and columns of the result are multiples of the tile. */
  readonly pads: Pads;
  /** Shape of the stored weight: [out, in, 3, 3]. */
  readonly kernel: Shape;
  readonly tile: 2 | 4;
  /** Convolve with the rotated, transposed kernel: the input gradient. Then x has `out` channels. */
  readonly backward: boolean;
}

export function winogradConvolution(ctx: LoweringContext, options: WinogradOptions): string {
  const { x, w, image, kernel, pads, tile, backward } = options;
  const { A, B, G } = transforms[tile];
  const [batch, channels, height, width] = image;
  const [outChannels, inChannels] = kernel;
  const resultChannels = backward ? inChannels : outChannels;
  const side = tile + 2;
  const points = side * side;
  const rows = height + pads[0] + pads[2] - 2;
  const [tileRows, tileColumns] = [rows / tile, width / tile];
  const tiles = tileRows * tileColumns;
  const suffix = `F${tile}${backward ? 'b' : ''}`;

  const weightTransform = ctx.floats([points, 9], kronecker(G, backward), `winograd G ${suffix}`);
  const flatWeight = ctx.reshape(w, [outChannels * inChannels, 9]);
  const product = ctx.emit('Gemm', [weightTransform, flatWeight], { transB: 1 });
  const U = ctx.reshape(product, [points, outChannels, inChannels]);

  const inputTransform = ctx.floats([points, 1, side, side], kronecker(B), `winograd B F${tile}`);
  const planes = ctx.reshape(x, [batch * channels, 1, height, width]);
  const patches = ctx.emit('Conv', [planes, inputTransform], {
    kernel_shape: [side, side],
    strides: [tile, tile],
    pads,
  }); // [n·c, points, rows, columns]
  const V =
    batch === 1
      ? ctx.transpose(ctx.reshape(patches, [channels, points, tiles]), [1, 0, 2])
      : ctx.reshape(ctx.transpose(ctx.reshape(patches, [batch, channels, points, tiles]), [2, 1, 0, 3]), [
          points,
          channels,
          batch * tiles,
        ]);

  const M = backward ? ctx.emitMicrosoft('FusedMatMul', [U, V], { transA: 1 }) : ctx.emit('MatMul', [U, V]); // [points, result, n·tiles]
  const outputTransform = ctx.floats([tile * tile, points], kronecker(A), `winograd A F${tile}`);
  const every = resultChannels * batch * tiles;
  const Y = ctx.emit('MatMul', [outputTransform, ctx.reshape(M, [points, every])]); // [tile², result·n·tiles]
  // Tiles become rows in two steps that move whole blocks: DepthToSpace, which does both at once, takes twice as long.
  const inRow = ctx.transpose(ctx.reshape(Y, [tile, tile, every]), [0, 2, 1]); // [tile, result·n·tiles, tile]
  const joined =
    batch === 1
      ? ctx.transpose(ctx.reshape(inRow, [tile, resultChannels * tileRows, width]), [1, 0, 2])
      : ctx.transpose(ctx.reshape(inRow, [tile, resultChannels, batch, tileRows, width]), [2, 1, 3, 0, 4]);
  return ctx.reshape(joined, [batch, resultChannels, rows, width]);
}
