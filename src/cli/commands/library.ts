/** @file `lora library …`: cards of LoRAs and checkpoints wherever they lie. */
import { Command } from 'commander';
import { folderCommands } from '../library/folders.ts';
import { lookCommands } from '../library/look.ts';
import { writeCommands } from '../library/write.ts';

export function libraryCommand(): Command {
  const command = new Command('library').description(
    'LoRAs and checkpoints wherever they lie: find, look at, describe',
  );
  for (const inner of [...folderCommands(), ...lookCommands(), ...writeCommands()]) command.addCommand(inner);
  return command;
}
