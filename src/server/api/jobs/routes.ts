/** @file Routes of jobs: the queue as a list, what can be done to a job, and what came of it. */
import { z } from 'zod';
import { LoraError, nearestWords, usageError } from '../../../errors.ts';
import {
  defined,
  type Job,
  type JobFilter,
  type JobKind,
  type JobState,
  jobKindNames,
  jobKinds,
  jobStates,
  newJob,
} from '../../../jobs/index.ts';
import { servedBytes, servedPicture } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { type RouteRow, route } from '../../route.ts';
import { flag, nothing, type pictureSize } from '../../schemas/common.ts';
import {
  job,
  jobId,
  jobLogLine,
  jobMove,
  jobPage,
  jobQuery,
  newJob as newJobBody,
  previewList,
  trainingRows,
  wholeJob,
} from '../../schemas/jobs.ts';
import { jobParams, pictureReply, viewQuery } from '../params.ts';
import { apiJob, apiWholeJob } from './api-job.ts';
import { artefactOf, serveArtefact } from './artefacts.ts';
import { checkNames } from './check-names.ts';
import { readJobLog } from './log.ts';
import { trainingPreview, trainingRowsOf } from './training.ts';

const tag = 'jobs';
const path = '/api/v1/jobs';
/** Prompts may be long, and a comparison has many values. */
const bodyLimit = 4 * 2 ** 20;

const name = z.string().min(1).max(200);
const namedParams = z.strictObject({ id: jobId, name });

/** Several with commas. Throws QUERY_INVALID. */
function several<T extends string>(
  text: string | undefined,
  known: readonly T[],
  what: string,
): T[] | undefined {
  if (text === undefined || text.trim() === '') return undefined;
  return text.split(',').map(part => {
    const word = part.trim();
    if ((known as readonly string[]).includes(word)) return word as T;
    const [near] = nearestWords(word, known);
    const hint = near ? `Did you mean ${near}?` : `There are ${known.join(', ')}.`;
    throw usageError('QUERY_INVALID', `${what}: there is no ${JSON.stringify(word.slice(0, 40))}`, hint);
  });
}

const listed = jobKindNames.filter(kind => jobKinds[kind].isListed);

function filterOf({ state, kind, all, limit, offset }: z.output<typeof jobQuery>): JobFilter {
  const states = several<JobState>(state, jobStates, 'state');
  const kinds = several<JobKind>(kind, jobKindNames, 'kind') ?? (all ? undefined : listed);
  return { ...(states ? { states } : {}), ...(kinds ? { kinds } : {}), limit, offset };
}

async function find({ queue }: StudioContext, id: string): Promise<Job> {
  const found = await queue.get(id);
  if (found) return found;
  throw new LoraError('JOB_UNKNOWN', `there is no job ${id}`, { hint: 'It was removed from the list.' });
}

async function create(context: StudioContext, body: z.output<typeof newJobBody>): Promise<object> {
  const { kind, payload, ...options } = body;
  const made = newJob(kind, payload, defined(options));
  // Said a second time, it is answered, whatever became of what it names.
  const known = made.id === undefined ? undefined : await context.queue.get(made.id);
  if (known) return apiJob(known, context);
  checkNames(context, made.kind, made.payload);
  const [id] = await context.queue.enqueue([made]);
  return apiJob(await find(context, id), context);
}

type Act = (context: StudioContext, id: string) => Promise<Job>;

const acts: Readonly<Record<string, { readonly summary: string; readonly act: Act }>> = {
  cancel: {
    summary: 'Cancels a job: at once, or between two steps where it runs.',
    act: ({ supervisor }, id) => supervisor.cancel(id),
  },
  pause: {
    summary: 'Pauses a job; a training run saves its state first.',
    act: ({ supervisor }, id) => supervisor.pause(id),
  },
  resume: {
    summary: 'Puts a paused job back at its old place.',
    act: ({ supervisor }, id) => supervisor.resume(id),
  },
  retry: { summary: 'Tries a failed or cancelled job again.', act: ({ queue }, id) => queue.retry(id) },
};

const actRoutes = Object.entries(acts).map(([word, { summary, act }]) =>
  route({
    ...{ method: 'POST', path: `${path}/:id/${word}`, policy: 'change', tag, summary },
    ...{ params: jobParams, response: job },
    handle: async (context, { params }) => apiJob(await act(context, params.id), context),
  }),
);

