/** @file Our configurations as the config files of Diffusers and transformers; config-files.ts reads them back. */
import type { ClipConfig } from '../../clip/text-encoder.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { type EncoderKind, inputVariants, projects, sampleSizeOf } from '../single/architectures.ts';
import type { ModelParts } from './parts.ts';

type Json = Record<string, unknown>;

const version = { _diffusers_version: '0.30.0' };

const hasAttention = (depth: number | readonly number[]): boolean => depth !== 0;

const sampleSize = ({ architecture, scheduler }: ModelParts): number =>
  sampleSizeOf(architecture.family, scheduler.predictionType);

export function unetJson(parts: ModelParts): Json {
  const { config } = parts.unet;
  const { transformerLayers, upTransformerLayers, midTransformerLayers, heads } = config;
  const same = heads.every(count => count === heads[0]);
  const depths = transformerLayers.map(depth => depth || 1);
  const isReversed = JSON.stringify([...upTransformerLayers].reverse()) === JSON.stringify(transformerLayers);
  const added = config.additionWidth !== undefined;
  return {
    _class_name: 'UNet2DConditionModel',
    ...version,
    sample_size: sampleSize(parts),
    in_channels: config.inChannels,
    out_channels: config.outChannels,
    block_out_channels: config.channels,
    down_block_types: transformerLayers.map(depth =>
      hasAttention(depth) ? 'CrossAttnDownBlock2D' : 'DownBlock2D',
    ),
    mid_block_type: midTransformerLayers === 0 ? 'UNetMidBlock2D' : 'UNetMidBlock2DCrossAttn',
    up_block_types: upTransformerLayers.map(depth =>
      hasAttention(depth) ? 'CrossAttnUpBlock2D' : 'UpBlock2D',
    ),
    layers_per_block: config.layersPerBlock,
    cross_attention_dim: config.contextWidth,
    // The number of heads; Diffusers' name for it is a mistake that stayed (huggingface/diffusers#2011).
    attention_head_dim: same ? heads[0] : heads,
    transformer_layers_per_block: depths,
    reverse_transformer_layers_per_block: isReversed
      ? null
      : upTransformerLayers.map(depth => (hasAttention(depth) ? depth : 1)),
    norm_num_groups: config.normGroups,
    norm_eps: config.normEpsilon,
    flip_sin_to_cos: config.flipSinToCos,
    freq_shift: config.frequencyShift,
    use_linear_projection: config.linearProjection,
    addition_embed_type: added ? 'text_time' : null,
    addition_time_embed_dim: config.additionTimeWidth ?? null,
    projection_class_embeddings_input_dim: config.additionWidth ?? null,
    upcast_attention: parts.architecture.family === 'sd2' ? true : null,
    act_fn: 'silu',
    center_input_sample: false,
    downsample_padding: 1,
    mid_block_scale_factor: 1,
  };
}

export function vaeJson(parts: ModelParts): Json {
  const { config } = parts.vae;
  return {
    _class_name: 'AutoencoderKL',
    ...version,
    in_channels: 3,
    out_channels: 3,
    latent_channels: config.latentChannels,
    block_out_channels: config.channels,
    down_block_types: config.channels.map(() => 'DownEncoderBlock2D'),
    up_block_types: config.channels.map(() => 'UpDecoderBlock2D'),
    layers_per_block: config.layersPerBlock,
    norm_num_groups: config.normGroups,
    mid_block_add_attention: config.midAttention,
    use_quant_conv: config.quantConv,
    use_post_quant_conv: config.postQuantConv,
    scaling_factor: config.scalingFactor,
    sample_size: sampleSize(parts) * 2 ** (config.channels.length - 1),
    act_fn: 'silu',
    // SDXL's autoencoder overflows in float16.
    force_upcast: parts.architecture.family === 'sdxl',
  };
}

export function textJson(config: ClipConfig, kind: EncoderKind): Json {
  return {
    architectures: [projects(kind) ? 'CLIPTextModelWithProjection' : 'CLIPTextModel'],
    model_type: 'clip_text_model',
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.innerSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    hidden_act: config.activation,
    max_position_embeddings: config.maxTokens,
    projection_dim: config.projectionSize,
    layer_norm_eps: config.layerNormEpsilon,
    bos_token_id: 0,
    eos_token_id: config.endTokenId,
    pad_token_id: 1,
  };
}

export function schedulerJson(config: SchedulerConfig): Json {
  return {
    _class_name: 'DDIMScheduler',
    ...version,
    num_train_timesteps: config.trainSteps,
    beta_start: config.betaStart,
    beta_end: config.betaEnd,
    beta_schedule: config.betaSchedule,
    prediction_type: config.predictionType,
    ...(config.saysSpacing ? { timestep_spacing: config.timestepSpacing } : {}),
    steps_offset: config.stepsOffset,
    set_alpha_to_one: config.setAlphaToOne,
    rescale_betas_zero_snr: config.rescaleZeroTerminalSnr,
    clip_sample: false,
  };
}

const pipelines = {
  sd15: 'StableDiffusionPipeline',
  sd2: 'StableDiffusionPipeline',
  sdxl: 'StableDiffusionXLPipeline',
  pocket: 'StableDiffusionPipeline',
} as const;

export function modelIndex({ architecture, unet, text, zerosForNoText }: ModelParts): Json {
  const { family } = architecture;
  const isInpaint = inputVariants.get(unet.config.inChannels) === 'inpaint';
  const none = [null, null];
  const shared = {
    _class_name: isInpaint ? pipelines[family].replace('Pipeline', 'InpaintPipeline') : pipelines[family],
    ...version,
    scheduler: ['diffusers', 'DDIMScheduler'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
  };
  const encoders: Json = {};
  text.forEach(({ kind }, i) => {
    const suffix = i === 0 ? '' : '_2';
    encoders[`text_encoder${suffix}`] = [
      'transformers',
      projects(kind) ? 'CLIPTextModelWithProjection' : 'CLIPTextModel',
    ];
    encoders[`tokenizer${suffix}`] = ['transformers', 'CLIPTokenizer'];
  });
  if (family === 'sdxl')
    return {
      ...shared,
      ...encoders,
      feature_extractor: none,
      image_encoder: none,
      force_zeros_for_empty_prompt: zerosForNoText,
    };
  return {
    ...shared,
    ...encoders,
    feature_extractor: none,
    safety_checker: none,
    requires_safety_checker: false,
  };
}
