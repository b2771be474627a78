/** @file The rows of the own API. */
import type { RouteRow } from '../route.ts';

export const apiRoutes: readonly RouteRow[] = [];
