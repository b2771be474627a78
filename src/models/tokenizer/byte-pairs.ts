/** @file Byte-pair encoding as CLIP does it (openai/CLIP simple_tokenizer; Sennrich et al. 2016). */

/** Bytes as printable characters: printable Latin-1 stands for itself, the rest is moved to U+0100 and up. */
export function byteAlphabet(): Map<number, string> {
  const alphabet = new Map<number, string>();
  const printable = (b: number): boolean => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
  let extra = 0;
  for (let b = 0; b < 256; b++) alphabet.set(b, String.fromCharCode(printable(b) ? b : 256 + extra++));
  return alphabet;
}

/** Ranks of merges, keyed by the two symbols with a space between. */
export type MergeRanks = ReadonlyMap<string, number>;

/** Splits one word (as byte characters) into symbols; the last carries `</w>`. */
export function mergeWord(word: string, ranks: MergeRanks): string[] {
  const symbols = [...word];
  symbols[symbols.length - 1] += '</w>';
  while (symbols.length > 1) {
    let best = Number.POSITIVE_INFINITY;
    let pair = '';
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? Number.POSITIVE_INFINITY;
      if (rank < best) [best, pair] = [rank, `${symbols[i]} ${symbols[i + 1]}`];
    }
    if (best === Number.POSITIVE_INFINITY) break;
    for (let i = 0; i + 1 < symbols.length; i++) {
      if (`${symbols[i]} ${symbols[i + 1]}` === pair) symbols.splice(i, 2, symbols[i] + symbols[i + 1]);
    }
  }
  return symbols;
}
