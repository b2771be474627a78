/** @file What A1111's clients see as the state of one program: its options, and the job that it is at. */
import type { Job } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { stamp } from './info.ts';
import { cardsOf, findCheckpoint, titleOf } from './models.ts';

/** Options that clients set and read back; what A1111 has besides is theirs to keep. */
const kept = new WeakMap<StudioContext, Map<string, unknown>>();

function keptOf(context: StudioContext): Map<string, unknown> {
  const options = kept.get(context) ?? new Map<string, unknown>();
  kept.set(context, options);
  return options;
}

/** Of text and number options, so many at most; the rest is passed over. */
const mostOptions = 200;

export function optionsOf(context: StudioContext): object {
  const { base } = context.settings.get();
  const card = context.library.card(base) ?? context.library.card('pocket');
  return {
    samples_format: 'png',
    ...Object.fromEntries(keptOf(context)),
    sd_model_checkpoint: card ? titleOf(card) : null,
    sd_checkpoint_hash: card?.hashes.sha256 ?? null,
    CLIP_stop_at_last_layers: keptOf(context).get('CLIP_stop_at_last_layers') ?? 1,
    sd_vae: 'Automatic',
  };
}

export async function changeOptions(context: StudioContext, given: Record<string, unknown>): Promise<void> {
  const { sd_model_checkpoint: model, ...others } = given;
  // The name is looked for before anything changes.
  if (typeof model === 'string' && model !== '')
    await context.settings.change({ base: findCheckpoint(context, model).id });
  const options = keptOf(context);
  for (const [name, value] of Object.entries(others)) {
    const isPlain = ['string', 'number', 'boolean'].includes(typeof value);
    if (isPlain && (options.has(name) || options.size < mostOptions) && String(value).length < 1000)
      options.set(name, value);
  }
}

/** The base of a request: its override, or what the options say. */
export function baseOf(
  context: StudioContext,
  overrides: Record<string, unknown> | null | undefined,
): string {
  const named = overrides?.sd_model_checkpoint;
  if (typeof named === 'string' && named !== '') return findCheckpoint(context, named).id;
  const { base } = context.settings.get();
  return context.library.card(base) ? base : 'pocket';
}

export const clipSkipOf = (context: StudioContext): unknown =>
  keptOf(context).get('CLIP_stop_at_last_layers');

async function running(context: StudioContext): Promise<Job | undefined> {
  const { jobs } = await context.queue.list({
    states: ['running', 'queued'],
    kinds: ['generate', 'compare'],
    limit: 20,
  });
  return jobs[0];
}

interface Detail {
  readonly step?: number;
  readonly steps?: number;
  readonly done?: number;
  readonly pictures?: number;
}

/** Idle is progress 0 and no jobs: clients wait for exactly that. */
export async function progressOf(context: StudioContext, skipsPicture: boolean): Promise<object> {
  const job = await running(context);
  const { jobs } = await context.queue.list({
    states: ['running', 'queued'],
    kinds: ['generate', 'compare'],
    limit: 100,
  });
  const detail = (job?.progress?.detail ?? {}) as Detail;
  const preview = job && !skipsPicture ? context.previewOf(job.id) : undefined;
  return {
    progress: job ? Math.max(job.progress?.share ?? 0, 0.001) : 0,
    eta_relative: job?.progress?.secondsLeft ?? 0,
    state: {
      ...{
        skipped: false,
        interrupted: job?.asked === 'cancel',
        stopping_generation: job?.asked === 'cancel',
      },
      ...{ job: job?.title ?? '', job_count: jobs.length, job_no: detail.done ?? 0 },
      job_timestamp: job ? stamp(job.createdAt) : '0',
      ...{ sampling_step: detail.step ?? 0, sampling_steps: detail.steps ?? 0 },
    },
    current_image: preview ? Buffer.from(preview).toString('base64') : null,
    textinfo: job?.progress?.text ?? null,
  };
}

/** Ends what is drawn now, within one step. */
export async function interrupt(context: StudioContext): Promise<void> {
  const { jobs } = await context.queue.list({
    states: ['running'],
    kinds: ['generate', 'compare'],
    limit: 20,
  });
  for (const { id } of jobs) await context.supervisor.cancel(id);
}

export const embeddingsOf = ({ library }: StudioContext): object => ({
  loaded: Object.fromEntries(
    cardsOf(library, 'embedding').map(({ name }) => [
      name,
      { step: null, sd_checkpoint: null, sd_checkpoint_name: null, shape: null, vectors: null },
    ]),
  ),
  skipped: {},
});
