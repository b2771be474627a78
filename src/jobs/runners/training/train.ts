/** @file Training jobs: what `lora train` does, in the job's own folder, so that an attempt goes on where the last one was. */
import { join } from 'node:path';
import { LoraError } from '../../../errors.ts';
import type { LoraCard, TrainResult } from '../../../training/index.ts';
import { type DeviceName, openDevice, planWithin, trainPlanned } from '../../../workbench/index.ts';
import type { TrainPayload } from '../../payloads/train.ts';
import type { JobContext, JobRunner } from '../../runner.ts';
import { openBase } from '../open-base.ts';
import { outcomeOf, outcomeOfEarlier } from './outcome.ts';
import { recipeOf } from './recipe.ts';
import { openRunReport } from './report-progress.ts';
import { findEarlier, isOtherRun, setAside } from './work-folder.ts';

function cardOf({ card: { tags = [], ...texts } }: TrainPayload): LoraCard {
  const given = Object.entries({ ...texts, tags: tags.join(', ') }).filter(([, value]) => value);
  return Object.fromEntries(given);
}

/** A process that is nearly dead may still hold the lock: another attempt will find it free. */
function asFault(error: unknown): unknown {
  const isBusy = error instanceof LoraError && error.code === 'OUTPUT_BUSY';
  return isBusy ? new Error(error.message, { cause: error }) : error;
}

/** Goes on with what is there; where that is of another run, it is kept aside and the run begins anew. */
async function trainOn(
  start: (resume: boolean) => Promise<TrainResult>,
  isThere: boolean,
  out: string,
  { note, attempt }: JobContext,
): Promise<TrainResult> {
  if (!isThere) return start(false);
  try {
    return await start(true);
  } catch (error) {
    if (!isOtherRun(error)) throw error;
    note(`what was trained so far cannot be gone on with: ${error.message}`);
    const aside = await setAside(out, attempt);
    note(`it is kept in ${aside}, and the run begins anew`);
    return start(false);
  }
}

export const trainRunner =
  (device: DeviceName): JobRunner<TrainPayload> =>
  async (payload, context) => {
    const { signal, places, note, names } = context;
    signal.throwIfAborted();
    const out = join(places.work, `${payload.name}.safetensors`);
    const earlier = await findEarlier(out);
    if (earlier === 'finished') return outcomeOfEarlier(out, context);
    context.progress({ share: 0, text: 'opening the model', detail: { phase: 'preparing' } });
    const checkpoint = openBase(context, payload.base);
    const { given, from, data, folders } = await recipeOf(payload, checkpoint, context);
    const within = planWithin(checkpoint, given, payload.memory, note);
    const session = await openDevice(device, note);
    const report = openRunReport(out, context);
    const start = (resume: boolean): Promise<TrainResult> =>
      trainPlanned(within, {
        ...{ data, checkpoint, out, resume, session, signal, note, card: cardOf(payload) },
        ...(from ? { from, origins: [`goes on from ${names.lora(payload.continueFrom ?? '').name}`] } : {}),
        cacheFolder: join(places.cache, 'latents'),
        betweenSteps: () => context.yieldToOthers(),
        onProgress: report.onProgress,
      });
    try {
      const result = await trainOn(start, earlier === 'resume', out, context);
      if (!result.finished)
        throw new DOMException(`the run is saved after step ${result.state.step}`, 'AbortError');
      return await outcomeOf(result, out, folders, context);
    } catch (error) {
      throw asFault(error);
    } finally {
      await report.end();
    }
  };
