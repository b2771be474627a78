/** @file What was trained, in the words of sd-scripts' `networks.lora` and of LyCORIS' `lycoris.kohya`. */
import { blockNames, type TrainedLayer } from '../../lora/index.ts';
import type { Family } from '../../models/index.ts';
import { blockNumbers } from '../block-numbers.ts';
import { isKernelLayer } from '../plan-layers.ts';
import type { Recipe } from '../recipe.ts';
import { float, floatOrNone, type PythonValue, pythonJson, pythonText } from './python-text.ts';

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

/** `block_dims` and its like, and the rates of the three directions. */
function blockArguments(recipe: Recipe, family: Family): Arguments {
  const { rates, ranks, alphas } = blockNumbers(recipe, family);
  const names = blockNames(family);
  const list = (values: readonly (number | undefined)[], usual: number): string =>
    names.map((_, i) => values[i] ?? usual).join(',');
  const direction = (start: string): string =>
    names.flatMap((name, i) => (name.startsWith(start) ? [rates[i] ?? 1] : [])).join(',');
  const hasRanks = ranks.length > 0 || alphas.length > 0;
  return {
    ...(hasRanks ? { block_dims: list(ranks, recipe.rank), block_alphas: list(alphas, recipe.alpha) } : {}),
    ...(rates.length > 0
      ? {
          down_lr_weight: direction('IN'),
          mid_lr_weight: direction('M'),
          up_lr_weight: direction('OUT'),
        }
      : {}),
  };
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
  const { rank, alpha, convRank, convAlpha, dropout } = recipe;
  const conv = layers.some(isKernelLayer)
    ? argumentsOf({
        conv_dim: convRank ?? rank,
        conv_alpha: convAlpha ?? (alpha / rank) * (convRank ?? rank),
      })
    : {};
  const own = isPlain(network) ? {} : lycorisArguments(network);
  const all = { ...own, ...conv, ...shared(recipe), ...blockArguments(recipe, family) };
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
