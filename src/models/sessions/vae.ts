/** @file Pictures to latents and back: whole, or in tiles where the whole would take too much memory. */

import type { Session, SessionOptions, Tensor } from '../../engine/index.ts';
import * as f from '../../engine/index.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { blameWeights } from '../checkpoint/finite.ts';
import { openScope } from '../layers.ts';
import { vaeDecoder, vaeEncoder } from '../vae/vae.ts';
import { runTiled, tilesOf } from './tiling.ts';

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

export interface TileOptions {
  /** Latents of more pixels than this go through in tiles; 0 for always. */
  readonly wholeUpTo?: number;
  /** Side of a tile in latent pixels; 64 unless said. */
  readonly tileSide?: number;
}

export interface VaeOptions extends SessionOptions, TileOptions {}

/** 768² pixels; beyond, decoding whole takes more than 2 GiB. */
export const wholeUpToDefault = 96 * 96;
const tileSideDefault = 64;

/** In which pieces a latent, or the picture that becomes one, goes through the autoencoder. */
export interface VaePieces {
  readonly count: number;
  /** The largest of them in latent pixels: memory is that of this piece. */
  readonly height: number;
  readonly width: number;
}

/** Whole, or in tiles that overlap by a quarter: what `openVaeEncoder` and `openVaeDecoder` do with a latent of this size. */
export function vaePieces(
  { height, width }: { readonly height: number; readonly width: number },
  { wholeUpTo = wholeUpToDefault, tileSide = tileSideDefault }: TileOptions = {},
): VaePieces {
  if (height * width <= wholeUpTo) return { count: 1, height, width };
  const tiles = tilesOf(height, width, tileSide);
  return { count: tiles.length, height: tiles[0].height, width: tiles[0].width };
}

/** Real weights are mapped; unpacked they take a third of the memory, and half the time until the first picture. */
const foldBelowBytes = 32 * 2 ** 20;

/** Keeps one session for the size used last; a new size opens another. */
function perSize(build: (height: number, width: number) => Promise<Session>): {
  get(shape: readonly number[]): Promise<Session>;
  release(): Promise<void>;
} {
  let current: { key: string; session: Session } | undefined;
  const release = async (): Promise<void> => {
    const old = current;
    current = undefined;
    await old?.session.release();
  };
  return {
    async get(shape) {
      const key = shape.join('x');
      if (current?.key === key) return current.session;
      await release();
      current = { key, session: await build(shape[2], shape[3]) };
      return current.session;
    },
    release,
  };
}

/** Runs a picture or latent whole or in tiles; `scale` is pixels of output for one of input. */
function wholeOrTiled(
  run: (x: Tensor) => Promise<Tensor>,
  scale: number,
  options: VaeOptions,
): (x: Tensor) => Promise<Tensor> {
  const perLatent = Math.max(1, 1 / scale); // pixels of x that stand for one of the latent, along a side
  const side = (options.tileSide ?? tileSideDefault) * perLatent;
  return x => {
    const [, , height, width] = x.shape;
    const pieces = vaePieces({ height: height / perLatent, width: width / perLatent }, options);
    return pieces.count === 1 ? run(x) : runTiled(x, { side, scale }, run);
  };
}

export function openVaeEncoder(
  checkpoint: Pick<Checkpoint, 'vae' | 'latentScale'>,
  options: VaeOptions = {},
): VaeEncoder {
  const { config, weights } = checkpoint.vae;
  const sessions = perSize((height, width) => {
    const graph = f.createGraph();
    const picture = f.input(graph, 'picture', [1, 3, height, width]);
    const { mean } = vaeEncoder(openScope(graph, weights, 'vae'), config, picture);
    f.output('latent', f.scale(mean, config.scalingFactor));
    return f.openSession(graph, { foldBelowBytes, ...options });
  });
  const run = async (picture: Tensor): Promise<Tensor> => {
    const { latent } = await (await sessions.get(picture.shape)).run({ picture });
    blameWeights([latent], weights);
    return latent;
  };
  return { encode: wholeOrTiled(run, 1 / checkpoint.latentScale, options), release: sessions.release };
}

export function openVaeDecoder(
  checkpoint: Pick<Checkpoint, 'vae' | 'latentScale'>,
  options: VaeOptions = {},
): VaeDecoder {
  const { config, weights } = checkpoint.vae;
  const sessions = perSize((height, width) => {
    const graph = f.createGraph();
    const latent = f.input(graph, 'latent', [1, config.latentChannels, height, width]);
    const unscaled = f.scale(latent, 1 / config.scalingFactor);
    f.output('picture', vaeDecoder(openScope(graph, weights, 'vae'), config, unscaled));
    return f.openSession(graph, { foldBelowBytes, ...options });
  });
  const run = async (latent: Tensor): Promise<Tensor> => {
    const { picture } = await (await sessions.get(latent.shape)).run({ latent });
    blameWeights([picture], weights);
    return picture;
  };
  return { decode: wholeOrTiled(run, checkpoint.latentScale, options), release: sessions.release };
}
