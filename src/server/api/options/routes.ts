/** @file Routes that say what can be chosen. */
import { type RouteRow, route } from '../../route.ts';
import { generationOptions, recipeOptions } from '../../schemas/system.ts';
import { generationChoices } from './generation.ts';
import { recipeChoices } from './recipe.ts';

const tag = 'options';

export const optionRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path: '/api/v1/options/generation', policy: 'read', tag },
    summary: 'What can be chosen for a picture, with a sentence each.',
    response: generationOptions,
    handle: () => generationChoices,
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/options/recipe', policy: 'read', tag },
    summary: 'Goals of training and all fields of a recipe.',
    response: recipeOptions,
    handle: () => recipeChoices(),
  }),
];
