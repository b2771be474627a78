/** @file Matrix products with turned and scaled operands, in the nodes that a provider has. */
import type { LoweringContext } from './context.ts';

export interface ProductOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly scale?: number;
}

export function swapLastTwo(ctx: LoweringContext, x: string, rank: number): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 1], perm[rank - 2]] = [rank - 2, rank - 1];
  return ctx.transpose(x, perm);
}

/** scale · op(a) · op(b) over the last two axes; ranks of a and b, where they differ, as a pair. */
export function product(
  ctx: LoweringContext,
  a: string,
  b: string,
  { transposeA = false, transposeB = false, scale = 1 }: ProductOptions,
  ranks: number | readonly [number, number],
): string {
  const [rankA, rankB] = typeof ranks === 'number' ? [ranks, ranks] : ranks;
  if (!transposeA && !transposeB && scale === 1) return ctx.emit('MatMul', [a, b]);
  const flags = { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: scale } };
  // Gemm says that its result has two dimensions, FusedMatMul says nothing: see `hiddenShapes`.
  if (rankA === 2 && rankB === 2 && !ctx.hidesShapes) return ctx.emit('Gemm', [a, b], flags);
  if (ctx.capabilities.fusedMatMul) return ctx.emitMicrosoft('FusedMatMul', [a, b], flags);
  const left = transposeA ? swapLastTwo(ctx, a, rankA) : a;
  const right = transposeB ? swapLastTwo(ctx, b, rankB) : b;
  const plain = ctx.emit('MatMul', [left, right]);
  return scale === 1 ? plain : ctx.emit('Mul', [plain, ctx.float(scale)]);
}
