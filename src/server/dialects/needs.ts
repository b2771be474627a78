/** @file What the dialects do with stores: pictures that come in, and pictures that are not to be kept. */
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { resolveInside } from '../../files/index.ts';
import type { Job } from '../../jobs/index.ts';
import { saveUpload as save, type Upload } from '../../library/index.ts';
import type { StudioContext } from '../context.ts';

export const saveUpload = ({ data }: StudioContext, bytes: Uint8Array): Promise<Upload> =>
  save(data, Readable.from([bytes]));

/** The client has them: they go from the job's own folder, where the history never saw them, and the job from its list. */
export async function forgetPictures({ data, queue }: StudioContext, job: Job): Promise<void> {
  for (const { path } of job.artefacts) await rm(await resolveInside(data.path, path), { force: true });
  await queue.remove(job.id);
}
