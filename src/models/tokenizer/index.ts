export { byteAlphabet } from './byte-pairs.ts';
export {
  type ClipTokenizer,
  type Encoded,
  type NewIds,
  type NewWord,
  openClipTokenizer,
  openTokenizer,
  type ReadWord,
} from './tokenizer.ts';
