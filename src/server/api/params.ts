/** @file What several routes' addresses and answers have in common. */
import { z } from 'zod';
import { datasetId } from '../../jobs/index.ts';
import type { ServedPicture } from '../../library/index.ts';
import { Reply } from '../route.ts';
import { cardId } from '../schemas/cards.ts';
import { pictureSize } from '../schemas/common.ts';
import { datasetPictureId } from '../schemas/datasets.ts';
import { jobId } from '../schemas/jobs.ts';
import { pictureId } from '../schemas/pictures.ts';

export const jobParams = z.strictObject({ id: jobId });
export const cardParams = z.strictObject({ id: cardId });
export const pictureParams = z.strictObject({ id: pictureId });
export const datasetParams = z.strictObject({ id: datasetId });
export const datasetPictureParams = z.strictObject({ id: datasetId, picture: datasetPictureId });

/** `v` changes with the picture, so that a browser may keep what it has. */
export const viewQuery = z.strictObject({ size: pictureSize, v: z.string().max(80).optional() });

const monthSeconds = 30 * 86_400;

export function pictureReply({ bytes, type }: ServedPicture, version: string | undefined): Reply {
  return new Reply(bytes, type, version === undefined ? {} : { maxAge: monthSeconds });
}

/** Of a picture that is looked at: `?v=` and what changes with it. */
export const versioned = (url: string, ...parts: readonly (string | number)[]): string =>
  `${url}?v=${parts.map(part => (typeof part === 'number' ? part.toString(36) : encodeURIComponent(part))).join('-')}`;
