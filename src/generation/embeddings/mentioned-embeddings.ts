/** @file Which textual inversions some prompts mention, in A1111's, ComfyUI's and diffusers' way of writing. */
import { LoraError } from '../../errors.ts';
import type { LoraEmbedding } from '../../lora/index.ts';
import type { Embeddings } from './open-embeddings.ts';
import { type EmbeddingFile, fitEmbedding, type TextWidths } from './read-embedding.ts';

export interface MentionedEmbedding extends LoraEmbedding {
  /** As it stands in the prompt: `easynegative`, `embedding:easynegative`, `<cat-toy>`. */
  readonly word: string;
  /** Of the file; with its hash, what A1111 states as `TI` and `TI hashes`. */
  readonly name: string;
  readonly path: string;
  /** sha256 of the file. */
  readonly hash: string;
}

export interface MentionedEmbeddings {
  readonly embeddings: MentionedEmbedding[];
  /** What looks like one and is none for this checkpoint. */
  readonly findings: string[];
}

export interface MentionOptions {
  /**
   * `a1111`: names as whole words, and both others; `comfy`: `embedding:name`; `plain`: `<name>` where there is one, as in
   * diffusers, where everything else is text.
   */
  readonly syntax: 'a1111' | 'comfy' | 'plain';
  readonly widths: TextWidths;
  /** Words that mean something already: those of LoRAs. */
  readonly known?: readonly string[];
}

const explicit = /embedding:([^\s,()<>[\]{}|:"]+)/giu;
const angled = /<([^\s<>:|]{1,200})>/gu;
const letter = /\p{L}/u;
const letterOrDigit = /[\p{L}\p{N}]/u;

interface Reference {
  readonly word: string;
  readonly name: string;
  readonly kind: 'explicit' | 'angled';
}

function* referencesIn(text: string, syntax: MentionOptions['syntax']): Generator<Reference> {
  if (syntax !== 'plain')
    for (const [word, name] of text.matchAll(explicit)) {
      const trailing = /\.*$/.exec(name)?.[0].length ?? 0;
      const end = (part: string): string => part.slice(0, part.length - trailing);
      yield { word: end(word), name: end(name), kind: 'explicit' };
    }
  if (syntax !== 'comfy')
    for (const [word, name] of text.matchAll(angled))
      if (letter.test(name)) yield { word, name, kind: 'angled' };
}

/** Names that stand in a text as whole words; of those that overlap, the longest. */
function namesIn(text: string, names: readonly string[]): string[] {
  let left = text.toLowerCase();
  const found: string[] = [];
  for (const name of [...names].sort((a, b) => b.length - a.length)) {
    const wanted = name.toLowerCase();
    const places: number[] = [];
    for (let at = left.indexOf(wanted); at >= 0; at = left.indexOf(wanted, at + 1)) {
      const [before, after] = [left[at - 1] ?? ' ', left[at + wanted.length] ?? ' '];
      if (!letterOrDigit.test(before) && !letterOrDigit.test(after)) places.push(at);
    }
    if (places.length === 0) continue;
    found.push(name);
    left = blanked(left, places, wanted.length);
  }
  return found;
}

/** The text with zero characters at some places, which no name has. */
function blanked(text: string, places: readonly number[], length: number): string {
  const pieces: string[] = [];
  let at = 0;
  for (const place of places) {
    if (place < at) continue;
    pieces.push(text.slice(at, place), '\0'.repeat(length));
    at = place + length;
  }
  return [...pieces, text.slice(at)].join('');
}

const nameOf = ({ path }: EmbeddingFile): string =>
  (path.split(/[\\/]/).at(-1) ?? path).replace(/\.[^.]*$/, '');

const mentioned = (word: string, file: EmbeddingFile, widths: TextWidths): MentionedEmbedding => ({
  ...{ word, name: nameOf(file), path: file.path, hash: file.hash },
  vectors: fitEmbedding(file, widths),
});

function fileOf({ kind, name, word }: Reference, embeddings: Embeddings): EmbeddingFile | undefined {
  if (kind === 'explicit') return embeddings.find(name);
  return embeddings.find(name) ?? embeddings.find(word) ?? embeddings.findToken(word);
}

/** What is wrong with a file, or with where it lies. */
const fileCodes = /^(?:EMBEDDING|FORMAT|TORCH)_|^PICKLE_REFUSED$/;

/** A name that is just a word of the prompt stays one where its file cannot be used: nobody need have meant it. */
function bareWord(
  name: string,
  embeddings: Embeddings,
  widths: TextWidths,
): MentionedEmbedding | string | undefined {
  try {
    const file = embeddings.find(name);
    return file && mentioned(name, file, widths);
  } catch (error) {
    if (!(error instanceof LoraError) || !fileCodes.test(error.code)) throw error;
    return `"${name}" in the prompt stays a word: ${error.message}`;
  }
}

/**
 * The embeddings that prompts mention, fitted to a checkpoint; only their files are opened. Throws EMBEDDING_NOT_FOUND
 * with near names for `embedding:x` and `<x>` that no file has, EMBEDDING_AMBIGUOUS, EMBEDDING_FAMILY, and what
 * `readEmbedding` throws; for names that are just words these are findings.
 */
export function mentionedEmbeddings(
  prompts: readonly string[],
  embeddings: Embeddings,
  { syntax, widths, known = [] }: MentionOptions,
): MentionedEmbeddings {
  const byWord = new Map<string, MentionedEmbedding>();
  const findings = new Set<string>();
  const isKnown = new Set(known.map(word => word.toLowerCase()));
  for (const prompt of prompts) {
    let rest = prompt;
    for (const reference of referencesIn(prompt, syntax)) {
      const key = reference.word.toLowerCase();
      if (isKnown.has(key) || isKnown.has(reference.name.toLowerCase()) || byWord.has(key)) continue;
      const file = fileOf(reference, embeddings);
      if (file) byWord.set(key, mentioned(reference.word, file, widths));
      else if (syntax !== 'plain') throw embeddings.missing(reference.word, reference.name);
    }
    if (syntax !== 'a1111') continue;
    rest = rest.replace(explicit, '\0').replace(angled, '\0');
    for (const name of namesIn(rest, [...embeddings.names(), ...known])) {
      const key = name.toLowerCase();
      if (isKnown.has(key) || byWord.has(key)) continue;
      const found = bareWord(name, embeddings, widths);
      if (typeof found === 'string') findings.add(found);
      else if (found) byWord.set(key, found);
    }
  }
  return { embeddings: [...byWord.values()], findings: [...findings] };
}
