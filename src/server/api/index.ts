/** The studio's own API: rows of routes, a file a part of it. */
import type { RouteRow } from '../route.ts';
import { datasetRoutes } from './datasets/routes.ts';
import { jobRoutes } from './jobs/routes.ts';
import { cardRoutes } from './library/card-routes.ts';
import { folderRoutes } from './library/folder-routes.ts';
import { packRoutes } from './library/pack-routes.ts';
import { optionRoutes } from './options/routes.ts';
import { pictureRoutes } from './pictures/routes.ts';
import { systemRoutes } from './system/routes.ts';

export { apiJob, apiWholeJob } from './jobs/api-job.ts';
export { previewUrl } from './jobs/routes.ts';
export { runFolder } from './jobs/training.ts';
export { apiPicture } from './pictures/api-picture.ts';
export { statusOf } from './system/status.ts';

export const apiRoutes: readonly RouteRow[] = [
  ...[...jobRoutes, ...cardRoutes, ...folderRoutes, ...packRoutes],
  ...[...datasetRoutes, ...pictureRoutes, ...optionRoutes, ...systemRoutes],
];
