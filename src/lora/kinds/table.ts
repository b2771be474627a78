/** @file The kinds of LoRA as data: which tensors a module has, how large they are, and what it takes to say its ΔW. */
import type { Tensor } from '../../engine/index.ts';
import { magnitudeAxis } from './magnitude.ts';
import { columnsOf, type LayerSize, rowsOf } from './matrices.ts';
import type { LoraModule, ModuleKind, ModuleTensors } from './module.ts';
import { isUpperTriangles, triangleSide } from './rotations.ts';
import { gloraFactors, isOnInput } from './scalings.ts';

export type TensorRole = keyof ModuleTensors;

/** Rows and columns, where all axes but the first count as one; or how many numbers in whatever shape. */
export type Extent = readonly [rows: number, columns: number] | number;

/** How large a module's tensors are on a layer. What no layer can have is NaN. */
export type Extents = Readonly<Partial<Record<TensorRole, Extent>>>;

export interface KindRow {
  /** Of each line, all tensors of one of its alternatives must be there. */
  readonly needs: readonly (readonly (readonly TensorRole[])[])[];
  readonly takes: readonly TensorRole[];
  /** `alpha` over the rank is a factor of ΔW, or limits a rotation, or is not there. */
  readonly alpha: 'scale' | 'limit' | 'none';
  /** From the tensors; 0 where there is none. */
  readonly rank: (tensors: ModuleTensors) => number;
  /** Of the tensors that a module has, or may have. */
  readonly extents: (tensors: ModuleTensors, size: LayerSize, rank: number) => Extents;
  /** Layers that it may be on: those with a matrix or kernel, norms, or both. */
  readonly layers: 'weights' | 'norms' | 'any';
  readonly needsBase: (tensors: ModuleTensors) => boolean;
  /** Twice the strength is twice the change. */
  readonly isLinear: (tensors: ModuleTensors) => boolean;
}

const rows = (tensor: Tensor | undefined): number => (tensor ? rowsOf(tensor) : 0);
const noRank = (): number => 0;
const always = (): boolean => true;
const never = (): boolean => false;
const hasMagnitude = ({ magnitude }: ModuleTensors): boolean => magnitude !== undefined;

/** Magnitudes are of outputs or of inputs. */
const magnitudeExtent = ({ magnitude }: ModuleTensors, size: LayerSize): number =>
  magnitude && magnitudeAxis(magnitude, size) === 'in' ? size.inside : size.out;

const byFactors = { needsBase: hasMagnitude, isLinear: always, layers: 'weights' } as const;

/** Both factors of LoKr make the layer: [a·b, c·d]. */
function lokrExtents(tensors: ModuleTensors, size: LayerSize, rank: number): Extents {
  const { lokr_w1, lokr_w1_a, lokr_w1_b } = tensors;
  const [a, c] = lokr_w1
    ? [rowsOf(lokr_w1), columnsOf(lokr_w1)]
    : [rows(lokr_w1_a), lokr_w1_b ? columnsOf(lokr_w1_b) : 0];
  const whole = (n: number): number => (Number.isInteger(n) ? n : Number.NaN);
  const [b, d] = [whole(size.out / a), whole(size.inside / c)];
  const { area } = size;
  const isTucker = tensors.lokr_t2 !== undefined;
  return {
    magnitude: magnitudeExtent(tensors, size),
    lokr_w1: [a, c],
    lokr_w1_a: [a, rank],
    lokr_w1_b: [rank, c],
    lokr_w2: [b, d * area],
    lokr_w2_a: isTucker ? [rank, b] : [b, rank],
    lokr_w2_b: [rank, isTucker ? d : d * area],
    lokr_t2: [rank, rank * area],
  };
}

