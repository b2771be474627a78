/** @file Routes of the history, of uploads, and of pictures that are dropped to be read. */
import { createReadStream } from 'node:fs';
import { basename, extname } from 'node:path';
import { z } from 'zod';
import { badInput, LoraError } from '../../../errors.ts';
import { readPictureText } from '../../../generation/index.ts';
import { uploadId } from '../../../jobs/index.ts';
import { receiveBytes, saveUpload, servedPicture, uploadLimits, uploadPath } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply, type RouteRow, route } from '../../route.ts';
import { nothing } from '../../schemas/common.ts';
import {
  picture,
  pictureEdit,
  picturePage,
  pictureQuery,
  readPicture,
  upload,
  wholePicture,
} from '../../schemas/pictures.ts';
import { pictureParams, pictureReply, viewQuery } from '../params.ts';
import { apiPicture, apiWholePicture } from './api-picture.ts';
import { drawnAgain } from './payload-of.ts';

const tag = 'pictures';
const path = '/api/v1/pictures';

const types: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
};

/** A picture that says nothing of itself is an answer, not a fault; one that is no picture is. */
async function readDropped(context: StudioContext, bytes: Uint8Array): Promise<z.output<typeof readPicture>> {
  try {
    const text = await readPictureText(bytes, 'the picture');
    const { payload, missing, findings } = drawnAgain(text, context);
    return {
      ...{ program: text.program, missing: [...missing], findings: [...findings] },
      ...(text.parameters === undefined ? {} : { parameters: text.parameters }),
      ...(payload === undefined ? {} : { payload }),
    };
  } catch (error) {
    if (!(error instanceof LoraError) || error.code !== 'PICTURE_HAS_NO_TEXT') throw error;
    return { missing: [], findings: [error.message, ...(error.hint ? [error.hint] : [])] };
  }
}

export const pictureRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path, policy: 'read', tag },
    summary: 'The history, newest first; words are looked for in prompts, names of LoRAs and seeds.',
    ...{ query: pictureQuery, response: picturePage },
    handle: async ({ pictures }, { query }) => {
      const found = await pictures.list(query);
      return { total: found.total, pictures: found.pictures.map(apiPicture) };
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/read`, policy: 'upload', tag },
    summary: 'Reads how a picture of any program was made, as a job that draws it again. Nothing is kept.',
    ...{ response: readPicture, bodyLimit: uploadLimits.bytes },
    handle: async (context, { stream }) => {
      if (!stream) throw badInput('UPLOAD_EMPTY', 'there is no picture in the request');
      const limits = { name: 'the picture', mostBytes: uploadLimits.bytes };
      return readDropped(context, await receiveBytes(stream, limits));
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id`, policy: 'read', tag },
    summary: 'A picture with all that it says of itself, and the job that draws it again.',
    ...{ params: pictureParams, response: wholePicture },
    handle: (context, { params }) => apiWholePicture(context, params.id),
  }),
  route({
    ...{ method: 'PATCH', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Marks a picture as favourite, or not.',
    ...{ params: pictureParams, body: pictureEdit, response: picture },
    handle: async ({ pictures, tell }, { params, body }) => {
      const changed = apiPicture(await pictures.setFavourite(params.id, body.favourite));
      tell('picture', { picture: changed });
      return changed;
    },
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Takes a picture out of the history; its file is set aside for some days.',
    ...{ params: pictureParams, response: nothing },
    handle: async ({ pictures }, { params }) => {
      await pictures.remove(params.id);
      return {};
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/view`, policy: 'read', tag },
    summary: 'A picture to look at, in one of some widths.',
    ...{ params: pictureParams, query: viewQuery },
    handle: async ({ pictures, data }, { params, query, signal }) => {
      const { path: file } = await pictures.get(params.id);
      return pictureReply(await servedPicture(data, file, query.size, signal), query.v);
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/file`, policy: 'read', tag },
    summary: 'The file itself, with its parameters in it, to be saved.',
    params: pictureParams,
    handle: async ({ pictures }, { params }) => {
      const { path: file } = await pictures.get(params.id);
      const type = types[extname(file).toLowerCase()] ?? 'application/octet-stream';
      return new Reply(createReadStream(file), type, { fileName: basename(file) });
    },
  }),
  route({
    ...{ method: 'POST', path: '/api/v1/uploads', policy: 'upload', tag, status: 201 },
    summary: 'A picture to start from, or a mask: kept as PNG for some days, under an id for jobs.',
    ...{ response: upload, bodyLimit: uploadLimits.bytes },
    handle: async ({ data }, { stream }) => {
      if (!stream) throw badInput('UPLOAD_EMPTY', 'there is no picture in the request');
      const { id, width, height } = await saveUpload(data, stream);
      return { id, width, height, url: `/api/v1/uploads/${id}/view?v=1` };
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/uploads/:id/view', policy: 'read', tag },
    summary: 'An upload to look at.',
    ...{ params: z.strictObject({ id: uploadId }), query: viewQuery },
    handle: async ({ data }, { params, query, signal }) => {
      const file = uploadPath(data, params.id);
      return pictureReply(await servedPicture(data, file, query.size, signal), query.v);
    },
  }),
];
