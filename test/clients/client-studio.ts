/** @file A real studio for clients of other programs: the embedded model, and one LoRA with a second name. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../src/models/index.ts';
import { type RunningStudio, startStudio } from '../browser/support.ts';
import { randomLora, writeTestLora } from '../support/loras.ts';
import { temporaryFolder } from '../support/pictures.ts';

export type { RunningStudio };

/** `zorbi`, which was called `zorbi-blue` when it was trained. */
export async function startClientStudio(): Promise<RunningStudio> {
  const data = join(temporaryFolder(), 'data');
  mkdirSync(join(data, 'loras'), { recursive: true });
  const lora = randomLora(openCheckpoint('pretrained/pocket'), { seed: 3, rank: 2 });
  writeTestLora(join(data, 'loras', 'zorbi.safetensors'), {
    ...lora,
    metadata: { ss_output_name: 'zorbi-blue' },
  });
  const studio = await startStudio(data);
  await untilListed(studio);
  return studio;
}

/** The library looks through its folders when the studio starts. */
async function untilListed({ call }: RunningStudio): Promise<void> {
  const until = Date.now() + 30_000;
  while (Date.now() < until) {
    const loras = await call<readonly unknown[]>('GET', '/sdapi/v1/loras');
    if (loras.length > 0) return;
    await new Promise(done => setTimeout(done, 100));
  }
  throw new Error('the LoRA did not come into the library');
}

/** A1111's `info`: JSON in a string. */
export interface Info {
  readonly all_seeds: readonly number[];
  readonly infotexts: readonly string[];
  readonly index_of_first_image: number;
  readonly extra_generation_params: Readonly<Record<string, string>>;
  readonly clip_skip: number;
}
export const infoOf = ({ info }: { info: unknown }): Info => JSON.parse(String(info)) as Info;
