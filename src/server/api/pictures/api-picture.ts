/** @file Pictures of the history as the API tells them. */
import { basename } from 'node:path';
import type { IndexedPicture } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import type { ApiPicture, ApiWholePicture } from '../../schemas/pictures.ts';
import { versioned } from '../params.ts';
import { drawnAgain } from './payload-of.ts';

export function apiPicture(picture: IndexedPicture): ApiPicture {
  const { id, changedAt, width, height, prompt, seed, model, loras, favourite, jobId, bytes } = picture;
  return {
    ...{ id, createdAt: changedAt, width, height, prompt, seed, model, favourite },
    loras: loras.map(({ name, strength }) => ({ name, strength })),
    ...(jobId === undefined ? {} : { jobId }),
    url: versioned(`/api/v1/pictures/${id}/view`, changedAt, bytes),
  };
}

export async function apiWholePicture(context: StudioContext, id: string): Promise<ApiWholePicture> {
  const picture = await context.pictures.get(id);
  const text = await context.pictures.text(id);
  const again = text && drawnAgain(text, context);
  return {
    ...apiPicture(picture),
    ...{ negativePrompt: picture.negativePrompt, parameters: text?.parameters ?? '' },
    ...{ payload: again?.payload ?? null, missing: [...(again?.missing ?? [])] },
    ...{ findings: [...(again?.findings ?? [])], fileName: basename(picture.place), bytes: picture.bytes },
  };
}
