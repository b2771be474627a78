/**
 * @file `[from:to:when]`, `[to:when]`, `[from::when]` and `[a|b]` as A1111 reads them (`modules/prompt_parser.py`): its
 * grammar needs no search, because brackets that hold a mistake are text, and so is everything around them.
 */
import { usageError } from '../../errors.ts';
import { characterAt } from './character-at.ts';
import { pythonSpace } from './python-text.ts';

/** How long a run is, in calls of the UNet (a sampler of second order makes two a step). */
export interface RunLength {
  readonly steps: number;
  /** Second pass of a hires fix: how many steps the first had. Its `when`s go on from there, shares from 1. */
  readonly firstPassSteps?: number | undefined;
}

export interface ScheduledText {
  /** The last step with it, counted from 1. */
  readonly lastStep: number;
  readonly text: string;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A bracket in which everything is as the grammar has it, in place of the characters `open` … `close`. */
type Bracket = { readonly open: number; readonly close: number } & (
  | { readonly kind: 'emphasis'; readonly colons: readonly number[] }
  | { readonly kind: 'switch'; readonly before: Range; readonly after: Range; readonly when: string }
  | { readonly kind: 'alternate'; readonly options: readonly Range[] }
);
/** A bracket that changes over the steps. */
type Changing = Exclude<Bracket, { kind: 'emphasis' }>;

interface OpenBracket {
  readonly position: number;
  readonly isSquare: boolean;
  readonly colons: number[];
  readonly bars: number[];
}

const number = new RegExp(
  String.raw`^[${pythonSpace}]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[${pythonSpace}]*$`,
);
/** No number of steps is longer; the rest of a long text need not be looked at. */
const longestNumber = 400;

/** As A1111: with a point a share of the steps, else a step. */
function stepOf(text: string, { steps, firstPassSteps }: RunLength, character: number): number {
  const isShare = text.includes('.');
  const value = Number(text);
  const step = isShare
    ? (value - (firstPassSteps === undefined ? 0 : 1)) * steps
    : value - (firstPassSteps ?? 0);
  if (!Number.isFinite(step)) {
    const message = `${text} at character ${character} of the prompt is not a step`;
    throw usageError('PROMPT_SYNTAX', message, 'Write [from:to:10] for a step, [from:to:0.5] for a share.');
  }
  return Math.min(steps, Math.trunc(step));
}

/** What was opened and closed without a mistake; undefined where the whole prompt is text, because a `|` is out of place. */
function findBrackets(text: string): Bracket[] | undefined {
  const found: Bracket[] = [];
  let open: OpenBracket[] = [];
  const giveUp = (): boolean => {
    const hasBar = open.some(({ bars }) => bars.length > 0);
    open = []; // what is around a mistake is text
    return !hasBar;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') {
      // Nothing to escape at the end of a line: A1111 cannot read such a prompt.
      if (at + 1 === text.length || text[at + 1] === '\n') return undefined;
      at++;
    } else if (character === '[' || character === '(')
      open.push({ position: at, isSquare: character === '[', colons: [], bars: [] });
    else if (character === ':') open[open.length - 1]?.colons.push(at);
    else if (character === '|') {
      if (open.length === 0) return undefined;
      open[open.length - 1].bars.push(at);
    } else if (character === ']' || character === ')') {
      const last = open.at(-1);
      const bracket = last?.isSquare === (character === ']') ? closeBracket(text, last, at) : undefined;
      if (bracket) {
        open.pop();
        found.push(bracket);
      } else if (!giveUp()) return undefined;
    }
  }
  return giveUp() ? found : undefined;
}

function closeBracket(text: string, bracket: OpenBracket, close: number): Bracket | undefined {
  const { position: open, isSquare, colons, bars } = bracket;
  if (isSquare && bars.length > 0) {
    const edges = [open, ...bars, close];
    const options = edges.slice(1).map((to, i) => ({ from: edges[i] + 1, to }));
    return colons.length === 0 ? { kind: 'alternate', open, close, options } : undefined;
  }
  if (bars.length > 0 || colons.length > (isSquare ? 2 : 1)) return undefined;
  if (!isSquare || colons.length === 0) return { kind: 'emphasis', open, close, colons };
  const lastColon = colons[colons.length - 1];
  const end = close - lastColon <= longestNumber ? text.slice(lastColon + 1, close) : '';
  const when = number.exec(end)?.[1];
  if (when === undefined) return undefined;
  const before = { from: open + 1, to: colons.length === 2 ? colons[0] : open + 1 };
  const after = { from: before.to + (colons.length === 2 ? 1 : 0), to: lastColon };
  return { kind: 'switch', open, close, before, after, when };
}

/** The colons of a bracket, not those within its parts. */
function colonsOf(bracket: Bracket): readonly number[] {
  if (bracket.kind === 'emphasis') return bracket.colons;
  if (bracket.kind === 'alternate') return [];
  const { before, after } = bracket;
  return after.from > before.to ? [before.to, after.to] : [after.to];
}

/** What a character does; 0 for text. */
const role = { stray: 1, opens: 2, ends: 3 } as const;

