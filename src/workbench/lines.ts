/** @file Reports in lines for people: labelled fields and tables, no wider than 100 columns. */

export const lineWidth = 100;

/** Control characters of a file's texts would reach the terminal. */
export const oneLine = (text: string): string => text.replace(/\s*\p{Cc}+\s*/gu, ' ');

/** Breaks at spaces; a word that is too long keeps a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of oneLine(text).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const labelWidth = 11;

/** `  kind       LoRA …`, further lines below the first. */
export function field(label: string, text: string): string[] {
  const indent = 2 + labelWidth;
  return wrap(text, lineWidth - indent).map(
    (line, i) => `  ${(i === 0 ? label : '').padEnd(labelWidth)}${line}`,
  );
}

/** Columns as wide as their widest cell; `right` are those with numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map(row => row[column].length))) ?? [];
  return rows.map(row =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd(),
  );
}

/** A bar of eighths of a character. */
export function bar(part: number, whole: number, width = 24): string {
  const eighths = whole > 0 ? Math.round((8 * width * part) / whole) : 0;
  const rest = ' ▏▎▍▌▋▊▉'[eighths % 8];
  return '█'.repeat(Math.floor(eighths / 8)) + rest.trim();
}

/** 1234.5 → `1,235`, 0.012345 → `0.0123` */
export function number(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  if (x !== 0 && Math.abs(x) < 0.001) return x.toExponential(1);
  return Math.abs(x) < 1000 ? String(Number(x.toPrecision(3))) : Math.round(x).toLocaleString('en');
}

/** 0.4567 → `45.7 %` */
export const percent = (x: number): string => `${(100 * x).toFixed(x > 0.0995 || x === 0 ? 0 : 1)} %`;

/** A long path or name with its beginning left out. */
export const tail = (text: string, width: number): string =>
  text.length <= width ? text : `…${text.slice(text.length - width + 1)}`;

/** A cosine, with more digits close to 1; `—` where there is none. */
export function cosineText(cosine: number | undefined): string {
  if (cosine === undefined) return '—';
  const text = cosine.toFixed(cosine > 0.999 && cosine < 1 - 1e-9 ? 6 : 4);
  return Number(text) === 0 ? '0.0000' : text;
}

/** A text with its end left out. */
export const start = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;

/** `3 modules`, `1 module` */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
