/** @file `lora checkpoint inspect|verify|convert`: what a base is, whether it is whole, and other forms of it. */
import { Command } from 'commander';
import type { WeightDType } from '../../files/index.ts';
import { checkpointFacts, convertCheckpoint, verifyCheckpoint } from '../../models/index.ts';
import { basePath, showBytes, showSeconds } from '../../workbench/index.ts';
import { checkFamily, type PartOptions, partsOf, withParts } from '../base.ts';
import { describeCheckpoint } from '../checkpoint-report.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import { byteProgress, weightType, weightTypeNames } from '../writing.ts';

interface Options extends PartOptions {
  json: boolean;
  dtype?: WeightDType;
}

function inspect(base: string, options: Options): void {
  const terminal = openTerminal(options.json);
  const facts = checkpointFacts(basePath(base), partsOf(options));
  checkFamily(base, facts.family, options.family);
  terminal.result(facts, describeCheckpoint(facts));
}

async function verify(base: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping …'));
  const path = basePath(base);
  const parts = partsOf(options);
  const onProgress = byteProgress(terminal, 'reading');
  const facts = checkpointFacts(path, parts);
  checkFamily(base, facts.family, options.family);
  const verified = await verifyCheckpoint(path, { parts, signal, onProgress });
  const { tensors, bytes, sha256 } = verified;
  const hashes = Object.entries(sha256).map(([file, hash]) => `  sha256     ${hash}  ${file}`);
  const head = `${path}: ${facts.model}, whole; ${tensors} tensors, ${showBytes(bytes)}, every number is finite`;
  terminal.result({ ...verified, model: facts.model, family: facts.family }, [head, ...hashes].join('\n'));
}

async function convert(base: string, out: string, options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping …'));
  const path = basePath(base);
  if (options.family) checkFamily(base, checkpointFacts(path, partsOf(options)).family, options.family);
  const started = performance.now();
  const converted = await convertCheckpoint(path, out, {
    parts: partsOf(options),
    ...(options.dtype ? { dtype: options.dtype } : {}),
    signal,
    onProgress: byteProgress(terminal, 'writing'),
  });
  const seconds = (performance.now() - started) / 1000;
  for (const note of converted.notes) terminal.note(note);
  const text = `${out}: ${converted.layout}, ${showBytes(converted.bytes)} in ${showSeconds(seconds)}`;
  terminal.result({ file: out, ...converted, seconds }, text);
}

export function checkpointCommand(): Command {
  const command = new Command('checkpoint').description('show, check and convert base models');
  const json = ['--json', 'machine-readable result on stdout', false] as const;
  const model = ['<model>', '.safetensors file, folder in the Diffusers layout, or pocket'] as const;
  command.addCommand(
    withParts(new Command('inspect'))
      .description('what a model is: family, variant, prediction, parts and types; reads headers only')
      .argument(...model)
      .option(...json)
      .action(inspect),
  );
  command.addCommand(
    withParts(new Command('verify'))
      .description('read every byte: all tensors there, every number finite, sha256')
      .argument(...model)
      .option(...json)
      .action(verify),
  );
  command.addCommand(
    withParts(new Command('convert'))
      .description('write another layout or type, tensor by tensor; --vae and the like bake parts in')
      .argument(...model)
      .argument('<out>', 'a name that ends in .safetensors: single file (LDM); any other: Diffusers folder')
      .option('--dtype <type>', `${weightTypeNames}; default: as it is`, weightType('--dtype'))
      .option(...json)
      .action(convert),
  );
  return command;
}
