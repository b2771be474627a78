/** @file Option values of the command line, checked as they come in. */
import { usageError } from '../errors.ts';

export function integerOption(name: string): (text: string) => number {
  return text => {
    if (!/^-?\d+$/.test(text))
      throw usageError('OPTION_NOT_A_NUMBER', `${name} ${text} is not a whole number`);
    return Number(text);
  };
}

export function numberOption(name: string): (text: string) => number {
  return text => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value))
      throw usageError('OPTION_NOT_A_NUMBER', `${name} ${text} is not a number`);
    return value;
  };
}

/** `512` or `640x512` → width and height. */
export function sizeOption(name: string): (text: string) => { width: number; height: number } {
  return text => {
    const match = /^(\d+)(?:x(\d+))?$/i.exec(text);
    if (!match)
      throw usageError('OPTION_NOT_A_SIZE', `${name} ${text} is not a size`, 'Write 512 or 640x512.');
    return { width: Number(match[1]), height: Number(match[2] ?? match[1]) };
  };
}

/** `6GB`, `7.5GiB`, `900MB` → bytes. */
export function memoryOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?$/i.exec(text);
  if (!match) throw usageError('OPTION_NOT_A_SIZE', `--memory ${text} is not a size`, 'Write 6GB or 7.5GiB.');
  const unit = match[3] ? 1024 : 1000;
  return Number(match[1]) * unit ** ' kmgt'.indexOf(match[2].toLowerCase() || ' ');
}

/** A parser of options that are one of some words; `give` names them in errors. */
export function choiceOption<T>(
  name: string,
  choices: Readonly<Record<string, T>>,
  give: string,
): (text: string) => T {
  return text => {
    if (Object.hasOwn(choices, text)) return choices[text];
    throw usageError('OPTION_INVALID', `${name} ${text}: give ${give}`);
  };
}

export function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
