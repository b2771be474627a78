/** @file What `lora bench` measures, as data: the work, our ways of doing it, the peers, and the figures to reach. */
import type { LatentSize } from '../../models/index.ts';
import type { PeerName } from './peers.ts';

export type Work =
  | {
      /** One whole LoRA training step of rank 16, or one forward pass of the UNet. */
      readonly kind: 'train' | 'forward';
      readonly model: 'pocket' | 'sd15' | 'sdxl';
      readonly size: LatentSize;
      readonly repeats: number;
    }
  | {
      /** Latents of `side`² to a picture and back, with the autoencoder of SD 1.5. */
      readonly kind: 'decode' | 'encode';
      readonly side: number;
      readonly tiled: boolean;
      readonly repeats: number;
    }
  /** `lora checkpoint inspect` on a single file of SDXL, from process start to exit. */
  | { readonly kind: 'open' }
  /** `lora train` on a single file of SD 1.5 and four pictures, from process start to exit after these steps. */
  | {
      readonly kind: 'first step';
      readonly side: number;
      readonly steps: number;
      /** Whether the text encoder is trained too, as sd-scripts does it. */
      readonly text: boolean;
    }
  /**
   * `lora generate` with guidance on SD 1.5 in float32, one picture from process start to its file: the time of its steps,
   * or that from the start of the process to the moment in which the first one begins.
   */
  | {
      readonly kind: 'generate';
      readonly figure: 'steps' | 'start';
      readonly side: number;
      readonly steps: number;
    }
  /** A command of `lora` on a LoRA of rank 16 for SD 1.5, from process start to the written file. */
  | { readonly kind: 'lora tool'; readonly tool: 'merge' | 'resize' | 'extract' }
  /** A guided step of SD 1.5 at 512² with LoRAs of rank 16, in turn with one without any. */
  | {
      readonly kind: 'lora step';
      readonly form: 'attached' | 'merged';
      readonly loras: number;
      readonly repeats: number;
    }
  /** SD 1.5 in a running process: from another LoRA file of the same rank to the moment the next step can begin. */
  | { readonly kind: 'lora switch'; readonly repeats: number };

/** What issue and users expect; all are upper bounds but `leastPeakShare`. */
export interface Goals {
  /** Our best time over the peer's. */
  readonly against?: Readonly<Partial<Record<PeerName, number>>>;
  readonly mostSeconds?: number;
  readonly mostBytes?: number;
  /** Time over that of the same work without LoRA. */
  readonly mostOverWithout?: number;
  /** Of the machine's measured matmul peak. */
  readonly leastPeakShare?: number;
}

/** One of our ways to do the work. */
export interface Way {
  readonly engine: string;
  /** `--memory` of a training step, in bytes. */
  readonly memory?: number;
  readonly goals?: Goals;
}

export interface Case {
  readonly name: string;
  readonly work: Work;
  readonly ours: readonly Way[];
  readonly peers: readonly PeerName[];
  /** Measured without --all and --only too. */
  readonly isCommon: boolean;
}

export const benchRank = 16;
const gib = 2 ** 30;

/** Latents of a square picture with one chunk of text. */
const square = (pixels: number, batch = 1): LatentSize => ({
  batch,
  height: pixels / 8,
  width: pixels / 8,
  tokens: 77,
});

const plain: readonly Way[] = [{ engine: 'lora-studio' }];
const withGoals = (goals: Goals): readonly Way[] => [{ engine: 'lora-studio', goals }];
const floatAndAutocast: readonly PeerName[] = ['PyTorch float32', 'PyTorch bfloat16 autocast'];
const allTypes: readonly PeerName[] = [...floatAndAutocast, 'PyTorch bfloat16 weights'];

