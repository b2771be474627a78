/** @file Pictures that a job has finished, kept in its own folder: an attempt that follows a dead one draws the others. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../files/index.ts';
import { type FinishedPicture, type PictureFormat, portableSettings } from '../../../generation/index.ts';
import type { JobContext, StagedFile } from '../../runner.ts';
import { stageFile } from '../stage-file.ts';
import { type KeptChoice, shortId } from './kept-choice.ts';

const facts = z.object({
  /** Of the artefact, and of its file. */
  ...{ name: z.string(), file: z.string() },
  /** Text where a JavaScript number does not hold it. */
  seed: z.union([z.number(), z.string()]),
  ...{ width: z.number(), height: z.number(), parameters: z.string() },
  settings: z.record(z.string(), z.unknown()),
  findings: z.array(z.string()),
  truncated: z.object({ prompt: z.string(), negativePrompt: z.string() }),
});
/** What is told of a picture. */
export type PictureFacts = z.output<typeof facts>;

export interface DrawnPictures {
  /** Places of pictures that are there already. */
  has(index: number): boolean;
  keep(index: number, picture: FinishedPicture): Promise<PictureFacts>;
  /** All pictures in their order, staged. */
  outcome(): { readonly files: readonly StagedFile[]; readonly pictures: readonly PictureFacts[] };
}

const endings: Readonly<Record<PictureFormat, string>> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

const jsonSeed = (seed: bigint): number | string =>
  seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : String(seed);

function readFacts(path: string): PictureFacts | undefined {
  try {
    return facts.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Opens the pictures of a job; those of earlier attempts are staged at once. */
export async function openDrawnPictures(
  { places, jobId }: Pick<JobContext, 'places' | 'jobId'>,
  { date }: KeptChoice,
  format: PictureFormat,
  count: number,
): Promise<DrawnPictures> {
  const folder = join(places.work, 'pictures');
  await mkdir(folder, { recursive: true });
  const drawn = new Map<number, { readonly staged: StagedFile; readonly told: PictureFacts }>();
  const factsPath = (index: number): string => join(folder, `${index}.json`);
  const stage = async (index: number, told: PictureFacts): Promise<void> => {
    const path = join(folder, told.file);
    const staged = await stageFile(places, path, { name: told.name, type: 'picture', fileName: told.file });
    drawn.set(index, { staged, told });
  };
  for (let index = 0; index < count; index++) {
    const told = readFacts(factsPath(index));
    if (told && existsSync(join(folder, told.file))) await stage(index, told);
  }
  return {
    has: index => drawn.has(index),
    async keep(index, { settings, width, height, parameters, findings, truncated, bytes }) {
      const { seed } = settings;
      const told: PictureFacts = {
        name: `picture-${index + 1}`,
        file: `${date}-${shortId(jobId)}-${index + 1}-${seed}.${endings[format]}`,
        ...{ seed: jsonSeed(seed), width, height, parameters },
        settings: { ...portableSettings(settings) },
        ...{ findings: [...findings], truncated },
      };
      await writeFileAtomic(join(folder, told.file), bytes);
      await writeFileAtomic(factsPath(index), JSON.stringify(told)); // last: it says that the picture is whole
      await stage(index, told);
      return told;
    },
    outcome() {
      const all = [...drawn].sort(([a], [b]) => a - b).map(([, one]) => one);
      return { files: all.map(({ staged }) => staged), pictures: all.map(({ told }) => told) };
    },
  };
}
