/** @file All noise that one picture is made with. It depends on the picture's own seed only, so not on its batch. */
import { brownianNoise, brownianTree } from './brownian-tree.ts';
import { philoxGenerator } from './philox-normals.ts';
import { type TorchGenerator, torchGenerator } from './torch-normals.ts';
import { type NoiseShape, pasteCentred, turnTowards } from './variation.ts';

export interface PictureNoiseOptions {
  /** Not negative, up to 64 bits. */
  readonly seed: bigint;
  /** torch's CPU generator, or its CUDA generator (A1111: "NV"). */
  readonly source: 'cpu' | 'philox';
  /** Noise within the steps: the picture's stream goes on, or a CUDA stream of the same seed begins (ComfyUI on a GPU). */
  readonly stepNoise: 'continues' | 'philox-again';
  /** Another seed's start noise that this one is turned towards; 1 is that seed's alone. */
  readonly variation?: { readonly seed: bigint; readonly strength: number } | undefined;
  /** The start noise is that of this size in latent pixels, set into the middle. */
  readonly noiseSize?: { readonly width: number; readonly height: number } | undefined;
  readonly shape: NoiseShape;
}

export interface PictureNoise {
  /** What the picture starts from, [c, h, w]; the same at every call. */
  start(): Float32Array;
  /** Noise of the next step, [c, h, w]. */
  next(): Float32Array;
  /**
   * Noise of a step as increments of one Brownian motion over sigmas, [c, h, w], for the DPM++ SDE family.
   * Both programs give the least sigma above zero and the largest: A1111 of the whole schedule even where a run starts
   * late, ComfyUI of the part that is run.
   */
  brownian(sigmaMin: number, sigmaMax: number): (sigma: number, sigmaNext: number) => Float32Array;
}

const generators: Readonly<Record<PictureNoiseOptions['source'], (seed: bigint) => TorchGenerator>> = {
  cpu: torchGenerator,
  philox: philoxGenerator,
};

const countOf = ([channels, height, width]: NoiseShape): number => channels * height * width;

/** A1111's `ImageRNG.first`: one draw of the picture's stream is used up, also where its noise is of another size. */
function startNoise(
  own: TorchGenerator,
  { seed, source, variation, noiseSize, shape }: PictureNoiseOptions,
): Float32Array {
  const drawn = own.normals(countOf(shape));
  const [channels, height, width] = shape;
  const size = noiseSize ?? { width, height };
  const isResized = size.width !== width || size.height !== height;
  const noiseShape: NoiseShape = [channels, size.height, size.width];
  const fresh = (seed: bigint): Float32Array => generators[source](seed).normals(countOf(noiseShape));

  const plain = isResized ? fresh(seed) : drawn;
  const noise =
    variation && variation.strength !== 0
      ? turnTowards(plain, fresh(variation.seed), variation.strength, noiseShape)
      : plain;
  if (!isResized) return noise;
  pasteCentred(drawn, shape, noise, noiseShape);
  return drawn;
}

/** Opens the noise of one picture: start noise, step noise and Brownian noise as A1111's `ImageRNG` and k-diffusion draw them. */
export function openPictureNoise(options: PictureNoiseOptions): PictureNoise {
  const { seed, source, shape } = options;
  const count = countOf(shape);
  const own = generators[source](seed);
  const start = startNoise(own, options);
  const steps = options.stepNoise === 'continues' ? own : philoxGenerator(seed);
  return {
    start: () => start.slice(),
    next: () => steps.normals(count),
    brownian(sigmaMin, sigmaMax) {
      const [t0, t1] = [Math.fround(sigmaMin), Math.fround(sigmaMax)];
      return brownianNoise(brownianTree({ seed, t0, t1, count, generator: generators[source] }));
    },
  };
}
