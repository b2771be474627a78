/** @file Which cells are on which sheet, and what the sheets are called. */

/** A sheet of x and y, or of a part of them. */
export interface GridSheet {
  /** Its name in the folder of the grid. */
  readonly file: string;
  /** Positions on x from left to right, and on y from top to bottom. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Position on each z. */
  readonly z: readonly number[];
}

/** Every combination, the first axis changing first. */
export function* positions(counts: readonly number[]): Generator<number[]> {
  const total = counts.reduce((product, count) => product * count, 1);
  for (let i = 0; i < total; i++) {
    let rest = i;
    yield counts.map(count => {
      const at = rest % count;
      rest = Math.floor(rest / count);
      return at;
    });
  }
}

/** Of more rows or columns nobody would see a picture. */
const mostOnSheet = 100;

/** 0 … count − 1 in parts of the same length, one less in some. */
function partsOf(count: number): number[][] {
  const parts = Math.ceil(count / mostOnSheet);
  const from = (part: number): number => Math.round((part * count) / parts);
  return Array.from({ length: parts }, (_, part) =>
    Array.from({ length: from(part + 1) - from(part) }, (_, i) => from(part) + i),
  );
}

/** Sheets of axes with so many values each: x, y, then each z; `nameOf` says what a position on z is called. */
export function sheetsOf(
  [columns, rows, ...z]: readonly number[],
  nameOf: (at: readonly number[]) => string,
): GridSheet[] {
  const [xs, ys] = [partsOf(columns), partsOf(rows)];
  const isWhole = xs.length === 1 && ys.length === 1;
  const taken = new Set<string>();
  return [...positions([xs.length, ys.length, ...z])].map(([xPart, yPart, ...at]) => {
    const part = isWhole ? '' : `part-${1 + xPart + xs.length * yPart}`;
    const stem = ['sheet', nameOf(at), part].filter(word => word !== '').join('_');
    // Long labels may be cut to the same name.
    const file = taken.has(stem) ? `${stem}_${taken.size + 1}.png` : `${stem}.png`;
    taken.add(stem);
    return { file, x: xs[xPart], y: ys[yPart], z: at };
  });
}
