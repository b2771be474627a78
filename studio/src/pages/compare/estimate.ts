/** @file How long a picture takes here, by the last ones that were drawn with the same base and about the same size. */
import type { ApiJob } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';

interface Drawn {
  readonly base?: string;
  readonly width?: number;
  readonly height?: number;
  readonly steps?: number;
}

/** Seconds of a step and a pixel of one job; undefined where it is of another base. */
async function paceOf(
  { id, kind, startedAt, endedAt, artefacts }: ApiJob,
  wanted: Drawn,
  stop: AbortSignal,
): Promise<number | undefined> {
  const pictures = artefacts.filter(({ type }) => type === 'picture').length;
  if (startedAt === undefined || endedAt === undefined || pictures === 0) return undefined;
  const { payload } = await api.job(id, stop);
  const drawn = (kind === 'compare' ? (payload as { picture: Drawn }).picture : payload) as Drawn;
  const { base, width = 0, height = 0, steps = 0 } = drawn;
  if (base !== wanted.base || width * height * steps === 0) return undefined;
  return (endedAt - startedAt) / 1000 / (pictures * steps * width * height);
}

/** Seconds of one picture; undefined where none like it was drawn yet. */
export async function secondsOfPicture(wanted: Drawn, stop: AbortSignal): Promise<number | undefined> {
  const { jobs } = await api.jobs({ kind: 'generate,compare', state: 'done', limit: 6 }, stop);
  const paces = await Promise.all(jobs.map(job => paceOf(job, wanted, stop)));
  const known = paces.filter(pace => pace !== undefined).sort((a, b) => a - b);
  const middle = known[known.length >> 1];
  const { width = 0, height = 0, steps = 0 } = wanted;
  return middle === undefined ? undefined : middle * width * height * steps;
}