export const kinds: Readonly<Record<ModuleKind, KindRow>> = {
  lora: {
    needs: [[['down']], [['up']]],
    takes: ['mid', 'magnitude', 'up_bias', 'diff_b'],
    alpha: 'scale',
    rank: ({ down }) => rows(down),
    extents: (tensors, size, rank) => ({
      magnitude: magnitudeExtent(tensors, size),
      down: [rank, tensors.mid ? size.inside : size.inside * size.area],
      up: [size.out, rank],
      mid: [rank, rank * size.area],
    }),
    ...byFactors,
  },
  loha: {
    needs: [[['hada_w1_a']], [['hada_w1_b']], [['hada_w2_a']], [['hada_w2_b']]],
    takes: ['hada_t1', 'hada_t2', 'magnitude', 'diff_b'],
    alpha: 'scale',
    rank: ({ hada_w1_b }) => rows(hada_w1_b),
    extents: (tensors, size, rank) => {
      const outer: Extent = tensors.hada_t1 ? [rank, size.out] : [size.out, rank];
      const inner: Extent = [rank, tensors.hada_t1 ? size.inside : size.inside * size.area];
      const core: Extent = [rank, rank * size.area];
      return {
        magnitude: magnitudeExtent(tensors, size),
        ...{ hada_w1_a: outer, hada_w2_a: outer, hada_w1_b: inner, hada_w2_b: inner },
        ...{ hada_t1: core, hada_t2: core },
      };
    },
    ...byFactors,
  },
  lokr: {
    needs: [
      [['lokr_w1'], ['lokr_w1_a', 'lokr_w1_b']],
      [['lokr_w2'], ['lokr_w2_a', 'lokr_w2_b']],
    ],
    takes: ['lokr_t2', 'magnitude', 'diff_b'],
    alpha: 'scale',
    // When neither factor is a product there is no rank, and LyCORIS takes alpha/rank as 1.
    rank: ({ lokr_w1, lokr_w1_b, lokr_w2, lokr_w2_b }) =>
      lokr_w1 ? (lokr_w2 ? 0 : rows(lokr_w2_b)) : rows(lokr_w1_b),
    extents: lokrExtents,
    ...byFactors,
  },
  full: {
    needs: [[['diff'], ['diff_b']]],
    takes: ['diff', 'diff_b'],
    alpha: 'none',
    rank: noRank,
    extents: (_, { out, inside, area }) => ({ diff: [out, inside * area] }),
    layers: 'any',
    needsBase: never,
    isLinear: always,
  },
  norm: {
    needs: [[['w_norm'], ['b_norm']]],
    takes: ['w_norm', 'b_norm'],
    alpha: 'none',
    rank: noRank,
    extents: (_, { out }) => ({ w_norm: out, b_norm: out }),
    layers: 'norms',
    needsBase: never,
    isLinear: always,
  },
  ia3: {
    needs: [[['ia3']]],
    takes: ['on_input', 'diff_b'],
    alpha: 'none',
    rank: noRank,
    extents: (tensors, { out, inside }) => ({ ia3: isOnInput(tensors) ? inside : out, on_input: 1 }),
    layers: 'weights',
    needsBase: always,
    isLinear: always,
  },
  glora: {
    needs: [[['a1']], [['a2']], [['b1']], [['b2']]],
    takes: ['bm', 'diff_b'],
    alpha: 'scale',
    rank: ({ a1, a2 }) => Math.min(rows(a1), rows(a2)),
    extents: (tensors, size, rank) => {
      const isOld = gloraFactors(tensors, size).a1 !== tensors.a1;
      const wide: Extent = [size.inside, rank];
      const narrow: Extent = [rank, size.inside];
      const inner: Extent = [rank, tensors.bm ? size.inside : size.inside * size.area];
      const core: Extent = [rank, rank * size.area];
      return isOld
        ? { a1: narrow, a2: wide, b1: inner, b2: [size.out, rank], bm: core }
        : { a1: wide, a2: narrow, b1: [size.out, rank], b2: inner, bm: core };
    },
    layers: 'weights',
    needsBase: always,
    isLinear: always,
  },
  oft: {
    needs: [[['oft_blocks']]],
    takes: ['rescale', 'diff_b'],
    alpha: 'limit',
    rank: noRank,
    extents: (tensors, { out, inside, area }) => {
      const blocks = tensors.oft_blocks as Tensor;
      if (!isUpperTriangles(blocks)) {
        const n = blocks.shape[1];
        return { oft_blocks: blocks.shape[2] === n ? [out / n, n * n] : Number.NaN, rescale: out };
      }
      const n = triangleSide(blocks);
      const count = (inside * area) / n;
      return { oft_blocks: [rowsOf(blocks) === 1 && Number.isInteger(count) ? 1 : count, (n * (n - 1)) / 2] };
    },
    layers: 'weights',
    needsBase: always,
    isLinear: ({ rescale }) => rescale === undefined,
  },
  boft: {
    needs: [[['oft_blocks']]],
    takes: ['rescale', 'diff_b'],
    alpha: 'limit',
    rank: noRank,
    extents: (tensors, { out }) => {
      const [stages, count, n] = (tensors.oft_blocks as Tensor).shape;
      const fits = count * n === out && n % 2 === 0 && out % (2 ** (stages - 1) * n) === 0;
      return { oft_blocks: fits ? [stages, out * n] : Number.NaN, rescale: out };
    },
    layers: 'weights',
    needsBase: always,
    isLinear: never,
  },
};

