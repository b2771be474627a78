/** The engine: typed graphs with reverse-mode gradients, lowered to ONNX and run by ONNX Runtime. */

export { type BackwardOptions, gradients } from './gradient/backward.ts';
export { costOf, type GraphCost } from './graph/cost.ts';
export * from './graph/functions.ts';
export * from './graph/graph.ts';
export { printGraph } from './graph/print.ts';
export { findFaults, nameOf, reachableNodes, verify } from './graph/verify.ts';
export * from './linear-algebra/matrix.ts';
export { type OrthonormalRows, orthonormalRows } from './linear-algebra/orthonormal-rows.ts';
export { openProducts, type ProductOptions, type Products } from './linear-algebra/products.ts';
export {
  type EnergyOptions,
  type PartialSvd,
  type RandomizedOptions,
  randomizedSvd,
  randomizedSvdToEnergy,
  rankForEnergy,
} from './linear-algebra/randomized-svd.ts';
export { type Svd, svd, svdOfProduct, truncate } from './linear-algebra/svd.ts';
export { type Capabilities, capabilities } from './onnx/capabilities.ts';
export type { ConvolutionAlgorithm, ConvolutionChoices } from './onnx/convolution-choice.ts';
export { describePlacement, type Placement } from './runtime/placement.ts';
export { deviceSpeed, type Probe, probeProvider, tryProvider } from './runtime/probe.ts';
export { type ExecutionProvider, type ProviderRow, providers } from './runtime/providers.ts';
export type { Feed, IntTensor } from './runtime/raw-session.ts';
export * from './runtime/session.ts';
export {
  type AlgorithmTiming,
  type Convolution,
  convolutionsOf,
  type TunedConvolution,
  tuneConvolution,
} from './runtime/tune-convolutions.ts';
export { type AddableDType, addRounded, isAddable } from './tensor/add-rounded.ts';
export * from './tensor/finite.ts';
export * from './tensor/half.ts';
export * from './tensor/random.ts';
export * from './tensor/tensor.ts';
