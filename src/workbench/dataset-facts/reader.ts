/** @file How the run that a report is for reads: its family, its size, its tokenizer. */
import { type CaptionFacts, lookUpWord, readCaption, type WordKnowledge } from '../../dataset/index.ts';
import {
  byteAlphabet,
  type Checkpoint,
  type ClipTokenizer,
  type Family,
  openClipTokenizer,
} from '../../models/index.ts';
import { mostCaptionChunks } from '../../training/index.ts';

export interface Reader {
  readonly name: string;
  readonly family: Family;
  /** That the base was made for, pixels a side. */
  readonly resolution: number;
  readonly readCaption: (caption: string) => CaptionFacts;
  readonly lookUp: (word: string) => WordKnowledge;
}

/** For `--family` alone, without a base at hand: the size that each family was made for. */
const usualSizes: Readonly<Record<Exclude<Family, 'pocket'>, number>> = { sd15: 512, sd2: 768, sdxl: 1024 };

/** Symbols as text, each with the letters that it ends; `</w>` ends a word. */
function symbolTexts(): (symbols: readonly string[]) => string[] {
  const byteOf = new Map([...byteAlphabet()].map(([byte, character]) => [character, byte]));
  return symbols => {
    const decoder = new TextDecoder();
    return symbols.map(symbol => {
      const isEnd = symbol.endsWith('</w>');
      const bytes = [...symbol.replace(/<\/w>$/, '')].map(character => byteOf.get(character) ?? 0x3f);
      return decoder.decode(Uint8Array.from(bytes), { stream: !isEnd }) + (isEnd ? ' ' : '');
    });
  };
}

/** The longest line counts where wildcards draw one of several. */
function longestLine(caption: string, tokenizer: ClipTokenizer): string {
  const lines = caption.split('\n');
  const length = (line: string): number => tokenizer.encode(line, mostCaptionChunks).tokens.length;
  return lines.length === 1 ? caption : lines.reduce((a, b) => (length(b) > length(a) ? b : a));
}

function readerOf(name: string, family: Family, resolution: number, tokenizer: ClipTokenizer): Reader {
  const textsOf = symbolTexts();
  // Whether a word means something is a question to CLIP, also where a small model has words of its own.
  const clip = openClipTokenizer('<|endoftext|>');
  return {
    ...{ name, family, resolution },
    readCaption: caption =>
      readCaption(tokenizer, longestLine(caption, tokenizer), mostCaptionChunks, textsOf),
    lookUp: word => lookUpWord(clip, word),
  };
}

/** Without a base at hand, for a family that has one size. */
export const readerOfFamily = (family: Exclude<Family, 'pocket'>): Reader =>
  readerOf(family, family, usualSizes[family], openClipTokenizer('<|endoftext|>'));

export const readerOfBase = ({ name, family, resolution, textEncoder }: Checkpoint): Reader =>
  readerOf(name, family, resolution, textEncoder.tokenizer);
