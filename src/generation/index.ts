/** Generation: prompts and LoRAs to pictures that know how they were made, and comparisons of them. */

export * from './compare/index.ts';
export { type Embeddings, openEmbeddings } from './embeddings/open-embeddings.ts';
export {
  type GivenLora,
  type LoraFolders,
  loraName,
  openLoraFolders,
  parseLoraOption,
} from './find-lora.ts';
export { type Generator, openGenerator } from './generator.ts';
export { type LoadedLora, type LoadOptions, loadGiven, loadLoraFor } from './load-lora.ts';
export { availableMemory } from './memory/available.ts';
export { forecastGeneration } from './memory/forecast.ts';
export { encodePicture, type PictureFormat, pictureFormats } from './metadata/encode-picture.ts';
export type { FoundLora, FoundSettings } from './metadata/found-settings.ts';
export { parseInfotext, writeInfotext } from './metadata/infotext.ts';
export { infotextOf, upscalerLabels } from './metadata/infotext-of.ts';
export {
  findLorasByHash,
  type LoraMatches,
  type MatchedLora,
  namedLoras,
  type WantedLora,
} from './metadata/match-loras.ts';
export { portableSettings } from './metadata/picture-json.ts';
export { type PictureText, readPictureText } from './metadata/read-picture-text.ts';
export { wishOfFound } from './metadata/wish-of.ts';
export { readPicture } from './pictures/read-picture.ts';
export { resolveUpscaler } from './pictures/upscalers.ts';
export { latentPreview } from './preview/latent-preview.ts';
export { checkStepRange } from './prompt/step-range.ts';
export { openWildcards } from './prompt/wildcards.ts';
export type {
  DrawingStep,
  Picture,
} from './request.ts';
export { plainSettings } from './settings/plain.ts';
export { presets } from './settings/presets.ts';
export {
  emphasisRules,
  maskedContents,
  noiseSources,
  type PictureSettings,
  presetNames,
  resizeModes,
} from './settings/schema.ts';
export { type PictureWish, type SettleOptions, settlePictures } from './settings/settle.ts';
export {
  type DrawHooks,
  type FileWish,
  type FinishedPicture,
  openWorkshop,
  type Workshop,
} from './workshop.ts';
