export { type ClipTokenizer, type Encoded, openClipTokenizer, openTokenizer } from './tokenizer.ts';
