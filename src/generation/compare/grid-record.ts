/** @file `grid.json`: what is drawn in a folder, so that drawing goes on where it ended. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { badInput, usageError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import { pictureSettingsSchema } from '../settings/schema.ts';
import type { Grid } from './plan.ts';

export const recordName = 'grid.json';

const fileInFolder = /^[^/\\]+\.png$/;

const recordSchema = z.object({
  format: z.literal('lora-studio grid'),
  version: z.literal(1),
  axes: z.array(
    z.object({
      title: z.string(),
      values: z.array(z.object({ label: z.string() })),
    }),
  ),
  sheets: z.array(z.string().regex(fileInFolder)),
  cells: z.array(z.object({ at: z.array(z.number().int()), picture: z.string() })),
  pictures: z.array(
    z.object({
      id: z.string(),
      file: z.string().regex(fileInFolder),
      isThere: z.boolean(),
      settings: pictureSettingsSchema,
    }),
  ),
});

export type GridRecord = z.output<typeof recordSchema>;

/** Reads the record of a folder; undefined where there is none. Throws GRID_INVALID. */
export function readGridRecord(folder: string): GridRecord | undefined {
  const path = join(folder, recordName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw badInput('GRID_INVALID', `${path} cannot be read: ${(cause as Error).message}`);
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    const hint = 'Was it edited, or written by a newer version? Give another --out.';
    throw badInput('GRID_INVALID', `${path} is not the record of a grid`, hint, cause);
  }
}

/** Seeds of 64 bits are text in JSON. */
const asJson = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));

/** Writes the record with a line for each picture and each cell. */
export async function writeGridRecord(
  folder: string,
  { axes, cells, pictures, sheets }: Grid,
  isThere: (id: string) => boolean,
): Promise<void> {
  const lines = (items: readonly unknown[]): string =>
    `[\n${items.map(item => `    ${asJson(item)}`).join(',\n')}\n  ]`;
  const drawn = pictures.map(({ id, file, settings }) => ({ id, file, isThere: isThere(id), settings }));
  const parts = [
    `  "format": "lora-studio grid",\n  "version": 1`,
    `  "axes": ${lines(axes)}`,
    `  "sheets": ${lines(sheets.map(({ file }) => file))}`,
    `  "cells": ${lines(cells)}`,
    `  "pictures": ${lines(drawn)}`,
  ];
  await writeFileAtomic(join(folder, recordName), `{\n${parts.join(',\n')}\n}\n`);
}

/** Throws GRID_OTHER where the folder holds pictures that the plan does not have: it is another grid, not a larger one. */
export function checkExtends(record: GridRecord, { pictures }: Grid, folder: string): void {
  const ids = new Set(pictures.map(({ id }) => id));
  const others = record.pictures.filter(({ id }) => !ids.has(id));
  if (others.length === 0) return;
  const about = record.axes.filter(({ title }) => title !== '').map(({ title }) => title);
  const part = others.length === record.pictures.length ? 'none' : `${others.length} are not`;
  throw usageError(
    'GRID_OTHER',
    `${folder} holds a grid of ${record.pictures.length} pictures over ${about.join(', ')}; ${part} of this one`,
    'Give another --out. A grid may be drawn again with more values, but not with other settings or LoRA files.',
  );
}

export interface RecordedSeeds {
  readonly seed: bigint | undefined;
  readonly variationSeed: bigint | undefined;
}

/** The seeds that the grid of a folder was drawn with, where all its pictures have the same. */
export function recordedSeeds(record: GridRecord | undefined): RecordedSeeds {
  const settings = record?.pictures.map(picture => picture.settings) ?? [];
  const only = (seeds: readonly bigint[]): bigint | undefined =>
    new Set(seeds).size === 1 ? seeds[0] : undefined;
  return {
    seed: only(settings.map(({ seed }) => seed)),
    // Pictures with a variation of strength 0 have none.
    variationSeed: only(settings.flatMap(({ variation }) => variation?.seed ?? [])),
  };
}
