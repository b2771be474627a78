/**
 * @file Sine and cosine from basic arithmetic. Shader languages promise 2⁻¹¹ within ±π and nothing beyond (WebGPU
 * Shading Language §15.7.4.1), and timestep embeddings ask for sines of up to 1000.
 */
import type { LoweringContext } from './context.ts';

/** π in three parts of few bits, so that their products with whole and half numbers are exact (Cody & Waite 1980). */
const piParts = [3.140625, 9.675025939941406e-4, 1.509957990978376e-7] as const;

/** sin r = r·(1 + r²·(c₀ + r²·(c₁ + …))), |r| ≤ π/2: Taylor; the next term is below 6e-8. */
const sineTerms = [-1 / 6, 1 / 120, -1 / 5040, 1 / 362_880] as const;
const sineRest = -1 / 39_916_800;

/** sin x = (−1)ᵏ·sin r with x = kπ + r. For the cosine x = (k + ½)π + r, and cos x = −(−1)ᵏ·sin r. */
export function sineOrCosine(ctx: LoweringContext, x: string, kind: 'sin' | 'cos'): string {
  const op = (name: string, a: string, b: string | number): string =>
    ctx.emit(name, [a, typeof b === 'string' ? b : ctx.float(b)]);
  const scaled = op('Mul', x, 1 / Math.PI);
  const k = ctx.emit('Floor', [kind === 'sin' ? op('Add', scaled, 0.5) : scaled]);
  const turns = kind === 'sin' ? k : op('Add', k, 0.5);
  const r = piParts.reduce((rest, part) => op('Sub', rest, op('Mul', turns, part)), x);
  const square = op('Mul', r, r);
  const inner = sineTerms.reduceRight<string | number>(
    (sum, term) => op('Add', op('Mul', square, sum), term),
    sineRest,
  );
  const sine = op('Add', r, op('Mul', r, op('Mul', square, inner)));
  const isOdd = op('Sub', k, op('Mul', ctx.emit('Floor', [op('Mul', k, 0.5)]), 2)); // k mod 2
  const twice = op('Mul', isOdd, kind === 'sin' ? -2 : 2);
  return op('Mul', sine, op('Add', twice, kind === 'sin' ? 1 : -1));
}
