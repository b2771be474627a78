/** @file The `parameters` text of A1111: how a picture was made, readable by every tool of the field. */

export interface Infotext {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** Fields in the order they are written; undefined ones are left out. */
  readonly fields: Readonly<Record<string, string | number | undefined>>;
}

const negativeStart = 'Negative prompt:';
const needsQuotes = /[,:\n]/;
const quote = (value: string): string => (needsQuotes.test(value) ? JSON.stringify(value) : value);

export function writeInfotext({ prompt, negativePrompt, fields }: Infotext): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${quote(String(value))}`],
  );
  const lines = [prompt, ...(negativePrompt ? [`${negativeStart} ${negativePrompt}`] : []), pairs.join(', ')];
  return lines.join('\n').trim();
}

/**
 * A1111's `re_param`, whose `\w` is Unicode's. The lookbehind only starts it where a run of key characters starts;
 * it finds the same keys and keeps the search linear.
 */
const fieldPattern =
  /(?<![\p{L}\p{N}_ \-/])[ \-/]*([\p{L}\p{N}_][\p{L}\p{N}_ \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/gu;

/** Longer lines are no fields; a pattern with a choice in a loop needs memory for every character. */
const longestFields = 2 ** 20;

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** Reads what `writeInfotext` and A1111 write. The last line counts as fields when it holds at least three. */
export function parseInfotext(text: string): {
  prompt: string;
  negativePrompt: string;
  fields: Record<string, string>;
} {
  const lines = text
    .trim()
    .split('\n')
    .map(line => line.trim());
  const last = lines.at(-1) ?? '';
  const found = last.length > longestFields ? [] : [...last.matchAll(fieldPattern)];
  const hasFields = found.length >= 3;
  if (hasFields) lines.pop();
  const isStart = (line: string): boolean => line.startsWith(negativeStart);
  const start = lines.findIndex(isStart);
  const split = start < 0 ? lines.length : start;
  const negative = lines
    .slice(split)
    .map(line => (isStart(line) ? line.slice(negativeStart.length).trim() : line));
  return {
    prompt: lines.slice(0, split).join('\n').trim(),
    negativePrompt: negative.join('\n').trim(),
    fields: Object.fromEntries(hasFields ? found.map(([, key, value]) => [key, unquote(value)]) : []),
  };
}
