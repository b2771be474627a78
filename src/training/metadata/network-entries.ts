/** @file What was trained, in the words of sd-scripts' `networks.lora` and of LyCORIS' `lycoris.kohya`. */
import {
  blockNames,
  float,
  floatOrNone,
  type PythonValue,
  pythonJson,
  pythonText,
  type TrainedLayer,
} from '../../lora/index.ts';
import type { Family } from '../../models/index.ts';
import { type BlockNumbers, blockNumbers } from '../block-numbers.ts';
import { isKernelLayer, unetScale } from '../plan-layers.ts';
import type { Recipe } from '../recipe/recipe.ts';

type Arguments = Record<string, PythonValue>;

/** An argument as the command line of sd-scripts has it: everything is text. */
const written = (value: number | boolean | string): string =>
  typeof value === 'boolean' ? pythonText(value) : String(value);

/** Those of `given` that are not null or false. */
function argumentsOf(given: Readonly<Record<string, number | boolean | string | null>>): Arguments {
  const entries = Object.entries(given).filter(([, value]) => value !== null && value !== false);
  return Object.fromEntries(entries.map(([name, value]) => [name, written(value as number)]));
}

/** LyCORIS' names for what `--targets` calls otherwise; the others have none. */
const lycorisPresets: Readonly<Record<string, string>> = {
  attention: 'attn-only',
  linear: 'attn-mlp',
};

const orNull = (value: number): number | null => (value === 0 ? null : value);

const shared = (recipe: Recipe): Arguments =>
  argumentsOf({
    rank_dropout: orNull(recipe.rankDropout),
    module_dropout: orNull(recipe.moduleDropout),
    loraplus_lr_ratio: recipe.loraPlusRatio === 1 ? null : recipe.loraPlusRatio,
    loraplus_unet_lr_ratio: recipe.unetLoraPlusRatio,
    loraplus_text_encoder_lr_ratio: recipe.textLoraPlusRatio,
  });

/** Ranks and alphas of every block: `block_dims`, `block_alphas`, and those of 3×3 convolutions. */
function blockRanks({ recipe, layers, family }: TrainedNetwork, blocks: BlockNumbers): Arguments {
  if (blocks.ranks.length === 0 && blocks.alphas.length === 0) return {};
  const list = (field: 'rank' | 'alpha', isKernel: boolean): string =>
    blockNames(family)
      .map((_, index) => unetScale(recipe, blocks, index, isKernel)[field])
      .join(',');
  const own = { block_dims: list('rank', false), block_alphas: list('alpha', false) };
  if (!layers.some(isKernelLayer)) return own;
  return { ...own, conv_block_dims: list('rank', true), conv_block_alphas: list('alpha', true) };
}

/** Rates of the three directions. */
function blockRates(family: Family, rates: BlockNumbers['rates']): Arguments {
  if (rates.length === 0) return {};
  const direction = (start: string): string =>
    blockNames(family)
      .flatMap((name, i) => (name.startsWith(start) ? [rates[i] ?? 1] : []))
      .join(',');
  return { down_lr_weight: direction('IN'), mid_lr_weight: direction('M'), up_lr_weight: direction('OUT') };
}

interface TrainedNetwork {
  readonly recipe: Recipe;
  readonly layers: readonly TrainedLayer[];
  readonly family: Family;
}

/** Whether sd-scripts' own module could have trained it. */
function isPlain({ recipe, layers }: TrainedNetwork): boolean {
  const isLora = layers.every(({ kind, decomposed, tucker }) => kind === 'lora' && !decomposed && !tucker);
  return isLora && !recipe.rsLora;
}

function lycorisArguments({ recipe }: TrainedNetwork): Arguments {
  const { kind, targets, dora, rsLora, tucker, factor, decomposeBoth, fullMatrix } = recipe;
  return argumentsOf({
    algo: kind,
    preset: Object.hasOwn(lycorisPresets, targets) ? lycorisPresets[targets] : null,
    dora_wd: dora !== false,
    wd_on_output: dora === false ? null : pythonText(dora === 'output'),
    rs_lora: rsLora,
    use_tucker: tucker,
    factor: kind === 'lokr' ? factor : null,
    decompose_both: decomposeBoth,
    full_matrix: fullMatrix,
  });
}

/** `ss_network_…`: module, rank, alpha, dropout and arguments. */
export function networkEntries(network: TrainedNetwork): Record<string, PythonValue> {
  const { recipe, layers, family } = network;
  const { rank, alpha, dropout } = recipe;
  const blocks = blockNumbers(recipe, family);
  const conv = unetScale(recipe, { ranks: [], alphas: [] }, -1, true);
  const convArguments = argumentsOf({ conv_dim: conv.rank, conv_alpha: conv.alpha });
  const all = {
    ...(isPlain(network) ? {} : lycorisArguments(network)),
    ...(layers.some(isKernelLayer) ? convArguments : {}),
    ...shared(recipe),
    ...blockRanks(network, blocks),
    ...blockRates(family, blocks.rates),
  };
  const times = recipe.init === 'pissa' ? 2 : 1;
  const neuron = floatOrNone(orNull(dropout));
  return {
    ss_network_module: isPlain(network) ? 'networks.lora' : 'lycoris.kohya',
    // PiSSA's start is subtracted in the file, which doubles its rank.
    ss_network_dim: times * rank,
    ss_network_alpha: float(times * alpha),
    ss_network_dropout: neuron,
    ss_scale_weight_norms: floatOrNone(orNull(recipe.scaleWeightNorms)),
    ...(Object.keys(all).length > 0 ? { ss_network_args: pythonJson({ ...all, dropout: neuron }) } : {}),
  };
}
