/**
 * @file Prompt to picture. Sessions are kept between calls: another prompt, seed or LoRA of the same ranks costs no
 * set-up; LoRA matrices are feeds of the graph.
 */
import { type SamplerChoice, torchGenerator } from '../diffusion/index.ts';
import type { SessionOptions, Tensor } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import { type AppliedLora, attach, combineLoras, mergeLoras } from '../lora/index.ts';
import {
  type Checkpoint,
  type EncodedText,
  listLayers,
  openTextConditioner,
  openUnet,
  openVaeDecoder,
  type TextConditioner,
  type UnetSession,
  type VaeDecoder,
} from '../models/index.ts';
import { type DenoiserRun, runDenoiser } from './denoise-run.ts';

export interface PictureRequest {
  readonly prompt: string;
  readonly negativePrompt: string;
  readonly seed: number;
}

export interface GenerateRequest {
  /** Pictures made together in one batch; each has its own prompt and seed. */
  readonly pictures: readonly PictureRequest[];
  readonly loras: readonly AppliedLora[];
  /** Add the LoRAs into copies of the weights instead of attaching them. */
  readonly merge: boolean;
  readonly sampler: SamplerChoice;
  readonly steps: number;
  readonly guidance: number;
  readonly width: number;
  readonly height: number;
  readonly onStep?: (step: number, steps: number) => void;
  readonly signal?: AbortSignal;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
  /** The final latent [c, h/8, w/8]. */
  readonly latent: Tensor;
}

export interface Generator {
  generate(request: GenerateRequest): Promise<Picture[]>;
  release(): Promise<void>;
}

function checkSize({ width, height, steps }: GenerateRequest, scale: number): void {
  for (const [name, side] of [
    ['width', width],
    ['height', height],
  ] as const) {
    if (Number.isInteger(side) && side > 0 && side % scale === 0) continue;
    throw usageError('SIZE_INVALID', `${name} ${side} is not a positive multiple of ${scale}`);
  }
  if (!Number.isInteger(steps) || steps < 1 || steps > 1000) {
    throw usageError('STEPS_INVALID', `${steps} steps: give a whole number from 1 to 1000`);
  }
}

/** Opens a generator; sessions are made when first needed. */
export function openGenerator(checkpoint: Checkpoint, options: SessionOptions = {}): Generator {
  let conditioner: Promise<TextConditioner> | undefined;
  let decoder: VaeDecoder | undefined;
  let unet: { key: string; session: UnetSession } | undefined;
  const texts = new Map<string, EncodedText>();
  const layers = listLayers(checkpoint.unet.weights, 'unet');
  const shapes = new Map(layers.map(({ target, shape }) => [target, shape]));

  const encode = async (text: string): Promise<EncodedText> => {
    conditioner ??= openTextConditioner(checkpoint, options);
    const known = texts.get(text) ?? (await (await conditioner).encode(text));
    texts.set(text, known);
    return known;
  };

  const sessionFor = async (request: GenerateRequest, batch: number, tokens: number) => {
    const { width, height, merge, loras } = request;
    const scale = checkpoint.latentScale;
    const size = { batch, height: height / scale, width: width / scale, tokens };
    const combined = merge ? { slots: [], feeds: {} } : combineLoras(loras, shapes);
    const ranks = combined.slots.map(({ target, rank }) => `${target}:${rank}`).join();
    const merged = merge
      ? loras.map(({ lora, strength }) => [lora.metadata.sshs_model_hash ?? Math.random(), strength])
      : [];
    const key = JSON.stringify([size, ranks, merged]);
    if (unet?.key !== key) {
      await unet?.session.release();
      const weights = merge ? mergeLoras(checkpoint.unet.weights, 'unet', loras) : checkpoint.unet.weights;
      const base = { ...checkpoint, unet: { ...checkpoint.unet, weights } };
      unet = {
        key,
        session: await openUnet(base, size, graph => attach(graph, combined.slots).hooks, options),
      };
    }
    return { session: unet.session, feeds: combined.feeds };
  };

  return {
    async generate(request) {
      checkSize(request, checkpoint.latentScale);
      const guided = request.guidance !== 1;
      const conditional = await Promise.all(request.pictures.map(({ prompt }) => encode(prompt)));
      const unconditional = guided
        ? await Promise.all(request.pictures.map(({ negativePrompt }) => encode(negativePrompt)))
        : [];
      const states = [...unconditional, ...conditional];
      const { session, feeds } = await sessionFor(request, states.length, states[0].context.shape[1]);
      const run: DenoiserRun = {
        checkpoint,
        session,
        feeds,
        states,
        guided,
        generators: request.pictures.map(({ seed }) => torchGenerator(seed)),
        choice: request.sampler,
        steps: request.steps,
        guidance: request.guidance,
        size: [request.width, request.height],
        ...(request.onStep ? { onStep: request.onStep } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      };
      const latents = await runDenoiser(run);
      decoder ??= openVaeDecoder(checkpoint, options);
      const pictures: Picture[] = [];
      for (const latent of latents) {
        const decoded = await decoder.decode({ shape: [1, ...latent.shape], data: latent.data });
        pictures.push(toPicture(decoded, latent));
      }
      return pictures;
    },
    async release() {
      await (await conditioner)?.release();
      await decoder?.release();
      await unet?.session.release();
    },
  };
}

/** [1, 3, h, w] in −1 … 1 → interleaved bytes. Not-a-number is an error, not a black picture. */
function toPicture({ shape, data }: Tensor, latent: Tensor): Picture {
  const [, , height, width] = shape;
  const plane = height * width;
  const out = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) {
      const value = data[c * plane + i];
      if (Number.isNaN(value)) {
        throw usageError(
          'PICTURE_NOT_FINITE',
          'the picture came out as NaN',
          'Check the base model and the LoRA for broken tensors.',
        );
      }
      out[3 * i + c] = Math.round(Math.min(1, Math.max(0, value / 2 + 0.5)) * 255);
    }
  }
  return { width, height, data: out, latent };
}
