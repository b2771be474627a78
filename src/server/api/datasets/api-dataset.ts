/** @file Data sets and their pictures as the API tells them: names and addresses, never paths. */
import type { DatasetPicture, DatasetSummary, WholeDataset } from '../../../library/index.ts';
import type { ApiDataset, ApiDatasetPicture, ApiWholeDataset } from '../../schemas/datasets.ts';
import { versioned } from '../params.ts';

const addressOf = (id: string, pictureId: string): string =>
  `/api/v1/datasets/${encodeURIComponent(id)}/pictures/${pictureId}/view`;

export function apiDatasetPicture(datasetId: string, picture: DatasetPicture): ApiDatasetPicture {
  const { id, place, width, height, bytes, changedAt, caption, captionSource, fault } = picture;
  return {
    ...{ id, name: place, width, height, bytes, caption },
    url: versioned(addressOf(datasetId, id), changedAt, bytes),
    ...(captionSource === undefined ? {} : { captionSource }),
    ...(fault ? { fault } : {}),
  };
}

export function apiDataset(summary: DatasetSummary): ApiDataset {
  const { id, name, origin, pictures, captioned, bytes, changedAt, covers } = summary;
  const { suggestion, licence, fault } = summary;
  return {
    ...{ id, name, origin, pictures, captioned, bytes, changedAt },
    covers: covers.map(cover => versioned(addressOf(id, cover), changedAt)),
    ...(suggestion ? { suggestion: { ...suggestion } } : {}),
    ...(licence === undefined ? {} : { licence }),
    ...(fault ? { fault: { ...fault } } : {}),
  };
}

export function apiWholeDataset(whole: WholeDataset): ApiWholeDataset {
  const { id, items, canUndo } = whole;
  return { ...apiDataset(whole), items: items.map(item => apiDatasetPicture(id, item)), canUndo };
}
