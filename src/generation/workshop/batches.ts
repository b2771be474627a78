/** @file Which pictures can be made at once. */
import type { PictureSettings } from '../settings/schema.ts';

/** What differs between the pictures of a batch; all else is shared. */
function sharedKey({ hires, ...settings }: PictureSettings): string {
  const {
    prompt: _p,
    negativePrompt: _n,
    templates: _t,
    loras: _l,
    seed: _s,
    variation: _v,
    ...shared
  } = settings;
  const { prompt: _hp, negativePrompt: _hn, ...hiresShared } = hires ?? {};
  return JSON.stringify([shared, hiresShared]);
}

/** Neighbours that can share a batch, by their places. */
export function batchesOf(settings: readonly PictureSettings[], most: number): number[][] {
  const batches: number[][] = [];
  for (const i of settings.keys()) {
    const last = batches.at(-1);
    const fits = last && last.length < most && sharedKey(settings[last[0]]) === sharedKey(settings[i]);
    if (fits) last.push(i);
    else batches.push([i]);
  }
  return batches;
}
