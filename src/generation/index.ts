/** Generation: prompts and LoRAs to pictures that know how they were made. */
export { findLora, parseLoraOption } from './find-lora.ts';
export {
  type GenerateRequest,
  type Generator,
  openGenerator,
  type Picture,
  type PictureRequest,
} from './generator.ts';
export { type Infotext, parseInfotext, writeInfotext } from './metadata/infotext.ts';
export { extractLoraTags, type LoraTag } from './prompt/lora-tags.ts';
