/** @file The optimizer of a run in sd-scripts' words: its name and arguments, as `ss_optimizer` has them. */
import { float, type PythonValue, pythonText } from '../../lora/index.ts';
import { type OptimizerName, optimizerOptionsOf } from '../optimizers/options.ts';
import type { Recipe } from '../recipe/recipe.ts';

/** What sd-scripts' `--optimizer_type` calls them. */
const names: Readonly<Record<OptimizerName, string>> = {
  adamw: 'AdamW',
  adamw8bit: 'AdamW8bit',
  lion: 'Lion',
  adafactor: 'AdaFactor',
  prodigy: 'Prodigy',
  'dadapt-adamw': 'DAdaptAdam',
  'schedulefree-adamw': 'AdamWScheduleFree',
  came: 'CAME',
  'sgd-nesterov': 'SGDNesterov',
};

/** Options whose name is not ours in snake case. */
const renamed: Readonly<Record<string, string>> = { epsilon: 'eps' };

const snake = (name: string): string =>
  renamed[name] ?? name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

const pythonOf = (value: number | boolean | null): PythonValue =>
  typeof value === 'number' && !Number.isInteger(value) ? float(value) : value;

/** `AdamW(betas=(0.9, 0.999),eps=1e-08,weight_decay=0.01)` */
export function optimizerText({
  optimizer,
  optimizerOptions,
  weightDecay,
}: Pick<Recipe, 'optimizer' | 'optimizerOptions' | 'weightDecay'>): string {
  const { beta1, beta2, ...rest } = optimizerOptionsOf(optimizer, optimizerOptions) as Readonly<
    Record<string, number | boolean | null>
  >;
  const betas = beta1 !== undefined && beta2 !== undefined ? [`betas=(${beta1}, ${beta2})`] : [];
  const first = beta1 !== undefined && beta2 === undefined ? { beta1 } : {};
  const others = Object.entries({ ...first, ...rest }).map(
    ([name, value]) => `${snake(name)}=${pythonText(pythonOf(value))}`,
  );
  return `${names[optimizer]}(${[...betas, ...others, `weight_decay=${weightDecay}`].join(',')})`;
}
