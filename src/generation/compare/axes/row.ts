/** @file What an axis is: a row of the table, read from text into values that each change a picture. */

import { LoraError } from '../../../errors.ts';
import type { Family } from '../../../models/index.ts';
import type { LoraFolders } from '../../find-lora.ts';
import type { SizeRule } from '../../pictures/sizes.ts';
import type { PictureSettings } from '../../settings/schema.ts';
import type { EpochFile } from '../epochs.ts';
import type { Draft } from '../slots.ts';
import type { GivenRules, Said } from '../together.ts';
import type { Failures, Item } from '../values.ts';

/** What axes need to know of the run beside their own text. */
export interface AxisContext {
  readonly base: PictureSettings;
  /** What was asked for beside the axes; the rest follows from the preset. */
  readonly given: GivenRules;
  readonly family: Family;
  readonly sizeRule: SizeRule;
  /** Where LoRAs are looked for. */
  readonly folders: LoraFolders;
}

export interface Reading extends AxisContext, Failures {
  readonly items: readonly Item[];
  /** The LoRA it is about, where it says so: `strength of alice`. */
  readonly subject: string | undefined;
  /** Written with a plus: `+lora`, for one more LoRA than the prompt has. */
  readonly isAdded: boolean;
}

export interface AxisValue {
  /** What stands at the sheet's edge. */
  readonly label: string;
  /** The epoch that it stands for. */
  readonly epoch?: EpochFile;
  apply(draft: Draft): Draft;
}

export interface Lack {
  readonly why: string;
  readonly hint: string;
}

export interface AxisRow {
  readonly name: string;
  /** Other names of it, those of A1111's X/Y/Z plot among them. */
  readonly aliases: readonly string[];
  /** One line for the help; empty for what is understood only to be refused. */
  readonly values: string;
  /** It changes the prompt as typed, so before tags are taken out of it. */
  readonly isText?: boolean;
  /** It can say which LoRA it is about. */
  readonly ofLora?: boolean;
  /** What it lacks in pictures of these settings, beside axes of these names. */
  lacks?(base: PictureSettings, axes: readonly string[]): Lack | undefined;
  read(reading: Reading): AxisValue[];
}

/** A value that changes settings alone. */
export const settingValue = (
  label: string,
  change: (settings: PictureSettings) => Partial<PictureSettings>,
): AxisValue => ({
  label,
  apply: draft => ({ ...draft, settings: { ...draft.settings, ...change(draft.settings) } }),
});

/** A value that is worked into the settings once all axes have spoken. */
export const saidValue = (label: string, said: Said): AxisValue => ({
  label,
  apply: draft => ({ ...draft, said: { ...draft.said, ...said } }),
});

/** Does what a value asks for; an error says which value of which axis it was. */
export function named<T>({ failAt }: Reading, item: Item, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    const { message, hint } = failAt(item, `cannot be used: ${error.message}`, error.hint);
    const { code, exit } = error;
    throw new LoraError(code, message, { exit, cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}
