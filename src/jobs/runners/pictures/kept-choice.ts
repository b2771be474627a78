/** @file What chance and the clock gave a job at its first attempt, for those that come after. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../files/index.ts';
import type { JobContext } from '../../runner.ts';
import { seedOf, type WishedPicture } from './wish.ts';

const seedText = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(BigInt);
const kept = z.object({ seed: seedText, variationSeed: seedText, date: z.string() });

export type KeptChoice = z.output<typeof kept>;

const fileName = 'choice.json';

function read(path: string): KeptChoice | undefined {
  try {
    return kept.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined; // the first attempt
  }
}

const today = (): string => {
  const now = new Date();
  return [now.getFullYear(), now.getMonth() + 1, now.getDate()]
    .map(part => String(part).padStart(2, '0'))
    .join('-');
};

/** Seeds and the date of a job, the same at every attempt. Throws SEED_INVALID. */
export async function keepChoice({ places }: JobContext, payload: WishedPicture): Promise<KeptChoice> {
  const path = join(places.work, fileName);
  const known = read(path);
  if (known) return known;
  const chosen = {
    seed: seedOf(payload.seed),
    variationSeed: seedOf(payload.variation?.seed),
    date: today(),
  };
  const { seed, variationSeed, date } = chosen;
  await writeFileAtomic(
    path,
    JSON.stringify({ seed: String(seed), variationSeed: String(variationSeed), date }),
  );
  return chosen;
}

/** The end of an id tells jobs apart that were made in the same second. */
export const shortId = (jobId: string): string => jobId.replace(/[^a-zA-Z0-9]/g, '').slice(-8);
