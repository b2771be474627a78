/** @file `network_module` and what belongs to it: which layers are trained, as what kind, with which rank and rate. */
import { nearestWords } from '../../../errors.ts';
import type { GivenRecipe } from '../schema.ts';
import type { KohyaContext, KohyaValues } from './argument.ts';
import { keyValues } from './python-values.ts';

/** A `key=value` of network_args or optimizer_args that cannot be honoured. */
export interface KohyaProblem {
  readonly argument: string;
  readonly value: string;
  readonly why: string;
  readonly changesNumbers: boolean;
}

type Args = ReadonlyMap<string, string>;
type Read = (args: Args, all: KohyaValues) => GivenRecipe;

const isTrue = (text: string | undefined): boolean => /^(true|1|yes)$/i.test(text ?? '');
const isNone = (text: string | undefined): boolean => text === undefined || /^(none|)$/i.test(text);
const numberIn = (args: Args, name: string): number | undefined =>
  isNone(args.get(name)) ? undefined : Number(args.get(name));

/** sd-scripts' own default. */
const rankOf = (all: KohyaValues): number => all.number('network_dim') ?? 4;
const alphaOf = (all: KohyaValues): number => all.number('network_alpha') || rankOf(all);

const common: Read = (args, all) => ({
  rank: rankOf(all),
  alpha: alphaOf(all),
  dropout: numberIn(args, 'dropout') ?? all.number('network_dropout') ?? 0,
  rankDropout: numberIn(args, 'rank_dropout') ?? 0,
  moduleDropout: numberIn(args, 'module_dropout') ?? 0,
  loraPlusRatio: numberIn(args, 'loraplus_lr_ratio') ?? 1,
  ...(args.has('loraplus_unet_lr_ratio')
    ? { unetLoraPlusRatio: numberIn(args, 'loraplus_unet_lr_ratio') }
    : {}),
  ...(args.has('loraplus_text_encoder_lr_ratio')
    ? { textLoraPlusRatio: numberIn(args, 'loraplus_text_encoder_lr_ratio') }
    : {}),
});

/** Weights by block as here: numbers above the threshold, curves by name, 1 where a direction is not said. */
function blockRates(args: Args): GivenRecipe {
  const names = ['down_lr_weight', 'mid_lr_weight', 'up_lr_weight'];
  if (!names.some(name => args.has(name))) return {};
  const threshold = numberIn(args, 'block_lr_zero_threshold') ?? 0;
  const section = (name: string): string => {
    const own = args.get(name);
    if (own === undefined) return 'zeros+1';
    if (/[a-z]/i.test(own)) return own;
    return own
      .split(',')
      .map(part => (Number(part) > threshold ? Number(part) : 0))
      .join(',');
  };
  return { blockRates: names.map(section).join('/') };
}

function blockRanks(args: Args, all: KohyaValues): GivenRecipe {
  const ranks = args.get('block_dims')?.split(',').map(Number);
  const alphas = args.get('block_alphas')?.split(',').map(Number) ?? ranks?.map(() => alphaOf(all));
  return { ...(ranks ? { blockRanks: ranks } : {}), ...(alphas ? { blockAlphas: alphas } : {}) };
}

/** networks/lora.py: convolutions have a rank of their own, or are not trained; their alpha is 1 unless said. */
const plain: Read = (args, all) => {
  const convRank = numberIn(args, 'conv_dim');
  return {
    ...common(args, all),
    kind: 'lora',
    targets: convRank ? 'conv' : 'linear',
    ...(convRank ? { convRank, convAlpha: numberIn(args, 'conv_alpha') ?? 1 } : {}),
    ...blockRates(args),
    ...blockRanks(args, all),
  };
};

/** LyCORIS' presets as expressions; null = the text encoders are not trained. */
const presets: Readonly<Record<string, { readonly unet: string; readonly text: string | null }>> = {
  full: { unet: 'conv,unet.conv_in,unet.conv_out,*.time_embedding.linear_?', text: 'attention+mlp' },
  'full-lin': {
    unet: 'linear,*.time_emb_proj,*.conv_shortcut,*.time_embedding.linear_?',
    text: 'attention+mlp',
  },
  'attn-mlp': { unet: 'linear', text: 'attention+mlp' },
  'attn-only': { unet: 'attention', text: 'attention' },
  'unet-only': { unet: 'conv,unet.conv_in,unet.conv_out,*.time_embedding.linear_?', text: null },
  'unet-transformer-only': { unet: 'linear', text: null },
  'unet-convblock-only': { unet: 'conv,!linear,unet.conv_in,unet.conv_out', text: null },
};

