/** @file The shape of the layer that a module is for, as far as its own tensors tell it. */
import type { Shape } from '../../engine/index.ts';
import type { ModuleKind } from '../kinds/module.ts';
import type { TensorRole } from '../kinds/table.ts';

export type Shapes = Readonly<Partial<Record<TensorRole, Shape>>>;

type Implied = (shapes: Shapes) => Shape | undefined;

/** What both factors make side by side; undefined as soon as one is not there. */
function product(out: number | undefined, inside: number | undefined, kernel: Shape = []): Shape | undefined {
  return out === undefined || inside === undefined ? undefined : [out, inside, ...kernel];
}

const times = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a * b;

function lokr(shapes: Shapes): Shape | undefined {
  const { lokr_w1, lokr_w1_a, lokr_w1_b, lokr_w2, lokr_w2_a, lokr_w2_b, lokr_t2 } = shapes;
  const [a, c] = lokr_w1 ?? [lokr_w1_a?.[0], lokr_w1_b?.[1]];
  const outer = lokr_t2 ? lokr_w2_a?.[1] : lokr_w2_a?.[0];
  const [b, d, ...kernel] = lokr_w2 ?? [outer, lokr_w2_b?.[1], ...(lokr_t2?.slice(2) ?? [])];
  return product(times(a, b), times(c, d), kernel as Shape);
}

const implied: Readonly<Partial<Record<ModuleKind, Implied>>> = {
  lora: ({ down, up, mid }) => product(up?.[0], down?.[1], (mid ?? down)?.slice(2)),
  loha: ({ hada_w1_a, hada_w1_b, hada_t1 }) =>
    product(hada_w1_a?.[hada_t1 ? 1 : 0], hada_w1_b?.[1], hada_t1?.slice(2)),
  lokr,
  full: ({ diff, diff_b }) => diff ?? diff_b,
  norm: ({ w_norm, b_norm }) => w_norm ?? b_norm,
};

/**
 * [out, in] or [out, in, k, k]; a convolution's kernel may hide in `in`, where matrices hold it flat. Undefined for kinds
 * whose tensors know one side only.
 */
export const impliedShape = (kind: ModuleKind, shapes: Shapes): Shape | undefined => implied[kind]?.(shapes);
