/** @file What an argument of sd-scripts is here: rows of a table, and the values of all arguments of one run. */
import type { Family } from '../../../models/index.ts';
import type { GivenRecipe } from '../schema.ts';

export type KohyaType = 'flag' | 'int' | 'float' | 'int_or_float' | 'str';
export type KohyaValue = string | number | boolean | readonly string[] | readonly number[] | null;

/** All arguments of a run: those that were given, and sd-scripts' defaults of the others. */
export interface KohyaValues {
  isGiven(name: string): boolean;
  flag(name: string): boolean;
  text(name: string): string | null;
  number(name: string): number | null;
  list(name: string): readonly string[];
}

/** What the meaning of an argument may depend on besides the others. */
export interface KohyaContext {
  /** Of the base, once it is open. */
  readonly family?: Family | undefined;
  /** Steps of the run, once they are known. */
  readonly steps?: number | undefined;
}

/** What happens with an argument. */
export type KohyaRole =
  /** It is one or more fields of the recipe. */
  | { readonly does: 'fields'; readonly fields: (all: KohyaValues, context: KohyaContext) => GivenRecipe }
  /** It names something beside the recipe: the base, the pictures, the file to write. */
  | { readonly does: 'place'; readonly what: string }
  /** It changes no number here. */
  | { readonly does: 'nothing'; readonly why: string }
  /** It cannot be honoured. `isAsked`: whether the value asks for anything at all. */
  | {
      readonly does: 'missing';
      readonly why: string;
      readonly changesNumbers: boolean;
      readonly isAsked?: (all: KohyaValues, context: KohyaContext) => boolean;
    };

export interface KohyaArgument {
  readonly type: KohyaType;
  /** sd-scripts' default. */
  readonly usual: KohyaValue;
  readonly isList?: true;
  readonly choices?: readonly string[];
  readonly role: KohyaRole;
}

export type KohyaTable = Readonly<Record<string, KohyaArgument>>;

type Typed = Omit<KohyaArgument, 'role'>;
export const flag: Typed = { type: 'flag', usual: false };
export const int = (usual: number | null = null): Typed => ({ type: 'int', usual });
export const float = (usual: number | null = null): Typed => ({ type: 'float', usual });
export const text = (usual: string | null = null, choices?: readonly string[]): Typed => ({
  ...{ type: 'str', usual },
  ...(choices ? { choices } : {}),
});
export const share: Typed = { type: 'int_or_float', usual: 0 };

export const fields = (of: (all: KohyaValues, context: KohyaContext) => GivenRecipe): KohyaRole => ({
  does: 'fields',
  fields: of,
});
export const nothing = (why: string): KohyaRole => ({ does: 'nothing', why });
export const place = (what: string): KohyaRole => ({ does: 'place', what });
/** A setting without which the LoRA would be another. */
export const missing = (
  why: string,
  isAsked?: (all: KohyaValues, context: KohyaContext) => boolean,
): KohyaRole => ({ does: 'missing', why, changesNumbers: true, ...(isAsked ? { isAsked } : {}) });
/** A setting that changes what happens around the run, not the LoRA. */
export const omitted = (why: string): KohyaRole => ({ does: 'missing', why, changesNumbers: false });

/** A share of the steps below 1, or a number of steps; undefined where the steps are not known yet. */
export function stepsFrom(value: number | null, { steps }: KohyaContext): number | undefined {
  if (value === null || value >= 1 || value <= 0) return Math.max(0, value ?? 0);
  return steps === undefined ? undefined : Math.trunc(value * steps);
}
