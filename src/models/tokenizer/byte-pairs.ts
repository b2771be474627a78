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

/** Merges by numbers: symbols are numbered, so that no text is joined to look a pair up. */
interface MergeTable {
  readonly numberOf: ReadonlyMap<string, number>;
  readonly symbols: readonly string[];
  /** Rank by `pairKey`. */
  readonly ranks: ReadonlyMap<number, number>;
  /** The symbol that the merge of a rank makes. */
  readonly made: readonly number[];
}

const pairKey = (left: number, right: number): number => left * 2 ** 22 + right;

const tables = new WeakMap<MergeRanks, MergeTable>();

function tableOf(merges: MergeRanks): MergeTable {
  const known = tables.get(merges);
  if (known) return known;
  const numberOf = new Map<string, number>();
  const symbols: string[] = [];
  const number = (symbol: string): number => {
    const found = numberOf.get(symbol) ?? symbols.length;
    if (found === symbols.length) {
      numberOf.set(symbol, found);
      symbols.push(symbol);
    }
    return found;
  };
  const ranks = new Map<number, number>();
  const made: number[] = [];
  for (const [pair, rank] of merges) {
    const [left, right] = pair.split(' ');
    ranks.set(pairKey(number(left), number(right)), rank);
    made[rank] = number(left + right);
  }
  const table = { numberOf, symbols, ranks, made };
  tables.set(merges, table);
  return table;
}

/** A binary heap, so that a word of a million letters takes n·log n. */
function push(heap: number[], item: number): void {
  let at = heap.length;
  heap.push(item);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent] <= item) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

/** Takes the lowest out of a heap that is not empty. */
function pop(heap: number[]): number {
  const first = heap[0];
  const item = heap.pop() as number;
  if (heap.length === 0) return first;
  let at = 0;
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
    if (item <= heap[child]) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
  return first;
}

/** No symbol: one that was merged into its left neighbour. */
const gone = -1;
/** Candidates are rank · places + place: the lowest rank comes first, then what stands further left. */
const places = 2 ** 32;

/** Splits one word (as byte characters) into symbols; the last carries `</w>`. */
export function mergeWord(word: string, merges: MergeRanks): string[] {
  const { numberOf, symbols, ranks, made } = tableOf(merges);
  const letters = [...word];
  const last = letters.length - 1;
  letters[last] += '</w>';
  // Letters that no merge knows have no number.
  const current = Int32Array.from(letters, letter => numberOf.get(letter) ?? gone);
  const merged = new Uint8Array(letters.length);
  const before = Int32Array.from(letters, (_, i) => i - 1);
  const after = Int32Array.from(letters, (_, i) => i + 1);
  const rankAt = (place: number): number | undefined => {
    const next = after[place];
    if (next > last || current[place] === gone || current[next] === gone) return undefined;
    return ranks.get(pairKey(current[place], current[next]));
  };
  const heap: number[] = [];
  const offer = (place: number): void => {
    const rank = place < 0 ? undefined : rankAt(place);
    if (rank !== undefined) push(heap, rank * places + place);
  };
  for (let place = 0; place < last; place++) offer(place);
  while (heap.length > 0) {
    const candidate = pop(heap);
    const place = candidate % places;
    const rank = (candidate - place) / places;
    if (merged[place] === 1 || rankAt(place) !== rank) continue; // what stood here was merged otherwise
    const next = after[place];
    current[place] = made[rank];
    merged[next] = 1;
    after[place] = after[next];
    if (after[next] <= last) before[after[next]] = place;
    offer(before[place]);
    offer(place);
  }
  return letters.flatMap((letter, i) =>
    merged[i] === 1 ? [] : [current[i] === gone ? letter : symbols[current[i]]],
  );
}
