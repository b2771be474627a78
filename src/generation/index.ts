/** Generation: prompts and LoRAs to pictures that know how they were made. */
export { findLora, type GivenLora, loraName, parseLoraOption } from './find-lora.ts';
export {
  checkRequest,
  type GenerateRequest,
  type Generator,
  openGenerator,
  type Picture,
  type PictureRequest,
} from './generator.ts';
export type { ChosenLora } from './lora-sets.ts';
export { type Infotext, parseInfotext, writeInfotext } from './metadata/infotext.ts';
export { type MentionedLora, openPictureText, type PictureSettings } from './metadata/picture-text.ts';
export { extractLoraTags, type LoraTag } from './prompt/lora-tags.ts';
