/** @file Routes of data sets: lists, pictures, captions. */
import { z } from 'zod';
import { badInput, LoraError } from '../../../errors.ts';
import { servedPicture } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { type RouteRow, route } from '../../route.ts';
import { nothing } from '../../schemas/common.ts';
import {
  captionChanges,
  captionEdit,
  captionText,
  dataset,
  datasetPicture,
  newDataset,
  newDatasetFolder,
  wholeDataset,
} from '../../schemas/datasets.ts';
import { datasetParams, datasetPictureParams, pictureReply, viewQuery } from '../params.ts';
import { apiDataset, apiDatasetPicture, apiWholeDataset } from './api-dataset.ts';

const tag = 'datasets';
const path = '/api/v1/datasets';
const uploadBytes = 256 * 2 ** 20;

const changed = ({ tell }: StudioContext, id: string): void => tell('dataset', { id });

/** Damage that shows only when a picture is decoded is remembered, and told in the list from then on. */
async function view(
  { datasets, data, tell }: StudioContext,
  id: string,
  pictureId: string,
  query: z.output<typeof viewQuery>,
  signal: AbortSignal,
): Promise<unknown> {
  const picture = await datasets.picture(id, pictureId);
  try {
    return pictureReply(await servedPicture(data, picture.path, query.size, signal), query.v);
  } catch (error) {
    if (error instanceof LoraError && error.code === 'PICTURE_BROKEN' && !picture.fault) {
      await datasets.markBroken(id, pictureId, error.message);
      tell('dataset', { id });
    }
    throw error;
  }
}

export const datasetRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path, policy: 'read', tag },
    summary: 'All data sets: own ones, folders of yours, examples.',
    response: z.object({ datasets: z.array(dataset) }),
    handle: async ({ datasets }) => ({ datasets: (await datasets.list()).map(apiDataset) }),
  }),
  route({
    ...{ method: 'POST', path, policy: 'change', tag, status: 201 },
    summary: 'A new data set: empty, or a copy of another.',
    ...{ body: newDataset, response: wholeDataset },
    handle: async (context, { body: { name, from } }) => {
      const { id } = await context.datasets.create(name, from);
      changed(context, id);
      return apiWholeDataset(await context.datasets.get(id));
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/folders`, policy: 'local', tag, status: 201 },
    summary:
      'A folder of yours as a data set: it stays where it is, and only its captions are changed, when asked.',
    ...{ body: newDatasetFolder, response: dataset },
    handle: async (context, { body }) => {
      const summary = await context.datasets.addFolder(body.path);
      changed(context, summary.id);
      return apiDataset(summary);
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id`, policy: 'read', tag },
    summary: 'A data set with its pictures and captions as training reads them.',
    ...{ params: datasetParams, response: wholeDataset },
    handle: async ({ datasets }, { params }) => apiWholeDataset(await datasets.get(params.id)),
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Sets an own data set aside for some days; forgets a folder of yours and touches nothing in it.',
    ...{ params: datasetParams, response: nothing },
    handle: async (context, { params }) => {
      await context.datasets.remove(params.id);
      changed(context, params.id);
      return {};
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/:id/pictures`, policy: 'upload', tag, status: 201 },
    summary:
      'Adds a picture, or a caption as `.txt`, under the name in the query. A name that is taken gets a number.',
    params: datasetParams,
    query: z.strictObject({ name: z.string().min(1).max(1000) }),
    // A caption that comes before its picture has none to tell of.
    response: z.union([datasetPicture, nothing]),
    bodyLimit: uploadBytes,
    handle: async (context, { params, query, stream }) => {
      if (!stream) throw badInput('UPLOAD_EMPTY', 'there is no file in the request');
      const picture = await context.datasets.add(params.id, query.name, stream);
      changed(context, params.id);
      return picture ? apiDatasetPicture(params.id, picture) : {};
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/pictures/:picture/view`, policy: 'read', tag },
    summary: 'A picture of a data set, made smaller.',
    ...{ params: datasetPictureParams, query: viewQuery },
    handle: (context, { params, query, signal }) => view(context, params.id, params.picture, query, signal),
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id/pictures/:picture`, policy: 'change', tag },
    summary: 'Sets a picture of an own data set aside, with its caption.',
    ...{ params: datasetPictureParams, response: nothing },
    handle: async (context, { params }) => {
      await context.datasets.removePicture(params.id, params.picture);
      changed(context, params.id);
      return {};
    },
  }),
  route({
    ...{ method: 'PUT', path: `${path}/:id/pictures/:picture/caption`, policy: 'change', tag },
    summary: 'Writes the caption of one picture.',
    ...{ params: datasetPictureParams, body: captionText, response: datasetPicture },
    handle: async (context, { params, body }) => {
      const picture = await context.datasets.setCaption(params.id, params.picture, body.text);
      changed(context, params.id);
      return apiDatasetPicture(params.id, picture);
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/:id/captions`, policy: 'change', tag },
    summary: 'Changes captions in bulk; without `write` only shows what would change.',
    ...{ params: datasetParams, body: captionEdit, response: captionChanges, bodyLimit: 4 * 2 ** 20 },
    handle: async (context, { params, body: { write, ...edit } }) => {
      const changes = await context.datasets.editCaptions(params.id, edit, write);
      if (changes.written) changed(context, params.id);
      return changes;
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/:id/captions/undo`, policy: 'change', tag },
    summary: 'Takes the last edit of captions back, byte for byte.',
    ...{ params: datasetParams, response: captionChanges },
    handle: async (context, { params }) => {
      const changes = await context.datasets.undoCaptions(params.id);
      changed(context, params.id);
      return changes;
    },
  }),
];
