/** @file Jobs as the API tells them. */
import { basename } from 'node:path';
import { type Artefact, defined, type Job, type JobError } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import { withoutPlaces } from '../../plain-places.ts';
import type { ApiArtefact, ApiJob, ApiWholeJob } from '../../schemas/jobs.ts';

type Stores = Pick<StudioContext, 'pictures' | 'library' | 'data'>;

const artefactUrl = (jobId: string, name: string): string =>
  `/api/v1/jobs/${jobId}/artefacts/${encodeURIComponent(name)}`;

function apiArtefact({ id }: Job, artefact: Artefact, { pictures }: Pick<Stores, 'pictures'>): ApiArtefact {
  const { name, type, path, bytes, sha256 } = artefact;
  const pictureId = type === 'picture' ? pictures.idOf(path) : undefined;
  return {
    ...{ name, type, fileName: basename(path), bytes, sha256, url: artefactUrl(id, name) },
    ...(pictureId === undefined ? {} : { pictureId }),
  };
}

function apiError({ code, message, hint }: JobError, stores: Stores): NonNullable<ApiJob['error']> {
  const told = { code, message: withoutPlaces(message, stores) };
  return hint === undefined ? told : { ...told, hint: withoutPlaces(hint, stores) };
}

export function apiJob(job: Job, stores: Stores): ApiJob {
  const { id, kind, title, state, priority, position, attempt, createdAt, startedAt, endedAt } = job;
  const { progress, error, asked, artefacts, after } = job;
  return {
    ...{ id, kind, title, state, priority, attempt, createdAt },
    ...defined({ position, startedAt, endedAt, asked }),
    ...(progress ? { progress: defined(progress) as NonNullable<ApiJob['progress']> } : {}),
    ...(error ? { error: apiError(error, stores) } : {}),
    artefacts: artefacts.map(artefact => apiArtefact(job, artefact, stores)),
    after: [...after],
  };
}

/** LoRAs and checkpoints lead to their cards. */
function withCard(artefact: ApiArtefact, { library }: Pick<Stores, 'library'>): ApiArtefact {
  const { type, fileName } = artefact;
  if (type !== 'lora' && type !== 'checkpoint') return artefact;
  const { cards } = library.search({ text: fileName.replace(/\.\w+$/, ''), use: type, limit: 50 });
  const card = cards.find(found => found.fileName === fileName && found.bytes === artefact.bytes);
  return card ? { ...artefact, cardId: card.id } : artefact;
}

export function apiWholeJob(job: Job, stores: Stores): ApiWholeJob {
  const plain = apiJob(job, stores);
  return {
    ...plain,
    artefacts: plain.artefacts.map(artefact => withCard(artefact, stores)),
    payload: job.payload,
    ...(job.result === undefined ? {} : { result: job.result }),
  };
}
