/** @file Options whose text holds several values: exceptions for layers, rates, options of an optimizer. */
import { nearestWords, usageError } from '../../errors.ts';
import type { Override } from '../../training/index.ts';
import { integerOption, numberOption } from '../numbers.ts';

/** `5e-5`, or `5e-5,1e-5` for two text encoders. */
export function ratesOption(written: string): number | number[] {
  const rates = written.split(',').map(part => numberOption('--text-lr')(part.trim()));
  return rates.length === 1 ? rates[0] : rates;
}

const settings: Readonly<Record<string, { field: keyof Override; parse: (text: string) => unknown }>> = {
  rank: { field: 'rank', parse: integerOption('--set rank') },
  alpha: { field: 'alpha', parse: numberOption('--set alpha') },
  lr: { field: 'learningRate', parse: numberOption('--set lr') },
  kind: { field: 'kind', parse: kind => kind },
};

/** `attention&block:mid: rank=8, lr=1e-5` */
export function overrideOption(written: string, before: unknown): Override[] {
  const [, match, list] = /^(.+):((?:\s*\w+\s*=[^,=]*,?)+)$/s.exec(written) ?? [];
  if (match === undefined) {
    const hint = 'Write "block:mid: rank=8" or "*.to_k, *.to_q: rank=4, alpha=2, lr=5e-5, kind=lokr".';
    throw usageError('OPTION_INVALID', `--set ${written} is not "layers: name=value"`, hint);
  }
  const values = list.split(',').map(part => {
    const [name, value] = part.split('=').map(word => word.trim());
    if (Object.hasOwn(settings, name)) return [settings[name].field, settings[name].parse(value)];
    const known = Object.keys(settings).join(', ');
    throw usageError(
      'OPTION_INVALID',
      `--set ${written}: there is no ${name || 'empty setting'}; give ${known}`,
    );
  });
  const override = { match: match.trim(), ...Object.fromEntries(values) } as Override;
  return [...((before as Override[] | undefined) ?? []), override];
}

const words: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['false', false],
  ['none', null],
]);

/** `beta2=0.99`; the optimizer says later whether it knows the name. */
export function optimizerOption(written: string, before: unknown): Record<string, number | boolean | null> {
  const [, name, text] = /^\s*([\w-]+)\s*=\s*(\S+)\s*$/.exec(written) ?? [];
  if (name === undefined) {
    const message = `--optimizer-option ${written} is not "name=value"`;
    throw usageError('OPTION_INVALID', message, 'Write beta2=0.99 or decouple=false.');
  }
  const word = words.get(text);
  const value = word === undefined ? Number(text) : word;
  if (typeof value === 'number' && !Number.isFinite(value)) {
    const [meant] = nearestWords(text, words.keys(), 1);
    const message = `--optimizer-option ${written}: ${text} is not a number, true, false or none`;
    throw usageError('OPTION_INVALID', message, meant === undefined ? undefined : `Did you mean ${meant}?`);
  }
  return { ...(before as Record<string, number | boolean | null> | undefined), [name]: value };
}
