/** @file Which kinds of jobs there are and how soon they come: all that a queue knows of them, without their schemas. */

/** What somebody waits for, before what runs by itself. */
export const priorities = { interactive: 100, usual: 50, background: 10 } as const;

export const kindPriorities = {
  generate: priorities.interactive,
  compare: priorities.usual,
  train: priorities.usual,
  merge: priorities.usual,
  plan: priorities.interactive,
  'dataset-report': priorities.interactive,
} as const;
