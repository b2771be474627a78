/**
 * @file `{a|b}` and `__name__` as syntax: what sd-dynamic-prompts (the `dynamicprompts` package) reads, but for comments,
 * variables and its cyclic and combinatorial orders, which make sense over many prompts only.
 */
import { usageError } from '../../errors.ts';
import { characterAt } from './character-at.ts';
import { tagAt } from './tag-span.ts';

export interface Option {
  readonly weight: number;
  readonly parts: readonly TemplatePart[];
}

export interface Alternatives {
  readonly kind: 'alternatives';
  readonly options: readonly Option[];
  /** How many of them are taken. */
  readonly least: number;
  readonly most: number;
  readonly separator: string;
  readonly position: number;
}

export interface WildcardName {
  readonly kind: 'wildcard';
  readonly name: string;
  readonly position: number;
}

export type TemplatePart = string | Alternatives | WildcardName;

const bounds = /(?:(\d{1,6})(-(\d{1,6})?)?|-(\d{1,6}))\$\$/y;
const separatorPattern = /([^${}]*)\$\$/y;
const weightPattern = /(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})::/y;
/** A name may have spaces within, and `(` only for what is not supported. */
const wildcardPattern = /__(?!_)((?:(?!__)[^\n,{}|<>$#"]){1,200})__/y;
const variable = /\$\{\s*[\p{L}_-][\w-]*\s*[?=:}]/uy;

/** Text that cannot be the beginning of anything. */
const plainText = /[^\\<$%{_|}]+/y;

const deepest = 100;
const mostAlternatives = 5000;

function invalid(why: string, position: number, origin: string): Error {
  const message = `${origin}: ${why} at character ${characterAt(position)}`;
  return usageError(
    'PROMPT_ALTERNATIVES',
    message,
    'Write {a|b}, {2$$a|b|c} or __name__; \\{ is a plain brace.',
  );
}

/** Matches at `at` and gives the match; the pattern is sticky. */
function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

class TemplateReader {
  #at = 0;
  #alternativesRead = 0;
  readonly #text: string;
  readonly #origin: string;
  /** Beyond it no tag can end. */
  readonly #lastClose: number;

  constructor(text: string, origin: string) {
    this.#text = text;
    this.#origin = origin;
    this.#lastClose = text.lastIndexOf('>');
  }

  /** Up to the end, or within braces up to `|` or `}`. */
  parts(depth: number): TemplatePart[] {
    const found: TemplatePart[] = [];
    let from = this.#at;
    const flush = (): void => {
      if (this.#at > from) found.push(this.#text.slice(from, this.#at));
    };
    while (this.#at < this.#text.length) {
      const sign = this.#text[this.#at];
      if (depth > 0 && (sign === '|' || sign === '}')) break;
      const special = this.#special(sign, depth, flush);
      if (typeof special === 'number') this.#at += special;
      else {
        found.push(special);
        from = this.#at;
      }
    }
    flush();
    return found;
  }

  /** What begins here, read whole; or how many characters of plain text go by. */
  #special(sign: string, depth: number, flush: () => void): TemplatePart | number {
    if (sign === '\\') return 2;
    if (sign === '<') return this.#tagLength();
    if (sign === '$' && matchAt(variable, this.#text, this.#at))
      throw invalid('variables are not supported', this.#at, this.#origin);
    if (sign === '%' && this.#text[this.#at + 1] === '{')
      throw invalid('%{ is not supported', this.#at, this.#origin);
    if (sign === '{') {
      flush();
      return this.#alternatives(depth + 1);
    }
    const name = sign === '_' ? matchAt(wildcardPattern, this.#text, this.#at) : null;
    if (!name) return matchAt(plainText, this.#text, this.#at)?.[0].length ?? 1;
    flush();
    return this.#wildcard(name);
  }

  #tagLength(): number {
    const tag = this.#at < this.#lastClose ? tagAt(this.#text, this.#at) : undefined;
    return (tag?.end ?? this.#at + 1) - this.#at;
  }

  #wildcard([whole, name]: RegExpExecArray): TemplatePart {
    const position = this.#at;
    if (name.includes('(')) throw invalid(`${whole}: parameters are not supported`, position, this.#origin);
    this.#at += whole.length;
    // A space at either side: these are two words that happen to hold underscores.
    if (name !== name.trim()) return whole;
    return { kind: 'wildcard', name: this.#withoutOrder(name, position), position };
  }

  #withoutOrder(name: string, position: number): string {
    if (/^[!@]/.test(name)) throw invalid(`the order "${name[0]}" is not supported`, position, this.#origin);
    return name.replace(/^~/, '');
  }

  #alternatives(depth: number): Alternatives {
    const position = this.#at;
    if (depth > deepest) throw invalid(`more than ${deepest} braces within braces`, position, this.#origin);
    if (++this.#alternativesRead > mostAlternatives)
      throw invalid(`more than ${mostAlternatives} alternatives`, position, this.#origin);
    this.#at++;
    this.#skipOrder();
    const count = this.#count();
    const options: Option[] = [];
    do {
      if (options.length > 0) this.#at++;
      options.push(this.#option(depth));
    } while (this.#text[this.#at] === '|');
    if (this.#text[this.#at] !== '}') throw invalid('{ is not closed', position, this.#origin);
    this.#at++;
    return { kind: 'alternatives', options, position, ...count };
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && this.#text[this.#at].trim() === '') this.#at++;
  }

  #skipOrder(): void {
    this.#skipSpace();
    const sign = this.#text[this.#at];
    if (sign === '!' || sign === '@') this.#withoutOrder(sign, this.#at);
    if (sign === '~') this.#at++;
    this.#skipSpace();
  }

  #count(): Pick<Alternatives, 'least' | 'most' | 'separator'> {
    const match = /[\d-]/.test(this.#text[this.#at] ?? '') ? matchAt(bounds, this.#text, this.#at) : null;
    if (!match) return { least: 1, most: 1, separator: ',' };
    this.#at += match[0].length;
    const [, first, range, last, upTo] = match;
    const least = first === undefined ? 1 : Number(first);
    const most = first === undefined ? Number(upTo) : range === undefined ? least : Number(last ?? Infinity);
    const separator = matchAt(separatorPattern, this.#text, this.#at);
    this.#at += separator?.[0].length ?? 0;
    return {
      ...{ least: Math.min(least, most), most: Math.max(least, most) },
      separator: separator?.[1] ?? ',',
    };
  }

  #option(depth: number): Option {
    this.#skipSpace();
    const weight = /[\d.]/.test(this.#text[this.#at] ?? '')
      ? matchAt(weightPattern, this.#text, this.#at)
      : null;
    this.#at += weight?.[0].length ?? 0;
    return { weight: weight ? Number(weight[1]) : 1, parts: this.parts(depth) };
  }
}

/**
 * Reads a template; `origin` is what errors call it. LoRA tags and what follows a backslash are text. Throws
 * PROMPT_ALTERNATIVES with the position.
 */
export const parseTemplate = (text: string, origin: string): TemplatePart[] =>
  new TemplateReader(text, origin).parts(0);
