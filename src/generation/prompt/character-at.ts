/** @file How a place in a prompt is named to who wrote it. */

/** Characters are counted from 1, as editors do; positions within the program from 0. */
export const characterAt = (position: number): number => position + 1;
