/** @file A job as somebody asks for it, checked before it comes into the queue: whatever is wrong is told at once. */
import { LoraError, nearestWords, usageError } from '../errors.ts';
import { parseRecipeValues } from '../training/index.ts';
import { type JobKind, type JobKindRow, jobKindNames, jobKinds, type PayloadOf } from './kinds.ts';
import { type PayloadIssue, payloadIssues } from './payload-issues.ts';
import type { NewJob } from './queue.ts';

/** PAYLOAD_INVALID, with every field that is wrong. */
export class PayloadError extends LoraError {
  readonly issues: readonly PayloadIssue[];

  constructor(kind: JobKind, issues: readonly PayloadIssue[]) {
    const lines = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    const [only] = lines;
    const message =
      lines.length === 1
        ? `${kind} job: ${only}`
        : `${kind} job: ${lines.length} things are wrong:${lines.map(line => `\n  ${line}`).join('')}`;
    super('PAYLOAD_INVALID', message, { exit: 'usage' });
    this.issues = issues;
  }
}

/** Titles that say nothing more than the payload does. */
const titles: { readonly [K in JobKind]: (payload: PayloadOf<K>) => string } = {
  generate: ({ prompt, count }) => `${count > 1 ? `${count} × ` : ''}${prompt || 'a picture'}`,
  compare: ({ picture, x, y }) =>
    `${[x, y].filter(axis => axis !== undefined).join(' / ') || 'grid'}: ${picture.prompt}`,
  train: ({ name }) => name,
  merge: ({ name }) => name,
  plan: ({ dataset }) => `plan for ${dataset}`,
  'dataset-report': ({ dataset }) => `report of ${dataset}`,
};

const longestTitle = 200;

/** On one line, whole characters, not longer than a list shows. */
function titleOf(text: string): string {
  const line = text.toWellFormed().replace(/\s+/g, ' ').trim();
  const letters = [...line];
  return letters.length > longestTitle ? `${letters.slice(0, longestTitle - 1).join('')}…` : line;
}

/** Faults of the recipe's own schema, as issues of the field `recipe`. */
function recipeIssues(recipe: Readonly<Record<string, unknown>>): PayloadIssue[] {
  try {
    parseRecipeValues(recipe);
    return [];
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    const lines = error.message.includes('\n')
      ? error.message.split('\n').slice(1)
      : [error.message.replace(/^recipe field /, '')];
    return lines.map(line => {
      const [, field, message] = /^\s*([^\s:]+): (.*)$/s.exec(line) ?? [];
      return field === undefined || message === undefined
        ? { path: 'recipe', message: line.trim() }
        : { path: `recipe.${field}`, message };
    });
  }
}

function recipeIn(payload: unknown): Readonly<Record<string, unknown>> | undefined {
  const recipe =
    payload !== null && typeof payload === 'object' && 'recipe' in payload ? payload.recipe : undefined;
  return recipe !== null && typeof recipe === 'object' && !Array.isArray(recipe)
    ? (recipe as Record<string, unknown>)
    : undefined;
}

/** The payload with all that was not said; throws PAYLOAD_INVALID with `issues`, all at once. */
export function parsePayload<K extends JobKind>(kind: K, payload: unknown): PayloadOf<K> {
  const { payload: schema } = jobKinds[kind];
  const parsed = schema.safeParse(payload);
  const hasRecipe = kind === 'train' || kind === 'plan';
  const issues = [
    ...(parsed.success ? [] : payloadIssues(parsed.error, payload, schema)),
    ...(hasRecipe ? recipeIssues(recipeIn(payload) ?? {}) : []),
  ];
  if (!parsed.success || issues.length > 0) throw new PayloadError(kind, issues);
  return parsed.data as PayloadOf<K>;
}

/** A kind by its name; throws KIND_UNKNOWN. */
export function jobKindOf(name: unknown): JobKind {
  if (typeof name === 'string' && Object.hasOwn(jobKinds, name)) return name as JobKind;
  const [near] = typeof name === 'string' ? nearestWords(name, jobKindNames) : [];
  const meant = near === undefined ? '' : `; did you mean ${near}?`;
  const wanted = (JSON.stringify(name) ?? 'nothing').slice(0, 80);
  throw usageError(
    'KIND_UNKNOWN',
    `there is no kind of job ${wanted}${meant}`,
    `Kinds are ${jobKindNames.join(', ')}.`,
  );
}

export type NewJobOptions = Partial<Pick<NewJob, 'id' | 'title' | 'priority' | 'after' | 'maxAttempts'>>;

/**
 * A job for `enqueue`: its payload checked and completed by the schema of its kind, its title the given one or made from
 * the payload. Throws KIND_UNKNOWN, and PAYLOAD_INVALID (`PayloadError`) with every field that is wrong.
 */
export function newJob(kind: string, payload: unknown, options: NewJobOptions = {}): NewJob {
  const known = jobKindOf(kind);
  const whole = parsePayload(known, payload);
  const { title, ...others } = options;
  const made = titles[known] as (payload: unknown) => string;
  const { maxAttempts }: JobKindRow = jobKinds[known];
  return {
    kind: known,
    payload: whole,
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...others,
    title: titleOf(title ?? '') || titleOf(made(whole)) || known,
  };
}
