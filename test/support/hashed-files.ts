/** Hashed weights (test/golden/hashed-weights.ts) of real shapes in .safetensors files, as users' checkpoints lie on disk. */
import { readFileSync, rmSync, statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { narrowToHalf, type Shape } from '../../src/engine/index.ts';
import { streamSafetensors } from '../../src/files/index.ts';
import { openWeights, type WeightSource } from '../../src/models/index.ts';
import { hashed } from '../golden/hashed-weights.ts';
import { temporaryFolder } from './pictures.ts';

export interface HashedFile {
  readonly weights: WeightSource & { readonly files: readonly string[] };
  remove(): void;
}

/** Writes every tensor of `shapes`; float16 weights are those of `hashed`, rounded. */
export async function writeHashed(
  shapes: ReadonlyMap<string, Shape>,
  dtype: 'float32' | 'float16' = 'float32',
): Promise<HashedFile> {
  const folder = temporaryFolder();
  const tensors = [...shapes].map(([name, shape]) => ({ name, dtype, shape }));
  await streamSafetensors(`${folder}/model.safetensors`, tensors, ({ name, shape }) => {
    const values = hashed(name, shape);
    return new Uint8Array((dtype === 'float16' ? narrowToHalf(values) : values).buffer);
  });
  return { weights: openWeights(folder, 'model'), remove: () => rmSync(folder, { recursive: true }) };
}

/** Memory that a program can get: free, or held by the page cache. */
function availableBytes(): number {
  if (process.platform !== 'linux') return freemem();
  const [, kilobytes] = /^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Why a test that needs this much cannot run here; undefined where it can. */
export function missingRoom(needed: {
  readonly diskGiB: number;
  readonly memoryGiB: number;
}): string | undefined {
  const { bavail, bsize } = statfsSync(temporaryFolder());
  const found = { diskGiB: (bavail * bsize) / 2 ** 30, memoryGiB: availableBytes() / 2 ** 30 };
  const lacking = (['diskGiB', 'memoryGiB'] as const).find(what => found[what] < needed[what]);
  if (!lacking) return undefined;
  return `needs ${lacking === 'diskGiB' ? 'disk' : 'memory'} of ${needed[lacking]} GiB, ${found[lacking].toFixed(1)} are free`;
}
