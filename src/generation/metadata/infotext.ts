/** @file The `parameters` text of A1111: how a picture was made, readable by every tool of the field. */

export interface Infotext {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** Fields in the order they are written; undefined ones are left out. */
  readonly fields: Readonly<Record<string, string | number | undefined>>;
}

const needsQuotes = /[,:\n]/;
const quote = (value: string): string => (needsQuotes.test(value) ? JSON.stringify(value) : value);

export function writeInfotext({ prompt, negativePrompt, fields }: Infotext): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${quote(String(value))}`],
  );
  const lines = [prompt, ...(negativePrompt ? [`Negative prompt: ${negativePrompt}`] : []), pairs.join(', ')];
  return lines.join('\n').trim();
}

const fieldPattern = /\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)/g;

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
  const lines = text.trim().split('\n');
  const found = [...(lines.at(-1) ?? '').matchAll(fieldPattern)];
  const fields: Record<string, string> = {};
  if (found.length >= 3) {
    lines.pop();
    for (const [, key, value] of found) fields[key] = unquote(value.trim());
  }
  const start = lines.findIndex(line => line.startsWith('Negative prompt:'));
  const prompt = (start < 0 ? lines : lines.slice(0, start)).join('\n').trim();
  const negative = start < 0 ? '' : lines.slice(start).join('\n').slice('Negative prompt:'.length).trim();
  return { prompt, negativePrompt: negative, fields };
}
