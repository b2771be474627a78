/** @file What an option of the command line that is a field of a recipe looks like, and short ways to write one. */
import { fieldText, type RecipeField } from '../../training/index.ts';
import { choiceOption, collect, integerOption, numberOption } from '../numbers.ts';

export interface Row {
  /** `--rank <r>` */
  readonly flags: string;
  readonly field: RecipeField;
  readonly help: string;
  /** From what was typed to the field's value; text stays text without it. `before` is what the option had so far. */
  readonly parse?: (text: string, before: unknown) => unknown;
  /** `--no-…` says false, over a file or a goal that says true. */
  readonly canBeOff?: true;
}

/** The long name of an option: `--rank <r>` → `--rank`. */
export const nameOf = (flags: string): string => flags.split(' ')[0];

/** "none" is a field without a value, over a file or a goal that gives one; commander would make text of null. */
export const noValue = Symbol('none');

export const orNone =
  <T>(parse: (text: string) => T) =>
  (text: string): T | typeof noValue =>
    text === 'none' ? noValue : parse(text);

export const text = (field: RecipeField, flags: string): Row => ({ flags, field, help: fieldText(field) });
/** Text that may be left out again with "none". */
export const optionalText = (field: RecipeField, flags: string): Row => ({
  ...text(field, flags),
  parse: orNone(written => written),
});
export const integer = (field: RecipeField, flags: string): Row => ({
  ...text(field, flags),
  parse: orNone(integerOption(nameOf(flags))),
});
export const number = (field: RecipeField, flags: string): Row => ({
  ...text(field, flags),
  parse: orNone(numberOption(nameOf(flags))),
});
export const flag = (field: RecipeField, flags: string): Row => ({ ...text(field, flags), canBeOff: true });
/** May be repeated. */
export const several = (field: RecipeField, flags: string): Row => ({
  ...text(field, flags),
  parse: (written, before) => collect(written, (before as string[] | undefined) ?? []),
});

export function choice(field: RecipeField, flags: string, choices: Readonly<Record<string, unknown>>): Row {
  const names = Object.keys(choices);
  const give = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return { ...text(field, flags), parse: choiceOption(nameOf(flags), choices, give) };
}

/** Choices that are what they are called. */
export const same = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map(name => [name, name]));
