/** @file The files of a folder in the Diffusers layout: weights of each part, and their configs. */
import type { WeightSource } from '../../layers.ts';
import { padding } from '../single/architectures.ts';
import { modelIndex, schedulerJson, textJson, unetJson, vaeJson } from './diffusers-configs.ts';
import type { LaidTensor, ModelParts } from './parts.ts';

export interface LaidFile {
  /** Inside the folder, with `/`. */
  readonly path: string;
  readonly tensors: readonly LaidTensor[];
}

interface Weighted {
  readonly weights: WeightSource;
}

/** Weight files; names and shapes are ours. */
export function diffusersWeights({
  unet,
  vae,
  text,
}: {
  readonly unet: Weighted;
  readonly vae: Weighted;
  readonly text: readonly Weighted[];
}): LaidFile[] {
  const own = (weights: WeightSource): LaidTensor[] =>
    [...weights.names()].map(name => ({
      name,
      shape: weights.shape(name),
      pieces: [{ weights, name }],
    }));
  return [
    { path: 'unet/diffusion_pytorch_model.safetensors', tensors: own(unet.weights) },
    { path: 'vae/diffusion_pytorch_model.safetensors', tensors: own(vae.weights) },
    ...text.map(({ weights }, i) => ({
      path: `text_encoder${i === 0 ? '' : '_2'}/model.safetensors`,
      tensors: own(weights),
    })),
  ];
}

export interface Vocabulary {
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Pairs in order. */
  readonly ranks: ReadonlyMap<string, number>;
}

/** Config files and tokenizers: path inside the folder → text. */
export function diffusersTexts(parts: ModelParts, { vocabulary, ranks }: Vocabulary): Map<string, string> {
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  const files = new Map([
    ['model_index.json', json(modelIndex(parts))],
    ['unet/config.json', json(unetJson(parts))],
    ['vae/config.json', json(vaeJson(parts))],
    ['scheduler/scheduler_config.json', json(schedulerJson(parts.scheduler))],
  ]);
  parts.text.forEach(({ kind, config }, i) => {
    const suffix = i === 0 ? '' : '_2';
    const marks = {
      bos_token: '<|startoftext|>',
      eos_token: '<|endoftext|>',
      unk_token: '<|endoftext|>',
      pad_token: padding[kind],
    };
    files.set(`text_encoder${suffix}/config.json`, json(textJson(config, kind)));
    files.set(`tokenizer${suffix}/vocab.json`, JSON.stringify(Object.fromEntries(vocabulary)));
    files.set(`tokenizer${suffix}/merges.txt`, `#version: 0.2\n${[...ranks.keys()].join('\n')}\n`);
    files.set(`tokenizer${suffix}/special_tokens_map.json`, json(marks));
    const tokenizer = { ...marks, add_prefix_space: false, do_lower_case: true, errors: 'replace' };
    files.set(
      `tokenizer${suffix}/tokenizer_config.json`,
      json({ ...tokenizer, model_max_length: config.maxTokens, tokenizer_class: 'CLIPTokenizer' }),
    );
  });
  return files;
}
