/** @file The command line: `lora <command>`. Only the command that is asked for is loaded. */
import { Command, type Option } from 'commander';
import { exitCodes, usageError } from '../errors.ts';
import { version } from '../version.ts';
import { reportError } from './terminal.ts';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  train: async () => (await import('./commands/train.ts')).trainCommand(),
  dataset: async () => (await import('./commands/dataset.ts')).datasetCommand(),
  generate: async () => (await import('./commands/generate.ts')).generateCommand(),
  compare: async () => (await import('./commands/compare.ts')).compareCommand(),
  reproduce: async () => (await import('./commands/reproduce.ts')).reproduceCommand(),
  checkpoint: async () => (await import('./commands/checkpoint.ts')).checkpointCommand(),
  inspect: async () => (await import('./commands/inspect.ts')).inspectCommand(),
  diff: async () => (await import('./commands/diff.ts')).diffCommand(),
  merge: async () => (await import('./commands/merge.ts')).mergeCommand(),
  metadata: async () => (await import('./commands/metadata.ts')).metadataCommand(),
  convert: async () => (await import('./commands/convert.ts')).convertCommand(),
  combine: async () => (await import('./commands/combine.ts')).combineCommand(),
  extract: async () => (await import('./commands/extract.ts')).extractCommand(),
  resize: async () => (await import('./commands/resize.ts')).resizeCommand(),
  runs: async () => (await import('./commands/runs.ts')).runsCommand(),
  library: async () => (await import('./commands/library.ts')).libraryCommand(),
  pack: async () => (await import('./commands/pack.ts')).packCommand(),
  unpack: async () => (await import('./commands/unpack.ts')).unpackCommand(),
  studio: async () => (await import('./commands/studio.ts')).studioCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  demo: async () => (await import('./commands/demo.ts')).demoCommand(),
  bench: async () => (await import('./commands/bench.ts')).benchCommand(),
};

const program = new Command('lora')
  .description('LoRA for Stable Diffusion: train, generate, inspect')
  .version(version)
  .showHelpAfterError('(lora <command> --help shows the options)');

const asked = process.argv[2] ?? '';
const wanted = Object.hasOwn(commands, asked) ? [commands[asked]] : Object.values(commands);
for (const command of await Promise.all(wanted.map(load => load()))) program.addCommand(command);

/** What an option does; of defaults, those that say something. */
const describeOption = ({ description, defaultValue }: Option): string => {
  const saysNothing = [undefined, false, true, ''].includes(defaultValue) || Array.isArray(defaultValue);
  return saysNothing ? description : `${description} (default: ${defaultValue})`;
};

/** A command with all below it. */
const withInner = (command: Command): Command[] => [command, ...command.commands.flatMap(withInner)];
for (const command of withInner(program)) {
  command.configureHelp({ optionDescription: describeOption });
  command.exitOverride(error => {
    process.exit(error.exitCode === 0 ? exitCodes.ok : exitCodes.usage);
  });
}

/** ONNX Runtime 1.30 reads the whole command line with a recursive pattern: beyond about 25 kB it ends the process. */
const mostArgumentBytes = 16_000;

function checkLength(words: readonly string[]): void {
  const bytes = Buffer.byteLength(words.join(' '));
  if (bytes <= mostArgumentBytes) return;
  const message = `the command line has ${bytes} bytes; up to ${mostArgumentBytes} are read`;
  throw usageError('COMMAND_LINE_TOO_LONG', message, 'Long prompts can stand in a file: --prompts file.txt.');
}

try {
  checkLength(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv.includes('--json'));
}