/** A live preview changes with every step: it is not kept. */
async function livePreview(
  { supervisor, data }: StudioContext,
  { id, name: which }: z.output<typeof namedParams>,
  { size, signal }: { size: z.output<typeof pictureSize>; signal: AbortSignal },
): Promise<unknown> {
  const bytes = supervisor.previewOf(id, which);
  if (!bytes) throw new LoraError('PREVIEW_UNKNOWN', 'there is no such preview, or not any more');
  return pictureReply(await servedBytes(data, bytes, size, { signal, keep: false }), undefined);
}

export const jobRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path, policy: 'read', tag },
    summary:
      'Jobs: running ones, queued ones in their order, paused ones, then ended ones, the newest first.',
    ...{ query: jobQuery, response: jobPage },
    handle: async (context, { query }) => {
      const { total, jobs } = await context.queue.list(filterOf(query));
      return { total, jobs: jobs.map(found => apiJob(found, context)) };
    },
  }),
  route({
    ...{ method: 'POST', path, policy: 'change', tag, status: 201 },
    summary: 'A new job. The same `id` again makes no second one.',
    ...{ body: newJobBody, response: job, bodyLimit },
    handle: (context, { body }) => create(context, body),
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id`, policy: 'read', tag },
    summary: 'A job with what it was given and what came out.',
    ...{ params: jobParams, response: wholeJob },
    handle: async (context, { params }) => apiWholeJob(await find(context, params.id), context),
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Takes an ended job out of the list. What it made stays.',
    ...{ params: jobParams, response: nothing },
    handle: async ({ queue }, { params }) => {
      await queue.remove(params.id);
      return {};
    },
  }),
  ...actRoutes,
  route({
    ...{ method: 'POST', path: `${path}/:id/move`, policy: 'change', tag },
    summary: 'Moves a waiting job: first, last, before or after another, or to another priority.',
    ...{ params: jobParams, body: jobMove, response: job },
    handle: async (context, { params, body }) =>
      apiJob(
        await context.queue.move(params.id, body.to as Parameters<typeof context.queue.move>[1]),
        context,
      ),
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/log`, policy: 'read', tag },
    summary: 'What a job said and what happened to it.',
    ...{ params: jobParams, response: z.object({ lines: z.array(jobLogLine) }) },
    handle: async (context, { params }) => {
      const { id } = await find(context, params.id);
      return { lines: await readJobLog(context, id) };
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/training`, policy: 'read', tag },
    summary:
      'Rows of the journal of a training run after a step, its previews, and how many steps it will have.',
    params: jobParams,
    query: z.strictObject({
      after: z.coerce.number().int().min(0).max(100_000_000).default(0),
      most: z.coerce.number().int().min(2).max(20_000).optional(),
    }),
    response: trainingRows,
    handle: async (context, { params, query }) =>
      trainingRowsOf(context.data, await find(context, params.id), query),
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/training/previews/:name`, policy: 'read', tag },
    summary: 'A preview picture of a training run.',
    ...{ params: namedParams, query: viewQuery },
    handle: async (context, { params, query, signal }) => {
      const file = trainingPreview(context.data, await find(context, params.id), params.name);
      return pictureReply(await servedPicture(context.data, file, query.size, signal), query.v);
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/previews`, policy: 'read', tag },
    summary: 'Names of the live previews of a running job.',
    ...{ params: jobParams, response: previewList },
    handle: async (context, { params }) => {
      const { id } = await find(context, params.id);
      const names = context.supervisor.previewsOf(id);
      return { previews: names.map(which => ({ name: which, url: previewUrl(id, which) })) };
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/previews/:name`, policy: 'read', tag },
    summary: 'The newest small picture of how far a job is.',
    ...{ params: namedParams, query: viewQuery },
    handle: (context, { params, query, signal }) =>
      livePreview(context, params, { size: query.size, signal }),
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/artefacts/:name`, policy: 'read', tag },
    summary: 'What a job made: pictures to look at, with `download=true` and all other files to be saved.',
    params: namedParams,
    query: z.strictObject({ ...viewQuery.shape, download: flag.optional() }),
    handle: async (context, { params, query, signal }) => {
      const artefact = artefactOf(await find(context, params.id), params.name);
      return serveArtefact(context, artefact, query, signal);
    },
  }),
];

/** Where a live preview is served; `count` makes the address new with each one. */
export function previewUrl(jobId: string, name: string, count?: number): string {
  const url = `/api/v1/jobs/${jobId}/previews/${encodeURIComponent(name)}`;
  return count === undefined ? url : `${url}?v=${count}`;
}
