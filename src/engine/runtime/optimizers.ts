/** @file Passes of the runtime over a model that are left out. */

/**
 * What the runtime would look for in a large model and not find: each costs a walk over all nodes, which takes half a second where
 * thousands of weights are widened at use (its list of nodes without predecessors is searched from the front).
 */
const fruitless = [
  'ConstantSharing',
  'DoubleQDQPairsRemover',
  'EnsureUniqueDQForNodeUnit',
  'QDQPropagationTransformer',
  'QDQS8ToU8Transformer',
  'QDQFinalCleanupTransformer',
  'WeightBiasQuantization',
  'QDQSelectorActionTransformer',
  'Avx2WeightS8ToU8Transformer',
  'DynamicQuantizeMatMulFusion',
  'MatMulIntegerToFloatFusion',
  'MatMulNBitsFusion',
  'MatMulNBitsMlpFusion',
  'MatMulNBitsQkvFusion',
  'MatMul_BatchNormalization_Fusion',
  'Pad_Fusion',
  'LabelEncoderFusion',
  'AttentionFusion',
  'EmbedLayerNormFusion',
  'GroupQueryAttentionFusion',
  'GroupQueryAttentionPreNormFusion',
  'SkipLayerNormFusion',
  'BiasSkipLayerNormFusion',
  'SimplifiedLayerNormFusion',
  'LayerNormFusionL1',
  'LayerNormFusionL2',
  'GeluFusionL1',
  'GeluFusionL2',
  'BiasGeluFusion',
  'FastGeluFusion',
  'QuickGeluFusion',
  'BiasSoftmaxFusion',
  'BiasDropoutFusion',
  'GatherToSplitFusion',
  'GatherToSliceFusion',
  'SliceConcatToSpaceToDepthFusion',
  'CastChainElimination',
  'FuseFp16InitializerToFp32NodeTransformer',
  'GemmActivationFusion',
  'MatMulActivationFusion',
];

/** These break or undo what the lowering wrote: gates merged away, weights copied out of their mapping. */
const harmful = ['ReshapeFusion', 'CommonSubexpressionElimination'];

/** Names for `disable_specified_optimizers`; a provider that widens weights when it opens needs constants folded. */
export function disabledOptimizers(fold: boolean, widens = false): string {
  if (fold) return 'ReshapeFusion';
  return [...harmful, ...fruitless, ...(widens ? [] : ['ConstantFolding'])].join(';');
}
