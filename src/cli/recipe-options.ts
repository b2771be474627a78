/** @file The options of `lora train` that are fields of a recipe, in groups. */
import { type Command, Option } from 'commander';
import { fieldGroups, type GivenRecipe, type RecipeField, type RecipeSource } from '../training/index.ts';
import { nameOf, noValue, type Row } from './recipe-options/row.ts';
import { rowOf } from './recipe-options/rows.ts';

function optionOf({ flags, help, parse }: Row, heading: string): Option {
  const option = new Option(flags, help).helpGroup(heading);
  return parse ? option.argParser(parse) : option;
}

/** `--no-flip`, which help does not list: each would be a line. */
const offOption = ({ flags }: Row): Option => new Option(nameOf(flags).replace(/^--/, '--no-')).hideHelp();

/** Adds the recipe's options to a command. */
export function withRecipe(command: Command): Command {
  for (const { heading, fields } of fieldGroups) {
    for (const field of Object.keys(fields) as RecipeField[]) {
      const row = rowOf.get(field);
      if (!row) throw new Error(`recipe field ${field} has no option`);
      command.addOption(optionOf(row, `${heading}:`));
      if (row.canBeOff) command.addOption(offOption(row));
    }
  }
  return command;
}

/** The fields that were given as options; `--dora` and `--recompute` alone are true. */
export function recipeOf(options: Readonly<Record<string, unknown>>): GivenRecipe {
  const fields = [...rowOf.values()].map(({ flags, field }) => {
    const value = options[new Option(flags).attributeName()];
    return [field, value === noValue ? null : value] as const;
  });
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined));
}

/** The same with the option of each. */
export function recipeSourceOf(options: Readonly<Record<string, unknown>>): RecipeSource {
  return {
    given: recipeOf(options),
    originOf: field => ({ from: 'flag', flag: nameOf(rowOf.get(field)?.flags ?? field) }),
  };
}
