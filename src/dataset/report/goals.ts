/** @file How many pictures a goal wants, counted in different ones, and where the numbers come from. */

export type Goal = 'character' | 'style' | 'object' | 'subject';

export interface GoalRow {
  readonly name: string;
  readonly least: number;
  /** Where more stops helping; undefined where it never does. */
  readonly enough: number | undefined;
  readonly reason: string;
}

/**
 * Recipes that are in use: Diffusers' DreamBooth example has 3 to 5 pictures of an object and repeats them; the author
 * of the most used colab trainer asks for 20 pictures at least and would like 100 (kohya-colab issue 54).
 */
export const goals: Readonly<Record<Goal, GoalRow>> = {
  object: {
    name: 'an object',
    ...{ least: 10, enough: 30 },
    reason:
      'one shape from several sides; with 3 to 5 (as in DreamBooth examples) pose and place are learnt with it',
  },
  character: {
    name: 'a character',
    ...{ least: 15, enough: 40 },
    reason: 'face, figure and clothes in several poses and places; trainers ask for 20 and more',
  },
  style: {
    name: 'a style',
    ...{ least: 30, enough: 200 },
    reason: 'what all have in common must be the style alone, so subjects have to differ as much as they can',
  },
  subject: {
    name: 'a professional subject',
    ...{ least: 50, enough: undefined },
    reason: 'products, people or places that have to be right in any view and light',
  },
};

/** The fewest that any goal wants. */
export const leastOfAll = Math.min(...Object.values(goals).map(({ least }) => least));