/** The kind that a set of tensors makes; undefined for none. `oft_blocks` of 4 axes are stages of a butterfly. */
export function kindOf(tensors: ModuleTensors): ModuleKind | undefined {
  const has = (role: TensorRole): boolean => tensors[role] !== undefined;
  if (has('oft_blocks')) return tensors.oft_blocks?.shape.length === 4 ? 'boft' : 'oft';
  const order: readonly ModuleKind[] = ['lora', 'loha', 'lokr', 'glora', 'ia3', 'norm', 'full'];
  return order.find(kind => missingRoles(kind, tensors).length === 0);
}

/** Tensors that a module of a kind lacks: for each line of `needs`, what the fullest of its alternatives lacks. */
export function missingRoles(kind: ModuleKind, tensors: ModuleTensors): TensorRole[] {
  return kinds[kind].needs.flatMap(alternatives => {
    const lacking = alternatives.map(roles => roles.filter(role => tensors[role] === undefined));
    return lacking.reduce((least, one) => (one.length < least.length ? one : least));
  });
}

/** Tensors that a module of a kind makes nothing of. */
export function strangeRoles(kind: ModuleKind, tensors: ModuleTensors): TensorRole[] {
  const { needs, takes } = kinds[kind];
  const known = new Set([...needs.flat(2), ...takes]);
  return (Object.keys(tensors) as TensorRole[]).filter(role => !known.has(role));
}

export const rankOf = (kind: ModuleKind, tensors: ModuleTensors): number => kinds[kind].rank(tensors);

/**
 * The alpha of a module whose file says `given`, or nothing. Where it is a factor, none or 0 is the rank (LyCORIS,
 * kohya: no scaling); where it limits a rotation, none is no limit.
 */
export function alphaOf(kind: ModuleKind, given: number | undefined, rank: number): number {
  switch (kinds[kind].alpha) {
    case 'scale':
      return rank === 0 ? 1 : given || rank;
    case 'limit':
      return given ?? 0;
    case 'none':
      return 1;
  }
}

/** The factor of ΔW. */
export const scaleOf = ({
  kind,
  tensors,
  alpha,
  rank,
}: Pick<LoraModule, 'kind' | 'tensors' | 'alpha' | 'rank'>): number =>
  kinds[kind].alpha === 'scale' && rankOf(kind, tensors) > 0 ? alpha / rank : 1;

export const needsBase = ({ kind, tensors }: Pick<LoraModule, 'kind' | 'tensors'>): boolean =>
  kinds[kind].needsBase(tensors);

export const isLinearInStrength = ({ kind, tensors }: Pick<LoraModule, 'kind' | 'tensors'>): boolean =>
  kinds[kind].isLinear(tensors);
