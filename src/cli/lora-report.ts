/** @file The options that all commands have that load LoRAs, and what they say of those. */
import type { Command } from 'commander';

export { describeLoad, describeLora } from '../workbench/index.ts';

export interface LoadOptions {
  strict?: boolean;
  allowNonfinite?: boolean;
}

/** Adds --strict and --allow-nonfinite. */
export function withLoadOptions(command: Command): Command {
  return command
    .option('--strict', 'fail when any tensor of a LoRA is not used', false)
    .option('--allow-nonfinite', 'read LoRAs that hold NaN or infinity', false);
}
