/** @file Routes of the library's folders. */
import { z } from 'zod';
import { type RouteRow, route } from '../../route.ts';
import { folderPage, newFolder, scanState } from '../../schemas/cards.ts';
import { nothing } from '../../schemas/common.ts';
import { apiFolder } from './api-card.ts';
import { cardsChanged } from './card-routes.ts';

const tag = 'library';
const path = '/api/v1/library/folders';

export const folderRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path, policy: 'read', tag },
    summary: 'Folders in which the library looks.',
    response: folderPage,
    handle: ({ library, isLocal }) => ({
      folders: library.folders().map(folder => apiFolder(folder, isLocal)),
    }),
  }),
  route({
    ...{ method: 'POST', path, policy: 'local', tag, status: 201 },
    summary:
      'Adds a folder, or an installation of A1111, Forge or ComfyUI. Nothing in it is moved or changed.',
    ...{ body: newFolder, response: folderPage },
    handle: ({ library, isLocal, scans }, { body }) => {
      const added = library.addFolder(body.path, body.uses);
      void scans.scan();
      return { folders: added.map(folder => apiFolder(folder, isLocal)) };
    },
  }),
  route({
    ...{ method: 'DELETE', path: `${path}/:id`, policy: 'local', tag },
    summary: 'Forgets a folder; its files stay, and so does what you wrote of them.',
    params: z.strictObject({ id: z.string().regex(/^[A-Za-z0-9_-]{1,80}$/) }),
    response: nothing,
    handle: (context, { params }) => {
      context.library.removeFolder(params.id);
      cardsChanged(context);
      return {};
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/library/scan', policy: 'read', tag },
    summary: 'Whether the library looks through its folders just now, and how far it is.',
    response: scanState,
    handle: ({ scans }) => scans.state(),
  }),
  route({
    ...{ method: 'POST', path: '/api/v1/library/scan', policy: 'change', tag, status: 202 },
    summary: 'Looks for what is new, changed, moved or gone; `library` events tell how far it is.',
    response: scanState,
    handle: ({ scans }) => {
      void scans.scan();
      return scans.state();
    },
  }),
];