const algorithms: Readonly<Record<string, 'lora' | 'loha' | 'lokr'>> = {
  ...{ lora: 'lora', locon: 'lora', loha: 'loha', lokr: 'lokr' },
};

const presetOf = (args: Args): string => args.get('preset') ?? 'full';
const algorithmOf = (args: Args): string => (args.get('algo') ?? 'lora').toLowerCase();

/** What the first and the last convolution of a UNet have room for: 3×3 numbers of four channels, and four outputs. */
const ends: Readonly<Record<string, number>> = { 'unet.conv_in': 36, 'unet.conv_out': 4 };

/** LyCORIS gives these the rank of all, which is more than they have; the scale stays. */
function cappedEnds(targets: string, rank: number, alpha: number): GivenRecipe {
  const capped = Object.entries(ends).filter(([name, most]) => targets.includes(name) && rank > most);
  if (capped.length === 0) return {};
  return {
    overrides: capped.map(([match, most]) => ({ match, rank: most, alpha: (alpha / rank) * most })),
  };
}

/** lycoris/kohya.py; LoKr without a product has no rank and no scale. */
const lycoris: Read = (args, all) => {
  const kind = algorithms[algorithmOf(args)] ?? 'lora';
  const isFull = kind === 'lokr' && isTrue(args.get('full_matrix'));
  const [convRank, convAlpha] = [numberIn(args, 'conv_dim'), numberIn(args, 'conv_alpha')];
  const hasKernels = /conv/.test(presets[presetOf(args)]?.unet.split(',')[0] ?? '');
  const targets = presets[presetOf(args)]?.unet ?? 'linear';
  const capped = cappedEnds(targets, convRank || rankOf(all), convAlpha || alphaOf(all));
  return {
    ...common(args, all),
    kind,
    targets,
    ...(kind === 'lokr' || all.flag('network_train_text_encoder_only') ? {} : capped),
    ...(isFull ? { alpha: Math.max(1, rankOf(all)) } : {}),
    ...(hasKernels && !isFull && convRank ? { convRank } : {}),
    ...(hasKernels && !isFull && (convRank || convAlpha) ? { convAlpha: convAlpha || alphaOf(all) } : {}),
    ...(kind === 'lokr' ? { factor: numberIn(args, 'factor') ?? -1, fullMatrix: isFull } : {}),
    ...(kind === 'lokr' && !isFull ? { decomposeBoth: isTrue(args.get('decompose_both')) } : {}),
    tucker:
      hasKernels && !isFull && ['use_tucker', 'use_cp', 'use_conv_cp'].some(name => isTrue(args.get(name))),
    rsLora: !isFull && isTrue(args.get('rs_lora')),
    dora: isTrue(args.get('dora_wd'))
      ? isTrue(args.get('wd_on_output') ?? 'true')
        ? 'output'
        : 'input'
      : false,
  };
};

interface Module {
  readonly read: Read;
  readonly known: readonly string[];
  /** Known names that cannot be honoured where they are on. */
  readonly refused: Readonly<Record<string, string>>;
  readonly ignored?: readonly string[];
  readonly text: (args: Args) => string | null;
}

const dropouts = ['dropout', 'rank_dropout', 'module_dropout'];
const ratios = ['loraplus_lr_ratio', 'loraplus_unet_lr_ratio', 'loraplus_text_encoder_lr_ratio'];

