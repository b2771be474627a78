/**
 * @file Prompt to picture. Sessions are kept between calls: another prompt, seed or LoRA of the same ranks costs no
 * set-up; LoRA matrices are feeds of the graph.
 */
import { type SamplerChoice, torchGenerator } from '../diffusion/index.ts';
import { isAllFinite, type SessionOptions, type Tensor } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import {
  type Checkpoint,
  type EncodedText,
  openUnet,
  openVaeDecoder,
  type UnetSession,
} from '../models/index.ts';
import { runDenoiser } from './denoise-run.ts';
import { openInpaintInput } from './inpaint-input.ts';
import { keepOne } from './keep-one.ts';
import { type ChosenLora, type LoraSet, loraSets } from './lora-sets.ts';
import { notFinite } from './not-finite.ts';
import { openTextEncoder, zeroStates } from './text-states.ts';

export interface PictureRequest {
  readonly prompt: string;
  readonly negativePrompt: string;
  /** 0 … 2⁶⁴ − 1; as `torch.manual_seed` on the CPU. */
  readonly seed: number | bigint;
}

export interface GenerateRequest {
  /** Pictures made together in one batch; each has its own prompt and seed. */
  readonly pictures: readonly PictureRequest[];
  readonly loras: readonly ChosenLora[];
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
  /** What of the prompts did not fit into the text encoder; empty when all did. */
  readonly truncated: { readonly prompt: string; readonly negativePrompt: string };
}

export interface Generator {
  generate(request: GenerateRequest): Promise<Picture[]>;
  release(): Promise<void>;
  /** UNet sessions opened so far: stays as it is while LoRAs of the same ranks take turns. */
  readonly sessionsOpened: number;
}

/** Throws SIZE_INVALID, STEPS_INVALID, GUIDANCE_INVALID or SEED_INVALID for what cannot be drawn. */
export function checkRequest(
  { pictures, width, height, steps, guidance }: Omit<GenerateRequest, 'loras' | 'merge' | 'sampler'>,
  checkpoint: Pick<Checkpoint, 'latentScale'>,
): void {
  const scale = checkpoint.latentScale;
  for (const [name, side] of Object.entries({ width, height })) {
    if (Number.isInteger(side) && side > 0 && side % scale === 0) continue;
    throw usageError('SIZE_INVALID', `${name} ${side} is not a positive multiple of ${scale}`);
  }
  if (!Number.isInteger(steps) || steps < 1 || steps > 1000)
    throw usageError('STEPS_INVALID', `${steps} steps: give a whole number from 1 to 1000`);
  if (!Number.isFinite(guidance))
    throw usageError('GUIDANCE_INVALID', `guidance ${guidance} is not a number`);
  for (const { seed } of pictures) {
    const isWhole = typeof seed === 'bigint' || Number.isSafeInteger(seed);
    if (isWhole && seed >= 0 && seed < 2n ** 64n) continue;
    throw usageError('SEED_INVALID', `seed ${seed} is not a whole number from 0 to 2⁶⁴ − 1`);
  }
}

/** Opens a generator; sessions are made when first needed. */
export function openGenerator(checkpoint: Checkpoint, options: SessionOptions = {}): Generator {
  const unets = keepOne<UnetSession>();
  const textEncoder = openTextEncoder(checkpoint, options);
  const decoder = openVaeDecoder(checkpoint, options);
  const channelsOf = openInpaintInput(checkpoint, options);
  const unetLoras = loraSets(checkpoint, 'unet');
  const textLoras = loraSets(checkpoint, 'text');
  let sessionsOpened = 0;

  const textStates = async ({ pictures, loras, merge }: GenerateRequest, guided: boolean) => {
    const set = await textLoras(loras, merge);
    const prompts = pictures.map(({ prompt }) => prompt);
    const negatives = guided ? pictures.map(({ negativePrompt }) => negativePrompt) : [];
    const encoded = await textEncoder.encode([...prompts, ...negatives], set);
    const isZero = (text: string): boolean => checkpoint.zerosForNoText && text.trim() === '';
    return {
      positive: encoded.slice(0, prompts.length),
      negative: negatives.map((text, i) => {
        const state = encoded[prompts.length + i];
        return isZero(text) ? zeroStates(state) : state;
      }),
    };
  };

  const unetFor = ({ width, height }: GenerateRequest, loras: LoraSet, states: readonly EncodedText[]) => {
    const scale = checkpoint.latentScale;
    const [, tokens] = states[0].context.shape;
    const size = { batch: states.length, height: height / scale, width: width / scale, tokens };
    return unets.get(JSON.stringify([size, loras.sessionKey]), () => {
      sessionsOpened++;
      const weights = loras.weights('unet', checkpoint.unet.weights);
      const base = { ...checkpoint, unet: { ...checkpoint.unet, weights } };
      return openUnet(base, size, graph => loras.hooks(graph, 'unet', size.batch), options);
    });
  };

  return {
    get sessionsOpened() {
      return sessionsOpened;
    },
    async generate(request) {
      checkRequest(request, checkpoint);
      const guided = request.guidance !== 1;
      const { positive, negative } = await textStates(request, guided);
      const states = [...negative, ...positive];
      const channels = await channelsOf(request); // before the UNet takes the memory
      const loras = await unetLoras(request.loras, request.merge);
      const latents = await runDenoiser({
        checkpoint,
        session: await unetFor(request, loras, states),
        feeds: loras.feeds,
        states,
        guided,
        channels,
        generators: request.pictures.map(({ seed }) => torchGenerator(seed)),
        choice: request.sampler,
        steps: request.steps,
        guidance: request.guidance,
        size: [request.width, request.height],
        ...(request.onStep ? { onStep: request.onStep } : {}),
        ...(request.signal ? { signal: request.signal } : {}),
      });
      const pictures: Picture[] = [];
      for (const [i, latent] of latents.entries()) {
        const decoded = await decoder.decode({ shape: [1, ...latent.shape], data: latent.data });
        const truncated = {
          prompt: positive[i].truncated,
          negativePrompt: negative[i]?.truncated ?? '',
        };
        pictures.push({ ...toPixels(decoded), latent, truncated });
      }
      return pictures;
    },
    async release() {
      await textEncoder.release();
      await decoder.release();
      await unets.release();
    },
  };
}

/** [1, 3, h, w] in −1 … 1 → interleaved bytes. */
function toPixels({ shape, data }: Tensor): Pick<Picture, 'width' | 'height' | 'data'> {
  if (!isAllFinite(data)) throw notFinite('the VAE decoded a finite latent to NaN');
  const [, , height, width] = shape;
  const plane = height * width;
  const out = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++)
      out[3 * i + c] = Math.round(Math.min(1, Math.max(0, data[c * plane + i] / 2 + 0.5)) * 255);
  }
  return { width, height, data: out };
}
