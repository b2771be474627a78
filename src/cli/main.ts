/** @file The command line: `lora <command>`. */
import { Command } from 'commander';
import { exitCodes } from '../errors.ts';
import { version } from '../version.ts';
import { benchCommand } from './commands/bench.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { generateCommand } from './commands/generate.ts';
import { inspectCommand } from './commands/inspect.ts';
import { trainCommand } from './commands/train.ts';
import { reportError } from './terminal.ts';

const program = new Command('lora')
  .description('LoRA for Stable Diffusion: train, generate, inspect')
  .version(version)
  .showHelpAfterError('(lora <command> --help shows the options)')
  .addCommand(trainCommand())
  .addCommand(generateCommand())
  .addCommand(inspectCommand())
  .addCommand(doctorCommand())
  .addCommand(demoCommand())
  .addCommand(benchCommand());

for (const command of [program, ...program.commands]) {
  command.exitOverride(error => {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv.includes('--json'));
}
