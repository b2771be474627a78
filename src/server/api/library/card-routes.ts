/** @file Routes of the library's cards. */
import { createReadStream, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { badInput, LoraError } from '../../../errors.ts';
import {
  type CardEdit,
  type CardQuery,
  keepUpload,
  receiveBytes,
  servedBytes,
  uploadLimits,
  uploadPath,
  type WholeCard,
  writeSideFile,
} from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply, type RouteRow, route } from '../../route.ts';
import {
  card,
  cardEdit,
  cardPage,
  cardQuery,
  duplicate,
  facets,
  sideFileWish,
  wholeCard,
} from '../../schemas/cards.ts';
import { cardParams, pictureReply, viewQuery } from '../params.ts';
import { apiCard, apiWholeCard } from './api-card.ts';

const tag = 'library';
const path = '/api/v1/library/cards';

export function cardOf({ library }: Pick<StudioContext, 'library'>, id: string): WholeCard {
  const found = library.card(id);
  if (found) return found;
  throw new LoraError('CARD_UNKNOWN', `the library has no card ${id}`, { hint: 'Let it look again.' });
}

/** The page asks for cards again. */
export const cardsChanged = ({ tell, scans }: Pick<StudioContext, 'tell' | 'scans'>): void =>
  tell('library', scans.state());

/** What a card's picture may be: re-encoded, as uploads are. */
async function setPreview(context: StudioContext, id: string, bytes: Uint8Array): Promise<void> {
  cardOf(context, id);
  const upload = await keepUpload(context.data, bytes);
  await context.library.setPreview(id, await readFile(uploadPath(context.data, upload.id)));
}

function fileReply(context: StudioContext, id: string): Reply {
  const { name } = cardOf(context, id);
  const file = context.library.pathOf(id);
  const facts = statSync(file, { throwIfNoEntry: false });
  if (!facts) throw new LoraError('CARD_MISSING', `the file of ${name} is not there`);
  if (!facts.isFile())
    throw badInput('CARD_IS_FOLDER', `${name} is a folder of files`, 'Fetch it on the machine itself.');
  return new Reply(createReadStream(file), 'application/octet-stream', {
    ...{ fileName: basename(file), headers: { 'content-length': String(facts.size) } },
  });
}

export const cardRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path, policy: 'read', tag },
    summary: 'Cards that match: words of name, triggers, tags, notes and place; filters; order.',
    ...{ query: cardQuery, response: cardPage },
    handle: ({ library }, { query }) => {
      const { total, cards } = library.search(query as CardQuery);
      return { total, cards: cards.map(apiCard) };
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/library/facets', policy: 'read', tag },
    summary: 'What can be filtered by, with how many cards each.',
    query: z.strictObject({ use: card.shape.use.optional() }),
    response: facets,
    handle: ({ library }, { query }) => library.facets(query.use),
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/library/duplicates', policy: 'read', tag },
    summary: 'Files with the same tensors, those that look alike, and what all but one of them take.',
    response: z.object({ duplicates: z.array(duplicate) }),
    handle: ({ library }) => ({
      duplicates: library.duplicates().map(({ id, files, bytes, isSame }) => ({
        ...{ id, bytes, isSame, name: library.card(id)?.name ?? id },
        files: files.map(file => basename(file)),
      })),
    }),
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id`, policy: 'read', tag },
    summary: 'All that is known of a file.',
    ...{ params: cardParams, response: wholeCard },
    handle: (context, { params }) => apiWholeCard(cardOf(context, params.id)),
  }),
  route({
    ...{ method: 'PATCH', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Writes what you say of a card into the studio, not into the file; null takes it back.',
    ...{ params: cardParams, body: cardEdit, response: wholeCard },
    handle: (context, { params, body }) => {
      const changed = context.library.edit(params.id, body as CardEdit);
      cardsChanged(context);
      return apiWholeCard(changed);
    },
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id`, policy: 'change', tag },
    summary: 'Takes the card of a missing file away. Files are never deleted.',
    ...{ params: cardParams, response: z.object({}) },
    handle: (context, { params }) => {
      context.library.forget(params.id);
      cardsChanged(context);
      return {};
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/preview`, policy: 'read', tag },
    summary: 'The picture of a card, made smaller.',
    ...{ params: cardParams, query: viewQuery },
    handle: async (context, { params, query, signal }) => {
      const { name } = cardOf(context, params.id);
      const bytes = await context.library.preview(params.id);
      if (!bytes) throw new LoraError('PREVIEW_UNKNOWN', `${name} has no picture`);
      return pictureReply(await servedBytes(context.data, bytes, query.size, { signal }), query.v);
    },
  }),
  route({
    ...{ method: 'PUT', path: `${path}/:id/preview`, policy: 'upload', tag },
    summary: 'A picture of yours for a card, kept in the studio.',
    ...{ params: cardParams, response: wholeCard, bodyLimit: uploadLimits.bytes },
    handle: async (context, { params, stream }) => {
      if (!stream) throw badInput('UPLOAD_EMPTY', 'there is no picture in the request');
      const limits = { name: 'the picture', mostBytes: uploadLimits.bytes };
      await setPreview(context, params.id, await receiveBytes(stream, limits));
      cardsChanged(context);
      return apiWholeCard(cardOf(context, params.id));
    },
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id/preview`, policy: 'change', tag },
    summary: 'Takes your picture of a card away; one beside the file shows again.',
    ...{ params: cardParams, response: wholeCard },
    handle: async (context, { params }) => {
      cardOf(context, params.id);
      await context.library.setPreview(params.id, undefined);
      cardsChanged(context);
      return apiWholeCard(cardOf(context, params.id));
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/:id/side-files`, policy: 'change', tag },
    summary: 'Writes the card beside its file, for another program; what that program wrote there stays.',
    params: cardParams,
    body: sideFileWish,
    response: z.object({ name: z.string() }),
    handle: async (context, { params, body }) => {
      const found = cardOf(context, params.id);
      if (found.use !== 'lora')
        throw badInput('CARD_WRONG_USE', `${found.name} is no LoRA: only they have side files`);
      const file = context.library.pathOf(params.id);
      const written = await writeSideFile(body.dialect, file, found, { replace: body.replace });
      cardsChanged(context);
      return { name: basename(written) };
    },
  }),
  route({
    ...{ method: 'POST', path: `${path}/:id/hash`, policy: 'change', tag },
    summary: 'Reads the whole file, and its copies, and keeps their hashes.',
    ...{ params: cardParams, response: wholeCard.shape.hashes },
    handle: async (context, { params, signal }) => {
      cardOf(context, params.id);
      const hashes = await context.library.hash(params.id, signal, { copies: true });
      cardsChanged(context);
      return hashes;
    },
  }),
  route({
    ...{ method: 'GET', path: `${path}/:id/file`, policy: 'read', tag },
    summary: 'The file itself, to be saved.',
    params: cardParams,
    handle: (context, { params }) => fileReply(context, params.id),
  }),
];
