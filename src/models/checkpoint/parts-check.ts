/** @file Whether the parts of a checkpoint fit each other; each by itself has been checked before. */
import { legacyEndToken } from '../clip/text-encoder.ts';
import { pooledWidthOf } from '../unet/unet.ts';
import type { Checkpoint, TextPart } from './checkpoint.ts';
import { badConfig } from './read-config.ts';

type Parts = Pick<Checkpoint, 'path' | 'variant' | 'unet' | 'vae' | 'textEncoder' | 'textEncoder2'>;

const otherBase = 'A part of another checkpoint was put in.';

function checkLatents({ path, variant, unet, vae }: Parts): void {
  const { inChannels, outChannels } = unet.config;
  const { latentChannels } = vae.config;
  const isInpaint = variant === 'inpaint'; // reads a mask and masked latents after the latents
  const wanted = isInpaint ? 2 * latentChannels + 1 : latentChannels;
  const hint = isInpaint
    ? otherBase
    : 'Depth, upscaling and editing models take more than latents and are not supported.';
  if (inChannels !== wanted)
    throw badConfig(
      path,
      `the UNet takes ${inChannels} channels, the VAE's latents have ${latentChannels}`,
      hint,
    );
  if (outChannels !== latentChannels)
    throw badConfig(path, `the UNet gives ${outChannels} channels, the VAE's latents have ${latentChannels}`);
}

function checkText({ path, unet, textEncoder, textEncoder2 }: Parts): void {
  const { contextWidth } = unet.config;
  const widths = [textEncoder, textEncoder2].flatMap(part => (part ? [part.config.hiddenSize] : []));
  const width = widths.reduce((sum, one) => sum + one);
  if (width !== contextWidth) {
    const why = `the UNet reads text states of width ${contextWidth}, the text encoders give ${widths.join(' + ')}`;
    throw badConfig(path, why, otherBase);
  }
  const pooled = pooledWidthOf(unet.config);
  if (!textEncoder2 || pooled === undefined) return;
  const { projectionSize } = textEncoder2.config;
  if (pooled === projectionSize) return;
  const why = `beside six sizes the UNet reads pooled text of width ${pooled}, text_encoder_2 gives ${projectionSize}`;
  throw badConfig(path, why, otherBase);
}

/** Every id that the tokenizer can give must have a row in the encoder's tables. */
function checkTokens(path: string, name: string, { config, tokenizer }: TextPart): void {
  if (tokenizer.maxTokens > config.maxTokens)
    throw badConfig(
      path,
      `the tokenizer gives ${tokenizer.maxTokens} tokens, ${name} takes ${config.maxTokens}`,
    );
  if (tokenizer.largestId >= config.vocabularySize) {
    const why = `the tokenizer gives ids up to ${tokenizer.largestId}, ${name} knows ${config.vocabularySize} tokens`;
    throw badConfig(path, why, otherBase);
  }
}

/** Throws CHECKPOINT_BAD_CONFIG for the first two parts that do not fit each other. */
export function checkParts(parts: Parts): void {
  const { path, textEncoder, textEncoder2 } = parts;
  checkLatents(parts);
  checkText(parts);
  checkTokens(path, 'text_encoder', textEncoder);
  if (!textEncoder2) return;
  checkTokens(path, 'text_encoder_2', textEncoder2);
  const [tokens, tokens2] = [textEncoder.tokenizer.maxTokens, textEncoder2.tokenizer.maxTokens];
  if (tokens !== tokens2) throw badConfig(path, `tokenizer gives ${tokens} tokens, tokenizer_2 ${tokens2}`);
  const { endTokenId } = textEncoder2.config;
  const { endId } = textEncoder2.tokenizer;
  if (endTokenId === endId || endTokenId === legacyEndToken) return;
  throw badConfig(path, `text_encoder_2 pools at token ${endTokenId}, tokenizer_2 ends texts with ${endId}`);
}
