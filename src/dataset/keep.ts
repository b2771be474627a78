/** @file Latents from the cache, or made, checked and put there. */
import type { Tensor } from '../engine/index.ts';
import { badInput } from '../errors.ts';
import { type LatentCache, latentCache } from './cache.ts';
import { type DatasetWarning, firstLine } from './findings.ts';

export interface KeepOptions {
  /** Without it nothing is written to disk. */
  cacheFolder?: string;
  /** Told once when the cache cannot be written; the run goes on without it. */
  onWarning?: (warning: DatasetWarning) => void;
}

export interface Kept {
  latents: Tensor;
  /** Whether they came from the cache. */
  cached: boolean;
}

/** What the cache has under `key`, else what `make` gives; `path` names the picture in errors. */
export type Keep = (key: string, path: string, make: () => Promise<Tensor>) => Promise<Kept>;

function checkFinite(latents: Tensor, path: string): void {
  const at = latents.data.findIndex(value => !Number.isFinite(value));
  if (at < 0) return;
  const message = `${path}: latent ${at} of ${latents.data.length} is ${latents.data[at]}`;
  const hint = 'The VAE of the base is damaged, or overflows in half precision; use its float32 weights.';
  throw badInput('LATENTS_NOT_FINITE', message, hint);
}

/** A cache that stops writing, with a warning, where it cannot: everything in it can be made again. */
function forgivingCache({ cacheFolder: folder, onWarning }: KeepOptions): LatentCache | undefined {
  if (folder === undefined) return undefined;
  const cache = latentCache(folder);
  let broken = false;
  return {
    get: key => cache.get(key),
    async put(key, latents) {
      if (broken) return;
      await cache.put(key, latents).catch((error: unknown) => {
        broken = true;
        const message = `latents are not kept for the next run: ${firstLine(error)}`;
        onWarning?.({ code: 'CACHE_NOT_WRITTEN', message, path: folder });
      });
    },
  };
}

export function openKeeper(options: KeepOptions): Keep {
  const cache = forgivingCache(options);
  return async (key, path, make) => {
    const kept = await cache?.get(key);
    if (kept) return { latents: kept, cached: true };
    const latents = await make();
    checkFinite(latents, path);
    await cache?.put(key, latents);
    return { latents, cached: false };
  };
}