function rolesOf(text: string, brackets: readonly Bracket[]): Uint8Array {
  const roles = new Uint8Array(text.length + 1);
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if ('[]():'.includes(text[at])) roles[at] = role.stray;
  }
  for (const bracket of brackets) {
    const isEmpty = bracket.close === bracket.open + 1;
    roles[bracket.open] = isEmpty ? role.ends : role.opens; // nothing but brackets: runs go on through it
    for (const at of [...colonsOf(bracket), bracket.close]) roles[at] = role.ends;
  }
  return roles;
}

/** Brackets with those that are around each. */
function parentsOf(brackets: readonly Bracket[]): Map<Bracket, Bracket> {
  const parents = new Map<Bracket, Bracket>();
  const waiting: Bracket[] = []; // whose parent has not ended yet; brackets come in the order of their ends
  for (const bracket of brackets) {
    for (let inner = waiting.at(-1); inner && inner.open > bracket.open; inner = waiting.at(-1)) {
      parents.set(inner, bracket);
      waiting.pop();
    }
    waiting.push(bracket);
  }
  return parents;
}

/**
 * Where brackets out of place follow a bracket, A1111's grammar has two readings, and its parser (Lark's Earley) takes the
 * one in which that bracket is text too if the run of them is even: `[a:b:3])` switches, `[a:b:3]))` is text. From right to
 * left, because what becomes text makes the run before it longer. Found by trying; holds for all strings of the golden test.
 */
function withoutDoubtful(text: string, brackets: readonly Bracket[]): Bracket[] {
  const roles = rolesOf(text, brackets);
  const parents = parentsOf(brackets);
  const dropped = new Set<Bracket>();
  const isDoubtful = ({ close }: Bracket): boolean => {
    let hasStray = false;
    let at = close + 1;
    for (; roles[at] === role.stray || roles[at] === role.ends; at++) hasStray ||= roles[at] === role.stray;
    return hasStray && (at - close) % 2 === 1;
  };
  for (const bracket of [...brackets].reverse()) {
    const parent = parents.get(bracket);
    const isKeptWhole = parent !== undefined && parent.kind !== 'emphasis' && !dropped.has(parent);
    if (bracket.kind === 'alternate' || isKeptWhole || !isDoubtful(bracket)) continue;
    for (let one: Bracket | undefined = bracket; one && !dropped.has(one); one = parents.get(one)) {
      dropped.add(one);
      for (const at of [one.open, ...colonsOf(one), one.close]) roles[at] = role.stray;
    }
  }
  return brackets.filter(bracket => !dropped.has(bracket));
}

/** What changes in a prompt, by the place of its bracket. */
function findChanging(text: string): Map<number, Changing> {
  const brackets = findBrackets(text) ?? [];
  if (brackets.every(({ kind }) => kind === 'emphasis')) return new Map();
  const kept = withoutDoubtful(text, brackets);
  return new Map(kept.flatMap(one => (one.kind === 'emphasis' ? [] : [[one.open, one] as const])));
}

/** The first of ascending numbers that is not below `bound`. */
function firstFrom(sorted: readonly number[], bound: number): number | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < bound) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

/** When a switch is made: it shows its first text up to this step. */
type SwitchSteps = ReadonlyMap<Changing, number>;

function chosenIn(changing: Changing, step: number, switches: SwitchSteps): Range {
  if (changing.kind === 'alternate') return changing.options[(step - 1) % changing.options.length];
  return step <= (switches.get(changing) as number) ? changing.before : changing.after;
}

/** The prompt of a step. */
function openTexts(
  text: string,
  changing: ReadonlyMap<number, Changing>,
  switches: SwitchSteps,
): (step: number) => string {
  const places = [...changing.keys()].sort((a, b) => a - b);
  return step => {
    const parts: string[] = [];
    const todo: Range[] = [{ from: 0, to: text.length }];
    for (let range = todo.pop(); range !== undefined; range = todo.pop()) {
      const { from, to } = range;
      const place = firstFrom(places, from);
      const found = place !== undefined && place < to ? changing.get(place) : undefined;
      parts.push(text.slice(from, found?.open ?? to));
      if (found) todo.push({ from: found.close + 1, to }, chosenIn(found, step, switches));
    }
    return parts.join('');
  };
}

/**
 * The texts of a prompt over the steps, as A1111's `get_learned_conditioning_prompt_schedules` gives them. Throws
 * PROMPT_SYNTAX for a step that is no number.
 *
 * @param characterOf how an error names a position in the text
 */
export function scheduleOf(text: string, run: RunLength, characterOf = characterAt): ScheduledText[] {
  const changing = findChanging(text);
  const switches = new Map(
    [...changing.values()].flatMap(one =>
      one.kind === 'switch' ? [[one, stepOf(one.when, run, characterOf(one.after.to + 1))] as const] : [],
    ),
  );
  const ends = new Set([run.steps, ...switches.values()]);
  const alternates = [...changing.values()].some(({ kind }) => kind === 'alternate');
  for (let step = 1; alternates && step < run.steps; step++) ends.add(step);
  const textAt = openTexts(text, changing, switches);
  const known = new Map<string, string>(); // one string for all steps that have it
  return [...ends]
    .filter(step => step >= 1)
    .sort((a, b) => a - b)
    .map(lastStep => {
      const now = textAt(lastStep);
      const same = known.get(now) ?? now;
      known.set(now, same);
      return { lastStep, text: same };
    });
}
