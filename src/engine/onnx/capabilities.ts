/** @file What an execution provider can run well; the lowering writes other nodes where it cannot. */

export interface Capabilities {
  /** com.microsoft.FusedMatMul: transposed and scaled batched products without copies. */
  readonly fusedMatMul: boolean;
  /** com.microsoft.QuickGelu: x·sigmoid(αx) in one pass. */
  readonly quickGelu: boolean;
  /** com.microsoft.MultiHeadAttention: attention that keeps no probabilities. */
  readonly multiHeadAttention: boolean;
  /** Ordering through a shape computed from IsNaN: no copy on the CPU, a device round trip elsewhere. */
  readonly shapeGate: boolean;
  /** Loops over slices (Scan) run on the provider; otherwise slices are written out one after the other. */
  readonly scan: boolean;
  /** Attention scores that backward makes again at once. */
  readonly scoreElements: number;
  /** Winograd convolutions pay. */
  readonly winograd: boolean;
  /** Nodes over weights alone are computed once, when the session opens: rearranged weights cost nothing then. */
  readonly constantWeights?: boolean;
}

export const capabilities = {
  cpu: {
    fusedMatMul: true,
    quickGelu: true,
    multiHeadAttention: true,
    shapeGate: true,
    scan: true,
    scoreElements: 4 * 2 ** 20, // 128 rows of 8 heads at 4096 tokens, 16 MB: half and a quarter were no faster
    winograd: true,
  },
  webgpu: {
    fusedMatMul: false,
    quickGelu: true,
    multiHeadAttention: true,
    shapeGate: false,
    scan: false,
    scoreElements: 64 * 2 ** 20,
    winograd: false,
  },
  /** Plain ONNX only: the reference that every other set is checked against. */
  plain: {
    fusedMatMul: false,
    quickGelu: false,
    multiHeadAttention: false,
    shapeGate: false,
    scan: false,
    scoreElements: 64 * 2 ** 20,
    winograd: false,
  },
} as const satisfies Record<string, Capabilities>;
