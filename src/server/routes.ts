/** @file All routes of the studio: what is served, described and put to the test of the access matrix. */
import { apiRoutes } from './api/index.ts';
import { a1111Routes } from './dialects/a1111/routes.ts';
import { openAiRoutes } from './dialects/openai/routes.ts';
import { type DoorOptions, doorRoutes } from './door.ts';
import { pageRoutes } from './page.ts';
import type { RouteRow } from './route.ts';

/** `page` is the folder of the built page, where there is one. */
export function studioRoutes(
  options: DoorOptions & { readonly page?: string | undefined },
): readonly RouteRow[] {
  const page = options.page === undefined ? [] : pageRoutes(options.page);
  return doorRoutes(options, [...apiRoutes, ...a1111Routes, ...openAiRoutes, ...page]);
}
