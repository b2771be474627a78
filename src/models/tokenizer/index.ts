export { type ClipTokenizer, type Encoded, openTokenizer } from './tokenizer.ts';
