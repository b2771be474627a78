/** @file Merges: what `lora combine` and `lora merge` do. */
import { extname, join } from 'node:path';
import { usageError } from '../../errors.ts';
import { hashTensorData, isFolder } from '../../files/index.ts';
import { loadGiven } from '../../generation/index.ts';
import { mainFile, mergeIntoCheckpoint, openLoraFile } from '../../lora/index.ts';
import { checkRewrite } from '../../models/index.ts';
import { combineFiles, describeLoad, openSecondsLeft } from '../../workbench/index.ts';
import type { MergePayload } from '../payloads/merge.ts';
import type { JobContext, JobOutcome, JobRunner } from '../runner.ts';
import { openBase } from './open-base.ts';

type Into<K extends MergePayload['into']> = Extract<MergePayload, { readonly into: K }>;

/** Tells how far it is, and waits there while others go first. */
function tell(
  { progress, yieldToOthers }: JobContext,
  text: string,
): (done: number, all: number) => Promise<void> {
  const secondsLeft = openSecondsLeft();
  return async (done, all) => {
    const share = done / Math.max(1, all);
    progress({ share, text, secondsLeft: secondsLeft(share) });
    await yieldToOthers();
  };
}

async function intoLora(payload: Into<'lora'>, context: JobContext): Promise<JobOutcome> {
  const { names, places, signal } = context;
  const files = payload.loras.map(({ id, strength }) => {
    const { path, name } = names.lora(id);
    return { name, strength, file: openLoraFile(path) };
  });
  const fileName = `${payload.name}.safetensors`;
  const path = join(places.staging, fileName);
  const { rank } = payload;
  const { written, modules, leftOut, kept, dtype } = await combineFiles(path, files, {
    rule: rank === undefined ? undefined : { by: 'rank', value: rank },
    ...{ signal, onProgress: tell(context, 'combining LoRAs') },
  });
  for (const { key, reason } of leftOut) context.note(`left out ${key}: ${reason}`);
  return {
    files: [{ name: 'lora', type: 'lora', path, fileName }],
    result: {
      ...{ file: fileName, loras: payload.loras, rank: rank ?? null, dtype, kept },
      ...{ bytes: written.bytes, hash: written.hash, modules: modules.length },
      leftOut: leftOut.map(({ key, reason }) => ({ key, reason })),
    },
  };
}

async function intoCheckpoint(payload: Into<'checkpoint'>, context: JobContext): Promise<JobOutcome> {
  const { names, places, signal, note } = context;
  const checkpoint = openBase(context, payload.base);
  if (isFolder(checkpoint.path) || extname(checkpoint.path).toLowerCase() !== '.safetensors')
    throw usageError(
      'MERGE_FOLDER',
      `${names.base(payload.base).name} is a folder of files, and a merged checkpoint is one file`,
      'Take a checkpoint that is a .safetensors file; `lora checkpoint convert` makes one of a folder.',
    );
  const fileName = `${payload.name}.safetensors`;
  const path = join(places.staging, fileName);
  checkRewrite(checkpoint, path);
  const loras = [];
  for (const { id, strength } of payload.loras) {
    const lora = loadGiven(checkpoint, { path: names.lora(id).path, strength });
    note(`${lora.name} at ${strength}: ${describeLoad(lora.report)}`);
    loras.push({ ...lora, hash: await hashTensorData(mainFile(lora.path)) });
  }
  const merged = await mergeIntoCheckpoint(checkpoint, path, loras, {
    ...{ signal, onProgress: tell(context, 'merging') },
  });
  for (const text of merged.notes) note(text);
  return {
    files: [{ name: 'checkpoint', type: 'checkpoint', path, fileName }],
    result: {
      ...{ file: fileName, base: checkpoint.name, ...merged },
      loras: loras.map(({ name, hash, strength }) => ({ name, hash, strength })),
    },
  };
}

export const mergeRunner = (): JobRunner<MergePayload> => async (payload, context) => {
  context.signal.throwIfAborted();
  context.progress({ share: 0, text: 'reading LoRAs' });
  return payload.into === 'lora' ? intoLora(payload, context) : intoCheckpoint(payload, context);
};
