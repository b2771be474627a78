/** @file The options of `lora train` for what only a LoRA's maker knows; it goes into the file for sites and people. */
import type { Command } from 'commander';
import { makeThumbnail } from '../lora/index.ts';
import type { LoraCard } from '../training/index.ts';

export interface CardOptions {
  readonly description?: string;
  readonly author?: string;
  readonly license?: string;
  readonly tags?: string;
  readonly usageHint?: string;
  readonly thumbnail?: string;
}

/** Adds the options to a command. */
export function withCard(command: Command): Command {
  return command
    .optionsGroup('What the file says of itself:')
    .option('--description <text>', 'what it is; default: base, number of pictures, trigger word')
    .option('--author <name>', 'who made it; default: nobody is named')
    .option('--license <name>', 'under which licence it may be used')
    .option('--tags <words>', 'words to find it by, comma-separated')
    .option('--usage-hint <text>', 'how to use it; default: the trigger word')
    .option('--thumbnail <picture>', 'a small picture of what it does')
    .optionsGroup('Other options:');
}

/** What was given. Throws PICTURE_NOT_A_PICTURE for a thumbnail that is none. */
export async function cardOf(options: CardOptions): Promise<LoraCard> {
  const { description, author, license, tags, usageHint, thumbnail } = options;
  const texts = Object.entries({ description, author, license, tags, usageHint });
  return {
    ...Object.fromEntries(texts.filter(([, value]) => value !== undefined)),
    ...(thumbnail === undefined ? {} : { thumbnail: await makeThumbnail(thumbnail) }),
  };
}
