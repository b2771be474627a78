/**
 * @file Prompts to pictures. Sessions are kept between calls: another prompt, seed or LoRA of the same ranks costs no
 * set-up; LoRA matrices are feeds of the graph.
 */
import { everythingMasked, type MaskedPicture, type SamplerChoice, samplerRow } from '../diffusion/index.ts';
import type { SessionOptions, Tensor } from '../engine/index.ts';
import { type Checkpoint, openUnet, parameterCount, type UnetSession } from '../models/index.ts';
import { openAutoencoder } from './autoencoder.ts';
import { joinBatch, stackBatch } from './batch.ts';
import { textRows } from './conditioning/phases.ts';
import { openTextEncoder, type PromptRequest, type PromptTexts } from './conditioning/text-encoder.ts';
import { keepSome } from './keep-some.ts';
import { type ChosenLora, groupsBySharing, textLoraSets, unetLoraSets } from './lora-sets.ts';
import { drawPass, type Pass, type PassOptions, passesOf, stepsIn } from './passes.ts';
import { cropRaster, cropTensor, rgbOf, tensorOf } from './pictures/raster.ts';
import { hiresSize } from './pictures/sizes.ts';
import { scalesLatent, upscaleLatents, upscalePixels } from './pictures/upscalers.ts';
import { characterAt } from './prompt/character-at.ts';
import { isComposed } from './prompt/composed.ts';
import { checkRequest, type GenerateRequest, type Picture, type PictureRequest } from './request.ts';
import { usualRules } from './settings/presets.ts';

export interface Generator {
  generate(request: GenerateRequest): Promise<Picture[]>;
  release(): Promise<void>;
  /** UNet sessions opened so far: stays as it is while LoRAs of the same ranks take turns. */
  readonly sessionsOpened: number;
}

export interface GeneratorOptions extends SessionOptions {
  /** Latents of more pixels than this are decoded in tiles, and pictures encoded; 0 for always. */
  readonly wholeUpTo?: number;
}

/** UNets of more parameters are opened again for another size: two of them take too much memory. */
const keptParameters = 50_000_000;

