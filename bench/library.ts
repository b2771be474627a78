/**
 * @file The library with many LoRAs: first index, warm start, scan with nothing new, and search.
 * `node bench/library.ts [files]` (30,000 unless said) writes sparse files with kohya's headers into a temporary folder.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CardQuery, openLibrary } from '../src/library/index.ts';
import { dataFolderAt, makeDataFolders, table } from '../src/workbench/index.ts';
import { writeCollection } from '../test/support/lora-collection.ts';

interface Measured {
  readonly what: string;
  readonly milliseconds: number;
  readonly limit: number | undefined;
}

const minutes = 60_000;

const queries: readonly (readonly [what: string, query: CardQuery])[] = [
  ['all, by name', {}],
  ['all, newest', { sort: 'newest' }],
  ['one of each series', { grouped: true }],
  ['page 200', { offset: 200 * 60 }],
  ['one letter', { text: 'a' }],
  ['one letter, by name', { text: 'k', sort: 'name' }],
  ['one letter, grouped', { text: 's', grouped: true }],
  ['a word that a third have', { text: 'style' }],
  ['three words', { text: 'mo style v2' }],
  ['no such word', { text: 'qqqq' }],
  ['family and size', { family: 'SDXL', sort: 'size' }],
];

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Of one that is asked for the first time, and of the middle one of nine. */
function timesOf(work: () => unknown): { first: number; usual: number } {
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return { first: times[0], usual: median(times) };
}

async function timed<T>(work: () => T | Promise<T>): Promise<{ result: T; milliseconds: number }> {
  const start = performance.now();
  const result = await work();
  return { result, milliseconds: performance.now() - start };
}

/** The longest that others had to wait while `work` went on. */
async function longestWait(work: () => Promise<unknown>): Promise<number> {
  let [last, longest] = [performance.now(), 0];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  await work();
  clearInterval(timer);
  return longest;
}

async function measure(root: string, count: number): Promise<Measured[]> {
  const rows: Measured[] = [];
  const add = (what: string, milliseconds: number, limit?: number): void =>
    void rows.push({ what, milliseconds, limit });
  const written = await timed(() => writeCollection(join(root, 'loras'), count));
  add(`(writing ${count} files)`, written.milliseconds);
  const data = dataFolderAt(join(root, 'data'));
  makeDataFolders(data);
  const first = openLibrary(data);
  first.addFolder(join(root, 'loras'));
  let indexed = 0;
  const wait = await longestWait(async () => {
    indexed = (await timed(() => first.scan())).milliseconds;
  });
  add('first index', indexed, 5 * minutes);
  add('  longest that the process did not answer', wait);
  first.close();
  const warm = await timed(() => {
    const library = openLibrary(data);
    library.search({ text: 'style' });
    return library;
  });
  add('warm start until a search is answered', warm.milliseconds, 1000);
  const library = warm.result;
  const again = await timed(() => library.scan());
  add('  scan with nothing new', again.milliseconds);
  for (const [what, query] of queries) {
    const { first: cold, usual } = timesOf(() => library.search(query));
    add(`search: ${what} (${library.search(query).total})`, usual, 30);
    add('  for the first time', cold);
  }
  add('facets', timesOf(() => library.facets()).usual);
  const [card] = library.search({ text: 'style' }).cards;
  add('a whole card', timesOf(() => library.card(card.id)).usual);
  library.close();
  return rows;
}

const showTime = (ms: number): string =>
  ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(1)} ms`;

const root = mkdtempSync(join(tmpdir(), 'lora-library-bench-'));
try {
  const rows = await measure(root, Number(process.argv[2] ?? 30_000));
  console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`);
  const lines = rows.map(({ what, milliseconds, limit }) => [
    what,
    showTime(milliseconds),
    limit === undefined ? '' : showTime(limit),
    limit === undefined ? '' : milliseconds <= limit ? 'yes' : 'NO',
  ]);
  for (const line of table([['what', 'measured', 'to reach', 'reached'], ...lines])) console.log(line);
  if (rows.some(({ milliseconds, limit }) => limit !== undefined && milliseconds > limit))
    process.exitCode = 1;
} finally {
  rmSync(root, { recursive: true });
}
