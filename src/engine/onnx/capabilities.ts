/** @file What an execution provider can run well; the lowering writes other nodes where it cannot. */
import type { ConvolutionChoices } from './convolution-choice.ts';

export interface Capabilities {
  /** com.microsoft.FusedMatMul: transposed and scaled batched products without copies. */
  readonly fusedMatMul: boolean;
  /** com.microsoft.QuickGelu: x·sigmoid(αx) in one pass. */
  readonly quickGelu: boolean;
  /** com.microsoft.MultiHeadAttention: attention that keeps no probabilities. */
  readonly multiHeadAttention: boolean;
  /** Ordering through a shape computed from IsNaN: no copy on the CPU; elsewhere a round trip, for shapes live on the CPU. */
  readonly shapeGate: boolean;
  /** Loops over slices (Scan) run on the provider; otherwise slices are written out one after the other. */
  readonly scan: boolean;
  /** Attention scores that backward makes again at once. */
  readonly scoreElements: number;
  /** Winograd convolutions pay. */
  readonly winograd: boolean;
  /** Algorithms of convolutions that were measured on this machine; those of the table unless said. */
  readonly convolutions?: ConvolutionChoices;
  /** Sin and Cos are right to float32's last bits, also far from zero; otherwise they are written out. */
  readonly exactSine: boolean;
  /**
   * Shapes of activations are computed at run time and unknown before. The runtime gives a tensor that is no longer
   * needed to the next one of the same known shape, however much later: one buffer of every shape would stay allocated
   * from forward to backward (1.7 GiB of SD 1.5's 2.6 at 512²; docs/decisions/0006).
   */
  readonly hiddenShapes: boolean;
  /** Nodes over weights alone are computed once, when the session opens: rearranged weights cost nothing then. */
  readonly constantWeights?: boolean;
}

/** Plain ONNX only: the reference that every other set is checked against. */
const plain = {
  fusedMatMul: false,
  quickGelu: false,
  multiHeadAttention: false,
  shapeGate: false,
  scan: false,
  scoreElements: 64 * 2 ** 20,
  winograd: false,
  exactSine: true,
  hiddenShapes: false,
} as const satisfies Capabilities;

export const capabilities = {
  cpu: {
    fusedMatMul: true,
    quickGelu: true,
    multiHeadAttention: true,
    shapeGate: true,
    scan: true,
    scoreElements: 4 * 2 ** 20, // 128 rows of 8 heads at 4096 tokens, 16 MB: half and a quarter were no faster
    winograd: true,
    exactSine: true,
    hiddenShapes: true,
  },
  /** No kernels of FusedMatMul, IsNaN and Scan; Winograd's many small nodes cost more starts than they save sums. */
  webgpu: {
    ...plain,
    quickGelu: true,
    multiHeadAttention: true,
    exactSine: false, // 2⁻¹¹ is promised within ±π
  },
  /**
   * Has all of these kernels (not run by us); a loop or a shape from IsNaN would wait for the card at each turn, and
   * cuDNN chooses its own algorithms for convolutions.
   */
  cuda: { ...plain, fusedMatMul: true, quickGelu: true, multiHeadAttention: true },
  /** Not run by us: plain ONNX, which it documents kernels for; its sine is a shader's. */
  directml: { ...plain, exactSine: false },
  /** Knows no operations of com.microsoft, and few others: plain ONNX keeps its pieces large. Its sine is as a shader's. */
  coreml: { ...plain, exactSine: false },
  plain,
} as const satisfies Record<string, Capabilities>;
