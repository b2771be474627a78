/**
 * @file JSON as the safetensors library reads it (serde_json): strict, no rounding of integers, no member lost. What
 * `JSON.parse` would hide decides here: names that come twice, `1.0` where an integer belongs, lone surrogates.
 */
import { isUtf8 } from 'node:buffer';

/** Members in the order of the file, those of one name all kept. */
export interface JsonObject {
  readonly members: readonly (readonly [name: string, value: Json])[];
}

/** A number with a fraction or an exponent, `-0`, or one beyond 64 bits. */
export interface JsonFloat {
  readonly float: number;
}

/** Integers are numbers where a number is exact, else bigints. */
export type Json = null | boolean | string | number | bigint | JsonFloat | JsonObject | readonly Json[];

/** serde_json's limit on values inside values. */
const deepest = 127;

const c = {
  ...{ quote: 0x22, backslash: 0x5c, comma: 0x2c, colon: 0x3a, minus: 0x2d, plus: 0x2b, dot: 0x2e },
  ...{ openBrace: 0x7b, closeBrace: 0x7d, openBracket: 0x5b, closeBracket: 0x5d, zero: 0x30, nine: 0x39 },
};

const escapes: Readonly<Record<string, string>> = {
  ...{ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' },
};

const words = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
const isDigit = (code: number): boolean => code >= c.zero && code <= c.nine;

/** Why a header is no JSON, and where. */
export class JsonError extends Error {
  constructor(why: string, at: number) {
    super(`${why} at character ${at}`);
    this.name = 'JsonError';
  }
}

class Reader {
  private at = 0;
  private depth = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The code of the next character; NaN at the end. */
  private get next(): number {
    return this.text.charCodeAt(this.at);
  }

  /** The one value that the whole text is. */
  whole(): Json {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) throw this.error('text after the end');
    return value;
  }

  private error(why: string): JsonError {
    return new JsonError(why, this.at);
  }

  private space(): void {
    while (isSpace(this.next)) this.at++;
  }

  private expect(code: number): void {
    if (this.next !== code) throw this.error(`no ${String.fromCharCode(code)}`);
    this.at++;
  }

  private value(): Json {
    this.space();
    const code = this.next;
    if (code === c.quote) return this.string();
    if (code === c.openBrace) return this.nested(() => this.object());
    if (code === c.openBracket) return this.nested(() => this.array());
    if (code === c.minus || isDigit(code)) return this.number();
    for (const [word, value] of words) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    throw this.error('no value');
  }

  private nested<T>(read: () => T): T {
    this.at++;
    if (++this.depth > deepest) throw this.error('values inside values too deep');
    const value = read();
    this.depth--;
    return value;
  }

  /** Reads `item`s with commas between them up to `end`. */
  private list(end: number, item: () => void): void {
    this.space();
    if (this.next === end) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      this.space();
      if (this.next === end) break;
      this.expect(c.comma);
    }
    this.at++;
  }

  private array(): Json[] {
    const values: Json[] = [];
    this.list(c.closeBracket, () => values.push(this.value()));
    return values;
  }

  private object(): JsonObject {
    const members: [string, Json][] = [];
    this.list(c.closeBrace, () => {
      this.space();
      const name = this.string();
      this.space();
      this.expect(c.colon);
      members.push([name, this.value()]);
    });
    return { members };
  }

  private string(): string {
    this.expect(c.quote);
    let whole = '';
    for (let start = this.at; ; this.at++) {
      const code = this.next;
      if (code === c.quote) return whole + this.text.slice(start, this.at++);
      // NaN, the end, is no larger than anything either.
      if (!(code >= 0x20)) throw this.error('a string that does not end');
      if (code !== c.backslash) continue;
      whole += this.text.slice(start, this.at) + this.escape();
      start = this.at--;
    }
  }

  private escape(): string {
    const letter = this.text.charAt(this.at + 1);
    if (Object.hasOwn(escapes, letter)) {
      this.at += 2;
      return escapes[letter];
    }
    const first = this.unit();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    const second = first < 0xdc00 && this.next === c.backslash ? this.unit() : 0;
    if (second < 0xdc00 || second > 0xdfff) throw this.error('half of a surrogate pair');
    return String.fromCharCode(first, second);
  }

  /** `\u` and four digits. */
  private unit(): number {
    const text = this.text.slice(this.at, this.at + 6);
    if (!/^\\u[0-9a-fA-F]{4}$/.test(text)) throw this.error('a wrong escape');
    this.at += 6;
    return Number.parseInt(text.slice(2), 16);
  }

  private digits(): void {
    if (!isDigit(this.next)) throw this.error('no digit');
    while (isDigit(this.next)) this.at++;
  }

  /** Fraction and exponent; false where there is neither. */
  private fraction(): boolean {
    const start = this.at;
    if (this.next === c.dot) {
      this.at++;
      this.digits();
    }
    if ((this.next | 0x20) === 0x65) {
      this.at++;
      if (this.next === c.minus || this.next === c.plus) this.at++;
      this.digits();
    }
    return this.at > start;
  }

  /** The usual number, without a string of its own: headers hold ten a tensor. */
  private shortInteger(start: number): number {
    let value = 0;
    for (let i = start; i < this.at; i++) value = 10 * value + this.text.charCodeAt(i) - c.zero;
    return value;
  }

  private number(): number | bigint | JsonFloat {
    const start = this.at;
    if (this.next === c.minus) this.at++;
    if (this.next === c.zero) this.at++;
    else this.digits();
    if (isDigit(this.next)) throw this.error('a number that begins with 0');
    const end = this.at;
    const isFloat = this.fraction();
    if (!isFloat && end - start <= 15 && this.text.charCodeAt(start) !== c.minus)
      return this.shortInteger(start);
    const text = this.text.slice(start, this.at);
    const float = Number(text);
    if (!Number.isFinite(float)) throw this.error('a number out of range');
    if (isFloat || Object.is(float, -0)) return { float };
    return Number.isSafeInteger(float) ? float : large(text, float);
  }
}

/** An integer that a number does not hold exactly: in 64 bits, or else a float, as serde_json has it. */
function large(text: string, float: number): bigint | JsonFloat {
  const value = BigInt(text);
  return value < 2n ** 64n && value >= -(2n ** 63n) ? value : { float };
}

/** The JSON value that `bytes` are. Throws JsonError. */
export function readJson(bytes: Uint8Array): Json {
  if (!isUtf8(bytes)) throw new JsonError('bytes that are no UTF-8', 0);
  const { buffer, byteOffset, byteLength } = bytes;
  return new Reader(Buffer.from(buffer, byteOffset, byteLength).toString('utf8')).whole();
}