export const cases: readonly Case[] = [
  {
    name: 'pocket training step, batch 4',
    work: {
      ...{ kind: 'train', model: 'pocket', repeats: 40 },
      size: { batch: 4, height: 8, width: 8, tokens: 32 },
    },
    ...{ ours: plain, peers: floatAndAutocast, isCommon: true },
  },
  {
    name: 'SD 1.5 training step, 256²',
    work: { kind: 'train', model: 'sd15', size: square(256), repeats: 5 },
    ...{ ours: plain, peers: floatAndAutocast, isCommon: true },
  },
  {
    name: 'SD 1.5 training step, 512²',
    work: { kind: 'train', model: 'sd15', size: square(512), repeats: 3 },
    ours: [
      {
        engine: 'lora-studio',
        goals: {
          against: { 'PyTorch float32': 0.55, 'PyTorch bfloat16 weights': 0.95 },
          mostBytes: 7 * gib,
          leastPeakShare: 0.55,
        },
      },
      {
        engine: 'lora-studio --memory 5GB',
        memory: 5e9,
        goals: { against: { 'PyTorch float32': 0.85 }, mostBytes: 5 * gib },
      },
      { engine: 'lora-studio --memory 3.5GB', memory: 3.5e9, goals: { mostBytes: 3.5e9 } },
    ],
    ...{ peers: allTypes, isCommon: true },
  },
  {
    name: 'SD 1.5 UNet forward, 512²',
    work: { kind: 'forward', model: 'sd15', size: square(512), repeats: 4 },
    ...{ ours: plain, peers: floatAndAutocast, isCommon: true },
  },
  {
    name: 'SD 1.5 UNet with guidance (batch 2), 512²',
    work: { kind: 'forward', model: 'sd15', size: square(512, 2), repeats: 3 },
    ours: withGoals({ against: { 'PyTorch float32': 0.5, 'PyTorch bfloat16 weights': 0.85 } }),
    ...{ peers: allTypes, isCommon: false },
  },
  {
    name: 'generate: a guided step of SD 1.5, 512², and the memory of the whole command',
    work: { kind: 'generate', figure: 'steps', side: 512, steps: 4 },
    ours: withGoals({ against: { 'diffusers float32': 0.5 }, mostBytes: 4.5 * gib }),
    ...{ peers: ['diffusers float32'], isCommon: false },
  },
  {
    name: 'generate: process start to the beginning of the first step, SD 1.5, 512²',
    work: { kind: 'generate', figure: 'start', side: 512, steps: 1 },
    ours: withGoals({ against: { 'diffusers float32': 0.5 } }),
    ...{ peers: ['diffusers float32'], isCommon: false },
  },
  {
    name: 'SDXL UNet training step, 512²',
    work: { kind: 'train', model: 'sdxl', size: square(512), repeats: 3 },
    ours: withGoals({ against: { 'PyTorch float32': 0.7 }, mostBytes: 16 * gib }),
    ...{ peers: ['PyTorch float32'], isCommon: false },
  },
  {
    name: 'VAE decode, 512²',
    work: { kind: 'decode', side: 64, tiled: false, repeats: 3 },
    ours: withGoals({ against: { 'PyTorch float32': 0.5 }, mostBytes: 1.5 * gib }),
    ...{ peers: ['PyTorch float32', 'PyTorch bfloat16 weights'], isCommon: true },
  },
  {
    name: 'VAE decode, 1024² in tiles',
    work: { kind: 'decode', side: 128, tiled: true, repeats: 2 },
    ours: withGoals({ against: { 'PyTorch float32': 0.5 }, mostBytes: 1.5 * gib }),
    ...{ peers: ['PyTorch float32'], isCommon: false },
  },
  {
    name: 'VAE encode, 512²',
    work: { kind: 'encode', side: 64, tiled: false, repeats: 3 },
    ours: withGoals({ against: { 'PyTorch float32': 0.5 }, mostBytes: 1.5 * gib }),
    ...{ peers: ['PyTorch float32'], isCommon: false },
  },
  {
    name: 'open and recognise a 7 GB SDXL file, process start to exit',
    work: { kind: 'open' },
    ours: withGoals({ mostSeconds: 0.5, mostBytes: 100e6 }),
    ...{ peers: ['diffusers (opens, infers the type)'], isCommon: false },
  },
  {
    name: 'process start to first SD 1.5 step done, 256², 4 pictures',
    work: { kind: 'first step', side: 256, steps: 1, text: false },
    ours: withGoals({ against: { 'sd-scripts float32': 0.3 } }),
    ...{ peers: ['sd-scripts float32', 'diffusers + PEFT float32'], isCommon: false },
  },
  {
    name: 'trainer: start to first SD 1.5 step done, UNet and text encoder, 256², 4 pictures',
    work: { kind: 'first step', side: 256, steps: 1, text: true },
    ours: withGoals({ against: { 'sd-scripts float32': 0.3 } }),
    ...{ peers: ['sd-scripts float32'], isCommon: false },
  },
  {
    name: 'trainer: start to written file, 20 SD 1.5 steps, UNet and text encoder, 256², 4 pictures',
    work: { kind: 'first step', side: 256, steps: 20, text: true },
    ours: withGoals({ against: { 'sd-scripts float32': 0.6 } }),
    ...{ peers: ['sd-scripts float32'], isCommon: false },
  },
  {
    name: 'lora-tools: merge rank 16 into an SD 1.5 file of 2.1 GB',
    work: { kind: 'lora tool', tool: 'merge' },
    ours: withGoals({ against: { 'sd-scripts LoRA tools': 0.3 }, mostBytes: 600e6 }),
    ...{ peers: ['sd-scripts LoRA tools'], isCommon: false },
  },
  {
    name: 'lora-tools: resize an SD 1.5 LoRA, rank 16 to 8',
    work: { kind: 'lora tool', tool: 'resize' },
    ours: withGoals({ against: { 'sd-scripts LoRA tools': 0.02 }, mostBytes: 1.5 * gib }),
    ...{ peers: ['sd-scripts LoRA tools'], isCommon: false },
  },
  {
    name: 'lora-tools: extract rank 16 from two SD 1.5 files',
    work: { kind: 'lora tool', tool: 'extract' },
    ours: withGoals({ against: { 'sd-scripts LoRA tools': 0.15 }, mostBytes: 1.5 * gib }),
    ...{ peers: ['sd-scripts LoRA tools'], isCommon: false },
  },
  {
    name: 'lora-tools: another LoRA file of the same rank, SD 1.5',
    work: { kind: 'lora switch', repeats: 12 },
    ours: withGoals({ mostSeconds: 0.05 }),
    ...{ peers: ['diffusers + PEFT float32'], isCommon: false },
  },
  {
    name: 'lora-tools: guided step of SD 1.5, 512², a LoRA attached',
    work: { kind: 'lora step', form: 'attached', loras: 1, repeats: 5 },
    ours: withGoals({ mostOverWithout: 1.03 }),
    ...{ peers: ['diffusers + PEFT float32'], isCommon: false },
  },
  {
    name: 'lora-tools: guided step of SD 1.5, 512², four LoRAs attached',
    work: { kind: 'lora step', form: 'attached', loras: 4, repeats: 5 },
    ours: withGoals({ mostOverWithout: 1.08 }),
    ...{ peers: ['diffusers + PEFT float32'], isCommon: false },
  },
  {
    name: 'lora-tools: guided step of SD 1.5, 512², a LoRA merged',
    work: { kind: 'lora step', form: 'merged', loras: 1, repeats: 5 },
    ours: withGoals({ mostOverWithout: 1.01 }),
    ...{ peers: ['diffusers + PEFT float32'], isCommon: false },
  },
];

/** Every case with each of our ways, in the order of `--one`. */
export const entries: readonly { readonly one: Case; readonly way: Way }[] = cases.flatMap(one =>
  one.ours.map(way => ({ one, way })),
);
