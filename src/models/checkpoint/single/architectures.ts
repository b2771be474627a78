/** @file The models of Stable Diffusion that are known by the shapes of their UNet, as data. */
import { clipShapes } from '../../clip/shapes.ts';
import type { ClipConfig } from '../../clip/text-encoder.ts';
import { legacyEndToken } from '../../clip/text-encoder.ts';
import type { Shapes } from '../../shapes.ts';
import { unetShapes } from '../../unet/shapes.ts';
import type { UnetConfig } from '../../unet/unet.ts';
import type { VaeConfig } from '../../vae/vae.ts';
import type { Family } from '../checkpoint.ts';

/** What a UNet was made for, as its input channels and depths tell. */
export type Variant = 'base' | 'inpaint' | 'ip2p' | 'depth' | 'refiner' | 'ssd-1b' | 'vega';

export type EncoderKind = 'clipL' | 'openClipH' | 'openClipBigG';

export interface Architecture {
  /** As people say it. */
  readonly name: string;
  readonly family: Family;
  /** Where the UNet takes plain latents. */
  readonly variant: Variant;
  readonly unet: UnetConfig;
  /** Text encoders, first the one whose tokens come first. */
  readonly text: readonly EncoderKind[];
  /** What latents are multiplied with. */
  readonly latentFactor: number;
}

const stableDiffusion: UnetConfig = {
  inChannels: 4,
  outChannels: 4,
  channels: [320, 640, 1280, 1280],
  transformerLayers: [1, 1, 1, 0],
  upTransformerLayers: [0, 1, 1, 1],
  midTransformerLayers: 1,
  heads: [8, 8, 8, 8],
  layersPerBlock: 2,
  contextWidth: 768,
  normGroups: 32,
  normEpsilon: 1e-5,
  flipSinToCos: true,
  frequencyShift: 0,
  additionTimeWidth: undefined,
  additionWidth: undefined,
  linearProjection: false,
};

const xl: UnetConfig = {
  ...stableDiffusion,
  channels: [320, 640, 1280],
  transformerLayers: [0, 2, 10],
  upTransformerLayers: [10, 2, 0],
  midTransformerLayers: 10,
  heads: [5, 10, 20],
  contextWidth: 2048,
  additionTimeWidth: 256,
  additionWidth: 2816,
  linearProjection: true,
};

/** SD 1.x and 2.x. */
const latentFactor = 0.18215;
const xlText = {
  family: 'sdxl',
  text: ['clipL', 'openClipBigG'],
  latentFactor: 0.13025,
} as const;

export const architectures: readonly Architecture[] = [
  {
    ...{ name: 'SD 1.x', family: 'sd15', variant: 'base', text: ['clipL'], latentFactor },
    unet: stableDiffusion,
  },
  {
    ...{ name: 'SD 2.x', family: 'sd2', variant: 'base', text: ['openClipH'], latentFactor },
    unet: { ...stableDiffusion, contextWidth: 1024, heads: [5, 10, 20, 20], linearProjection: true },
  },
  { name: 'SDXL', variant: 'base', ...xlText, unet: xl },
  {
    ...{ name: 'SSD-1B', variant: 'ssd-1b', ...xlText },
    unet: {
      ...xl,
      transformerLayers: [0, 2, 4],
      upTransformerLayers: [[4, 4, 10], [2, 1, 1], 0],
      midTransformerLayers: 0,
    },
  },
  {
    ...{ name: 'Segmind Vega', variant: 'vega', ...xlText },
    unet: { ...xl, transformerLayers: [0, 1, 2], upTransformerLayers: [2, 1, 0], midTransformerLayers: 0 },
  },
  {
    ...{ name: 'SDXL refiner', variant: 'refiner', ...xlText, text: ['openClipBigG'] },
    unet: {
      ...xl,
      channels: [384, 768, 1536, 1536],
      transformerLayers: [0, 4, 4, 0],
      upTransformerLayers: [0, 4, 4, 0],
      midTransformerLayers: 4,
      heads: [6, 12, 24, 24],
      contextWidth: 1280,
      additionWidth: 2560,
    },
  },
];

/** The first of a family, which is its base model; the embedded model is none of these. */
export const architectureOf = (family: Family): Architecture | undefined =>
  architectures.find(one => one.family === family);

/** Side of the latents that a UNet was made for; SD 2.x predicts velocity where it was made for 768², noise where for 512². */
export function sampleSizeOf(family: Family, prediction: 'epsilon' | 'v_prediction'): number {
  if (family === 'sdxl') return 128;
  return family === 'sd2' && prediction === 'v_prediction' ? 96 : 64;
}

/** Input channels beyond the latent's 4 → what they are for. */
export const inputVariants: ReadonlyMap<number, Variant> = new Map([
  [5, 'depth'],
  [8, 'ip2p'],
  [9, 'inpaint'],
]);

const encoder = {
  layers: 12,
  activation: 'gelu',
  maxTokens: 77,
  vocabularySize: 49408,
  layerNormEpsilon: 1e-5,
  endTokenId: legacyEndToken,
} as const;

/** SD 2.x conditions on the last but one of OpenCLIP-H's 24 layers, so that the last is never run. */
export const encoders: Readonly<Record<EncoderKind, ClipConfig>> = {
  clipL: {
    ...encoder,
    ...{ hiddenSize: 768, innerSize: 3072, heads: 12, activation: 'quick_gelu', projectionSize: 768 },
  },
  openClipH: {
    ...encoder,
    ...{ hiddenSize: 1024, innerSize: 4096, heads: 16, layers: 23, projectionSize: 1024 },
  },
  openClipBigG: {
    ...encoder,
    ...{ hiddenSize: 1280, innerSize: 5120, heads: 20, layers: 32, projectionSize: 1280 },
  },
};

/** Only SDXL's second encoder gives pooled text. */
export const projects = (kind: EncoderKind): boolean => kind === 'openClipBigG';

/** Names and shapes of a text encoder's tensors. */
export const encoderShapes = (kind: EncoderKind): Shapes =>
  clipShapes(encoders[kind], { projects: projects(kind) });

/** OpenCLIP's texts end with `!`, which has id 0. */
export const padding: Readonly<Record<EncoderKind, '<|endoftext|>' | '!'>> = {
  clipL: '<|endoftext|>',
  openClipH: '!',
  openClipBigG: '!',
};

/** The autoencoder of all of them. */
export const autoencoder: Omit<VaeConfig, 'scalingFactor'> = {
  latentChannels: 4,
  channels: [128, 256, 512, 512],
  layersPerBlock: 2,
  normGroups: 32,
  midAttention: true,
  quantConv: true,
  postQuantConv: true,
};

const shapes = new Map<Architecture, ReturnType<typeof unetShapes>>();

/** Names and shapes of a UNet's tensors, listed once. */
export function shapesOf(architecture: Architecture): ReturnType<typeof unetShapes> {
  const known = shapes.get(architecture) ?? unetShapes(architecture.unet);
  shapes.set(architecture, known);
  return known;
}
