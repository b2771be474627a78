/** @file Pictures to latents and back, one session a size. */

import type { Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import { openScope } from '../layers.ts';
import { vaeDecoder, vaeEncoder } from '../vae/vae.ts';

export interface VaeEncoder {
  /** Pictures [1, 3, h, w] in −1 … 1 → scaled latents [1, c, h/8, w/8], the mean of the posterior. */
  encode(picture: Tensor): Promise<Tensor>;
  release(): Promise<void>;
}

export interface VaeDecoder {
  /** Scaled latents [1, c, h, w] → picture [1, 3, 8·h, 8·w]. */
  decode(latent: Tensor): Promise<Tensor>;
  release(): Promise<void>;
}

/** Keeps one session for the size used last; a new size opens another. */
function perSize(build: (height: number, width: number) => Promise<Session>): {
  get(shape: readonly number[]): Promise<Session>;
  release(): Promise<void>;
} {
  let current: { key: string; session: Session } | undefined;
  return {
    async get(shape) {
      const key = shape.join('x');
      if (current?.key !== key) {
        await current?.session.release();
        current = { key, session: await build(shape[2], shape[3]) };
      }
      return current.session;
    },
    release: async () => current?.session.release(),
  };
}

export function openVaeEncoder(checkpoint: Checkpoint, options: SessionOptions = {}): VaeEncoder {
  const { config, weights } = checkpoint.vae;
  const sessions = perSize((height, width) => {
    const graph = f.createGraph();
    const picture = f.input(graph, 'picture', [1, 3, height, width]);
    const { mean } = vaeEncoder(openScope(graph, weights, 'vae'), config, picture);
    f.output('latent', f.scale(mean, config.scalingFactor));
    return f.openSession(graph, options);
  });
  return {
    async encode(picture) {
      const { latent } = await (await sessions.get(picture.shape)).run({ picture });
      blameWeights([latent], weights);
      return latent;
    },
    release: sessions.release,
  };
}

export function openVaeDecoder(checkpoint: Checkpoint, options: SessionOptions = {}): VaeDecoder {
  const { config, weights } = checkpoint.vae;
  const sessions = perSize((height, width) => {
    const graph = f.createGraph();
    const latent = f.input(graph, 'latent', [1, config.latentChannels, height, width]);
    const unscaled = f.scale(latent, 1 / config.scalingFactor);
    f.output('picture', vaeDecoder(openScope(graph, weights, 'vae'), config, unscaled));
    return f.openSession(graph, options);
  });
  return {
    async decode(latent) {
      const { picture } = await (await sessions.get(latent.shape)).run({ latent });
      blameWeights([picture], weights);
      return picture;
    },
    release: sessions.release,
  };
}