/** Opens a generator; sessions are made when first needed. */
export function openGenerator(checkpoint: Checkpoint, options: GeneratorOptions = {}): Generator {
  const isLarge = parameterCount(checkpoint.unet.weights) > keptParameters;
  const unets = keepSome<UnetSession>(isLarge ? 1 : 4);
  const textEncoder = openTextEncoder(checkpoint, options);
  const autoencoder = openAutoencoder(checkpoint, options);
  const unetLoras = unetLoraSets(checkpoint);
  const textLoras = textLoraSets(checkpoint);
  let sessionsOpened = 0;
  let unknown: MaskedPicture | undefined;

  /** What an inpainting UNet sees where there is only a prompt. */
  const everything = (width: number, height: number): MaskedPicture => {
    const [, , h, w] = unknown?.pixels.shape ?? [];
    if (!unknown || h !== height || w !== width) unknown = everythingMasked({ width, height });
    return unknown;
  };

  const encodeTexts = async (
    request: GenerateRequest,
    pictures: readonly PictureRequest[],
    pass: Pass,
  ): Promise<PromptTexts[]> => {
    const { merge, rules = usualRules, steps, sampler, second, keepsUnet } = request;
    const prompts: PromptRequest[] = [];
    for (const picture of pictures) {
      const { prompt, negativePrompt, positionOf } = (pass.isSecond && picture.second) || picture;
      prompts.push({
        positionOf,
        prompt,
        negativePrompt,
        guided: pass.guidance !== 1 || isComposed(prompt, rules.syntax),
        loras: await textLoras(lorasIn(request, picture, pass), merge),
      });
    }
    const length = (choice: SamplerChoice, count: number): number =>
      rules.promptSteps === 'calls' ? count * samplerRow(choice.sampler).callsPerStep : count;
    return textEncoder.encode(prompts, {
      ...rules,
      steps: length(pass.sampler, pass.steps),
      firstPassSteps: pass.isSecond ? length(sampler, steps) : undefined,
      rests: keepsUnet === false && (pass.isSecond || !second),
    });
  };

  const unetFor: PassOptions['unetFor'] = (size, loras) =>
    unets.get(JSON.stringify([size, loras.sessionKey]), () => {
      sessionsOpened++;
      const weights = loras.weights('unet', checkpoint.unet.weights);
      const base = { ...checkpoint, unet: { ...checkpoint.unet, weights } };
      return openUnet(base, size, graph => loras.hooks(graph, 'unet', size.batch), options);
    });

  /** The latents of the first pass as large as the second is, cut where that has another shape. [n, c, h, w] */
  const enlarge = async (latents: readonly Tensor[], pass: Pass, findings: string[][]): Promise<Tensor> => {
    const { upscaler = 'latent' } = pass;
    const { latentScale } = checkpoint;
    const [, height, width] = latents[0].shape.map(side => side * latentScale);
    const levels = checkpoint.unet.config.channels.length;
    const { enlarged, crop } = hiresSize(
      { width, height, toWidth: pass.width, toHeight: pass.height },
      { latentScale, levels },
    );
    if (scalesLatent(upscaler)) {
      const size = { width: enlarged.width / latentScale, height: enlarged.height / latentScale };
      const cut = { left: crop.left / latentScale, top: crop.top / latentScale };
      return cropTensor(upscaleLatents(stackBatch(latents), size, upscaler), {
        ...cut,
        ...{ width: crop.width / latentScale, height: crop.height / latentScale },
      });
    }
    const larger: Tensor[] = [];
    for (const [i, latent] of latents.entries()) {
      const picture = upscalePixels(rgbOf(await autoencoder.decode(latent, findings[i])), enlarged, upscaler);
      larger.push(tensorOf(cropRaster(picture, crop)));
    }
    return joinBatch(await autoencoder.encodeAll(larger));
  };

  /** The LoRAs of a picture in a pass. Steps of the second count on from the first. */
  const lorasIn = (
    request: GenerateRequest,
    picture: PictureRequest,
    { isSecond }: Pass,
  ): readonly ChosenLora[] => {
    const own = picture.loras ?? request.loras;
    if (!isSecond) return own;
    const later = (step: number): number => step - request.steps;
    return (picture.second?.loras ?? own).map(lora =>
      lora.steps ? { ...lora, steps: { from: later(lora.steps.from), to: later(lora.steps.to) } } : lora,
    );
  };

  /** Pictures that share a batch, from noise to pixels. */
  const drawTogether = async (request: GenerateRequest, indices: readonly number[]): Promise<Picture[]> => {
    const pictures = indices.map(i => request.pictures[i]);
    const passes = passesOf(request, checkpoint);
    const totalSteps = passes.reduce((sum, pass) => sum + stepsIn(pass), 0);
    const texts: PromptTexts[][] = [];
    for (const pass of passes) texts.push(await encodeTexts(request, pictures, pass));
    const findings = texts[0].map((text, i) => [
      ...findingsOf(text, ''),
      ...(pictures[i].second && texts[1] ? findingsOf(texts[1][i], 'hires ') : []),
    ]);
    let steps = 0;
    let latents: Tensor[] = [];
    for (const [i, pass] of passes.entries()) {
      const { width, height } = pass;
      if (pass.isSecond && request.keepsUnet === false) await unets.release();
      const init = pass.isSecond
        ? await enlarge(latents, pass, findings)
        : request.init && (await autoencoder.encode(request.init.pixels));
      const rows = textRows(texts[i]);
      const order = [...rows.negative, ...rows.positive].map(({ picture }) => picture);
      const loras = await unetLoras(
        order.map(picture => lorasIn(request, pictures[picture], pass)),
        request.merge,
      );
      latents = await drawPass({
        ...{ checkpoint, request, pass, pictures, texts: texts[i], init, loras, unetFor },
        channels:
          checkpoint.variant === 'inpaint'
            ? await autoencoder.inpaintChannels(maskedOf(request, pass) ?? everything(width, height))
            : undefined,
        onBegin: () => pass.isSecond || request.onBegin?.(),
        onStep: ({ step, denoised }) =>
          request.onStep?.({ step: steps + step, steps: totalSteps, denoised, pictures: indices }),
      });
      steps += stepsIn(pass);
    }
    if (request.keepsUnet === false) await unets.release();
    const drawn: Picture[] = [];
    for (const [i, latent] of latents.entries()) {
      const pixels = await autoencoder.decode(latent, findings[i]);
      const { truncated } = texts[0][i];
      const picture = { ...rgbOf(pixels), latent, truncated, findings: findings[i] };
      await request.onPicture?.(indices[i], picture);
      drawn.push(picture);
    }
    if (request.keepsUnet === false) await autoencoder.release(); // before the UNet is opened again
    return drawn;
  };

  return {
    get sessionsOpened() {
      return sessionsOpened;
    },
    async generate(request) {
      checkRequest(request, checkpoint);
      const drawn: Picture[] = [];
      const own = request.pictures.map(picture => picture.loras ?? request.loras);
      for (const group of groupsBySharing(own, request.merge)) {
        const made = await drawTogether(request, group);
        for (const [i, index] of group.entries()) drawn[index] = made[i];
      }
      return drawn;
    },
    async release() {
      await textEncoder.release();
      await autoencoder.release();
      await unets.release();
    },
  };
}

/** What an inpainting UNet reads of the picture it starts from; undefined where it sees nothing of it. */
function maskedOf({ init, inpaint }: GenerateRequest, { isSecond }: Pass): MaskedPicture | undefined {
  if (!init || !inpaint || isSecond) return undefined;
  return { pixels: init.pixels, mask: inpaint.mask };
}

/** What looks like a mistake in the prompts, with its place. */
const findingsOf = ({ findings }: PromptTexts, which: string): string[] => [
  ...findings.prompt.map(
    ({ position, text }) => `${which}prompt, character ${characterAt(position)}: ${text}`,
  ),
  ...findings.negativePrompt.map(
    ({ position, text }) => `${which}negative prompt, character ${characterAt(position)}: ${text}`,
  ),
];