const modules: Readonly<Record<string, Module>> = {
  'networks.lora': {
    read: plain,
    known: [
      ...[
        'conv_dim',
        'conv_alpha',
        'block_dims',
        'block_alphas',
        'block_lr_zero_threshold',
        ...dropouts,
        ...ratios,
      ],
      ...['down_lr_weight', 'mid_lr_weight', 'up_lr_weight'],
    ],
    refused: {
      conv_block_dims: 'convolutions have one rank in all blocks',
      conv_block_alphas: 'convolutions have one alpha in all blocks',
    },
    text: () => 'attention+mlp',
  },
  'lycoris.kohya': {
    read: lycoris,
    known: [
      ...[
        'algo',
        'preset',
        'conv_dim',
        'conv_alpha',
        'factor',
        'decompose_both',
        'full_matrix',
        ...dropouts,
        ...ratios,
      ],
      ...['use_tucker', 'use_cp', 'use_conv_cp', 'rs_lora', 'dora_wd', 'wd_on_output'],
    ],
    refused: {
      ...{ use_scalar: 'A and B have no scalar beside them', train_norm: 'norms are not trained' },
      ...{ constraint: 'it is for OFT', rescaled: 'it is for OFT', constrain: 'it is for OFT' },
      unbalanced_factorization: 'LoKr’s matrices are as LyCORIS has them without it',
    },
    ignored: ['bypass_mode', 'block_size', 'train_t5xxl', 'disable_conv_cp'],
    text: args => presets[presetOf(args)]?.text ?? null,
  },
};

const moduleOf = (all: KohyaValues): Module =>
  modules[all.text('network_module') ?? ''] ?? modules['networks.lora'];
const argsOf = (all: KohyaValues): Args => keyValues(all.list('network_args')).values;

/** Rates: of the UNet, of the text encoders, and which of them are trained at all. */
function rates(all: KohyaValues, { family }: KohyaContext): GivenRecipe {
  const args = argsOf(all);
  const usual = all.number('learning_rate') ?? 2e-6;
  const unet = all.number('unet_lr') ?? usual;
  // networks/lora.py and LyCORIS take the first of several.
  const text = all.list('text_encoder_lr').map(Number)[0] ?? usual;
  const textTargets = moduleOf(all).text(args);
  const noUnet = all.flag('network_train_text_encoder_only') || unet === 0;
  const noText = all.flag('network_train_unet_only') || textTargets === null || text === 0;
  const isCached = family !== 'sd15' && all.flag('cache_text_encoder_outputs');
  const hasText = !noText && !isCached;
  return {
    learningRate: noUnet ? text : unet,
    ...(noUnet ? { targets: 'none' } : {}),
    textTargets: hasText ? textTargets : null,
    ...(hasText && !noUnet ? { textLearningRate: text } : {}),
  };
}

/** Fields of a run of `network_module`. */
export function networkFields(all: KohyaValues, context: KohyaContext): GivenRecipe {
  return { ...moduleOf(all).read(argsOf(all), all), ...rates(all, context) };
}

/** What of `network_module` and `network_args` cannot be honoured. */
export function networkProblems(all: KohyaValues): KohyaProblem[] {
  const name = all.text('network_module');
  const problems: KohyaProblem[] = [];
  const add = (argument: string, value: string, why: string): void => {
    problems.push({ argument, value, why, changesNumbers: true });
  };
  if (name !== null && !Object.hasOwn(modules, name)) {
    add('network_module', name, `only ${Object.keys(modules).join(' and ')} are trained here`);
    return problems;
  }
  const { known, refused, ignored = [] } = moduleOf(all);
  const { values, broken } = keyValues(all.list('network_args'));
  for (const text of broken) add('network_args', text, 'is not name=value');
  for (const [key, value] of values) {
    const argument = `network_args ${key}`;
    const isOff = isNone(value) || /^(false|0(\.0*)?)$/i.test(value);
    if (known.includes(key) || ignored.includes(key)) continue;
    if (Object.hasOwn(refused, key)) {
      if (!isOff) add(argument, value, refused[key]);
      continue;
    }
    const meant = nearestWords(key, known, 2);
    add(argument, value, `is not known${meant.length > 0 ? `; did you mean ${meant.join(' or ')}?` : ''}`);
  }
  if (name !== 'lycoris.kohya') return problems;
  if (!Object.hasOwn(algorithms, algorithmOf(values)))
    add(
      'network_args algo',
      algorithmOf(values),
      `only ${Object.keys(algorithms).join(', ')} are trained here`,
    );
  if (!Object.hasOwn(presets, presetOf(values)))
    add('network_args preset', presetOf(values), `only ${Object.keys(presets).join(', ')} are known`);
  return problems;
}
