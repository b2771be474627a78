/** @file What a LoRA that was extracted says of itself: the entries of sd-scripts, and modelspec 1.0.1. */
import type { Checkpoint } from '../../models/index.ts';
import { version } from '../../version.ts';
import { isKernelShape, layerShape } from '../kinds/low-rank-factors.ts';
import type { LoraModule } from '../kinds/module.ts';
import { familyWords } from '../metadata/family-words.ts';
import { pythonFloat } from '../metadata/python-text.ts';

const ranksOf = (modules: readonly LoraModule[]): number[] => [...new Set(modules.map(({ rank }) => rank))];
const oneOr = (ranks: readonly number[], show: (rank: number) => string): string =>
  ranks.length === 1 ? show(ranks[0]) : 'Dynamic';

/** A stretch of one rank is told as sd-scripts tells it; ranks of convolutions are arguments. */
function networkEntries(modules: readonly LoraModule[]): Record<string, string> {
  const isKernel = (module: LoraModule): boolean => isKernelShape(layerShape(module));
  const kernels = ranksOf(modules.filter(isKernel));
  const others = ranksOf(modules.filter(module => !isKernel(module)));
  const main = others.length > 0 ? others : kernels;
  const conv =
    kernels.length === 1 ? { conv_dim: String(kernels[0]), conv_alpha: pythonFloat(kernels[0]) } : {};
  return {
    ss_network_module: 'networks.lora',
    ss_network_dim: oneOr(main, String),
    ss_network_alpha: oneOr(main, pythonFloat),
    ss_network_args: JSON.stringify(conv),
  };
}

/** Names of both models, never where they lie. The writer adds the hashes; title and date are the command's. */
export function extractedMetadata(
  tuned: Checkpoint,
  base: Checkpoint,
  modules: readonly LoraModule[],
): Record<string, string> {
  const { family, resolution, scheduler } = base;
  const isVelocity = scheduler.predictionType === 'v_prediction';
  const { base: baseVersion, architecture, implementation } = familyWords(base);
  return {
    ss_v2: family === 'sd2' ? 'True' : 'False',
    ss_base_model_version: baseVersion,
    ss_sd_model_name: base.name,
    ...networkEntries(modules),
    ss_training_comment: `extracted from ${tuned.name}, base ${base.name}`,
    'modelspec.sai_model_spec': '1.0.1',
    'modelspec.architecture': architecture,
    'modelspec.implementation': implementation,
    'modelspec.implementation_version': `lora-studio ${version}`,
    'modelspec.resolution': `${resolution}x${resolution}`,
    'modelspec.description': `The difference of ${tuned.name} and ${base.name} as a LoRA`,
    'modelspec.prediction_type': isVelocity ? 'v' : 'epsilon',
  };
}
