/** @file The log of a job, as lines for people. */
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { LoraError } from '../../../errors.ts';
import { resolveInside } from '../../../files/index.ts';
import type { StudioContext } from '../../context.ts';
import { withoutPlaces } from '../../plain-places.ts';
import type { jobLogLine } from '../../schemas/jobs.ts';

type Line = z.output<typeof jobLogLine>;

const entry = z.looseObject({ time: z.number(), event: z.string() });
const mostBytes = 2 * 2 ** 20;

/** What the supervisor writes, in words; events that are not here are told as they are. */
const eventTexts: Readonly<Record<string, (facts: Readonly<Record<string, unknown>>) => string>> = {
  begins: () => 'begins',
  lost: () => 'another attempt took over',
  'asked to end': ({ why }) => `asked to end: ${String(why)}`,
  'given back': ({ why }) => `given back to the queue${why ? `: ${String(why)}` : ''}`,
  ended: ({ files }) => {
    const count = Array.isArray(files) ? files.length : 0;
    return count === 0 ? 'done' : `done: ${count} ${count === 1 ? 'file' : 'files'}`;
  },
  'log full': () => 'the log is full; nothing more is written down',
};

const isFault = (event: string): boolean => /fail|fault|died|crash|error|killed/i.test(event);

/** Facts of an entry, in the order in which they were written. */
function factsText(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
}

function lineOf(text: string): Line[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return []; // the empty line at the end, or a torn one
  }
  const read = entry.safeParse(json);
  if (!read.success) return [];
  const { time, event, attempt, text: said, message, ...facts } = read.data;
  const words = [said, message].find(words => typeof words === 'string' && words !== '') as
    | string
    | undefined;
  const told = Object.hasOwn(eventTexts, event) ? eventTexts[event](facts) : undefined;
  const what = words ?? told ?? [event, factsText(facts)].filter(part => part !== '').join(': ');
  const isWarning = /^warning\b/i.test(what);
  const level = isWarning ? 'warning' : isFault(event) ? 'error' : 'note';
  const which = typeof attempt === 'number' && attempt > 1 ? `attempt ${attempt}: ` : '';
  return [{ at: Math.max(0, Math.round(time)), level, text: `${which}${what}` }];
}

/** The end of the log where it is long. A job that wrote nothing yet has an empty one. */
export async function readJobLog(
  stores: Pick<StudioContext, 'data' | 'library'>,
  id: string,
  most = 2000,
): Promise<Line[]> {
  const path = resolveInside(stores.data.jobs, `${id}/log.jsonl`);
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - mostBytes);
      const bytes = Buffer.alloc(size - start);
      await file.read(bytes, 0, bytes.length, start);
      const lines = bytes.toString('utf8').split('\n');
      const told = (start > 0 ? lines.slice(1) : lines).flatMap(lineOf).slice(-most);
      return told.map(line => ({ ...line, text: withoutPlaces(line.text, stores) }));
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw new LoraError('JOB_LOG_UNREADABLE', 'the log of the job cannot be read', { cause });
  }
}
