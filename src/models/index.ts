/** Stable Diffusion as functions over the graph, families as data, and checkpoints opened in place. */

export {
  type Checkpoint,
  type Family,
  type LayerPart,
  type OpenOptions,
  openCheckpoint,
  type Part,
  weightsByPart,
} from './checkpoint/checkpoint.ts';
export type { SchedulerConfig } from './checkpoint/config-files.ts';
export { type CheckpointFacts, checkpointFacts, type PartFacts } from './checkpoint/facts.ts';
export { checkFiniteWeights } from './checkpoint/finite.ts';
export { convertCheckpoint } from './checkpoint/layout/convert.ts';
export { checkRewrite, type RewriteOptions, rewriteCheckpoint } from './checkpoint/layout/rewrite.ts';
export { type LayerInfo, listLayers } from './checkpoint/shape-check.ts';
export { type Architecture, architectureOf, sampleSizeOf } from './checkpoint/single/architectures.ts';
export type { PredictionType } from './checkpoint/single/prediction.ts';
export { shapesOnly } from './checkpoint/single/shapes-only.ts';
export { fromLdmUnetName, ldmUnetName } from './checkpoint/single/unet-names.ts';
export { verifyCheckpoint } from './checkpoint/verify.ts';
export { openWeights } from './checkpoint/weights.ts';
export {
  type ClipConfig,
  clipTextEncoder,
  pooledTextEmbedding,
  type TextStates,
} from './clip/text-encoder.ts';
export { holdWeights, isExactForm } from './held/held-weights.ts';
export {
  type ConvOptions,
  type LayerHooks,
  type ModelScope,
  openScope,
  parameterCount,
  type WeightSource,
} from './layers.ts';
export {
  type ChunkStates,
  joinTokens,
  joinWidths,
  openTextConditioner,
  padText,
  type TextConditioner,
  type TextStates as EncodedText,
} from './sessions/text.ts';
export {
  buildText,
  type EncoderUse,
  encoderFeeds,
  encoderUses,
  type LayerChoice,
  newWordsName,
  padChunks,
  type SdxlClipSkip,
  type TextPartName,
  type TextSource,
  type TokenizedText,
  tokenizeText,
  withNewWords,
} from './sessions/text-graph.ts';
export { buildUnet, type LatentSize, openUnet, type UnetSession } from './sessions/unet.ts';
export {
  openVaeDecoder,
  openVaeEncoder,
  type VaeDecoder,
  type VaeEncoder,
  vaePieces,
  wholeUpToDefault,
} from './sessions/vae.ts';
export {
  byteAlphabet,
  type ClipTokenizer,
  type NewWord,
  openClipTokenizer,
  openTokenizer,
  type ReadWord,
} from './tokenizer/index.ts';
export { unetShapes } from './unet/shapes.ts';
export { pooledWidthOf, timestepEmbedding, type UnetConfig, type UnetInputs, unet } from './unet/unet.ts';
export { type VaeConfig, vaeDecoder, vaeEncoder } from './vae/vae.ts';
