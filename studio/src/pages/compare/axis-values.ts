/** @file Counting what an axis holds as it is typed, by the rules of `lora compare`; the studio reads it again. */

export type Counted = { readonly count: number } | { readonly error: string };

/** Values of a list with commas; one with a comma stands in quotes. Undefined where a quote is not closed. */
export function splitValues(text: string): string[] | undefined {
  const values: string[] = [];
  let value = '';
  let isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (isQuoted && character === '"' && text[i + 1] === '"') {
      value += '"';
      i++;
    } else if (character === '"' && (isQuoted || value.trim() === '')) {
      isQuoted = !isQuoted;
      if (!isQuoted && value === '') value = '""';
    } else if ((character === ',' || character === '\n') && !isQuoted) {
      values.push(value.trim());
      value = '';
    } else value += character;
  }
  if (isQuoted) return undefined;
  return [...values, value.trim()];
}

/** A value as it has to be written. */
export const quoted = (value: string): string =>
  /[,"\n]/.test(value) || value === '' ? `"${value.replaceAll('"', '""')}"` : value;

const numeral = String.raw`[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)`;
const range = new RegExp(
  String.raw`^(${numeral})\s*-\s*(${numeral})\s*(?:\(\s*(${numeral})\s*\)|\[\s*(\d+)\s*\])?$`,
);
const plain = (text: string): number => Number(text.replaceAll(/\s/g, ''));

function countNumber(value: string, isWhole: boolean): Counted {
  if (value !== '' && Number.isFinite(Number(value)))
    return isWhole && !/^\d+$/.test(value) ? { error: `${value} is not a whole number` } : { count: 1 };
  const match = range.exec(value);
  if (!match) return { error: `${value} is not a number. Ranges: 1-5, 1-5 (+2), 0-1 [5]` };
  const [from, to] = [plain(match[1]!), plain(match[2]!)];
  if (match[4] !== undefined) {
    const count = Number(match[4]);
    return count > 0 ? { count } : { error: `${value} asks for no values` };
  }
  const step = match[3] === undefined ? Math.sign(to - from) || 1 : plain(match[3]);
  if (step === 0 || (to - from) * step < 0) return { error: `${value} does not arrive by steps of ${step}` };
  return { count: Math.floor((to - from) / step + 1e-9) + 1 };
}

/** How many values a text holds, or what is wrong with it. */
export function countValues(text: string, kind: 'numbers' | 'whole' | 'words'): Counted {
  if (text.trim() === '') return { error: 'Values are missing' };
  const values = splitValues(text);
  if (!values) return { error: 'A quote is not closed' };
  if (values.includes('')) return { error: 'A value is empty; write "" for no text' };
  if (kind === 'words') return { count: values.length };
  let count = 0;
  for (const value of values) {
    const counted = countNumber(value, kind === 'whole');
    if ('error' in counted) return counted;
    count += counted.count;
  }
  return { count };
}
