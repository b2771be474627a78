/** @file `lora metadata show|set|strip`: what a model file says of itself. Tensors are never changed. */
import { Command } from 'commander';
import { usageError } from '../../errors.ts';
import { openSafetensors, rewriteMetadata, type SafetensorsFile } from '../../files/index.ts';
import {
  checkHashes,
  describeMetadata,
  editMetadata,
  hashKeysOf,
  identify,
  type Metadata,
  makeThumbnail,
  stripMetadata,
} from '../../lora/index.ts';
import { showBytes } from '../../workbench/index.ts';
import { showMetadata } from '../metadata-report.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

const jsonHelp = 'machine-readable result on stdout';
const outHelp = 'write here instead of replacing the file';

/** Tells of a long reading or writing, in parts of what there is. */
function counter(terminal: Terminal, what: string, total: number): (bytes: number) => void {
  let done = 0;
  return bytes => {
    done += bytes;
    if (total > 200e6) terminal.progress(`${what} ${Math.round((100 * done) / total)} %`);
  };
}

async function show(path: string, options: { json: boolean; hashes: boolean }): Promise<void> {
  const terminal = openTerminal(options.json);
  const file = openSafetensors(path);
  const facts = describeMetadata(file);
  const onBytes = counter(terminal, 'checking hashes', file.fileSize - file.dataOffset);
  const hashes = options.hashes ? await checkHashes(file, onBytes) : undefined;
  terminal.result({ ...facts, ...(hashes ? { hashes } : {}) }, showMetadata(facts, hashes));
}

interface WriteOptions {
  readonly out?: string;
  readonly json: boolean;
}

/** Writes the file with these entries and its true hashes, and says what was done. */
async function write(
  file: SafetensorsFile,
  metadata: Metadata,
  changed: readonly string[],
  notes: readonly string[],
  { out = file.path, json }: WriteOptions,
): Promise<void> {
  if (!out.toLowerCase().endsWith('.safetensors'))
    throw usageError('OUT_NOT_SAFETENSORS', `--out ${out} does not end in .safetensors`);
  const terminal = openTerminal(json);
  const keys = hashKeysOf(metadata, identify(file).is === 'lora');
  const onBytes = counter(terminal, 'writing', file.fileSize - file.dataOffset);
  await rewriteMetadata(file, out, metadata, { hashes: keys, onBytes });
  const written = openSafetensors(out);
  const hashes = Object.fromEntries(keys.map(key => [key, written.metadata[key]]));
  for (const note of notes) terminal.note(note);
  const count = Object.keys(written.metadata).length;
  const text = [
    `${out} (${showBytes(written.fileSize)}, ${count} entries)`,
    ...changed.map(line => `  ${line}`),
    ...Object.entries(hashes).map(([key, hash]) => `  ${key} = ${hash}`),
  ];
  terminal.result({ path: out, changed, notes, hashes, metadata: written.metadata }, text.join('\n'));
}

/** Options that stand for entries of the model metadata standard. */
const named = {
  trigger: ['modelspec.trigger_phrase', 'words that call it'],
  title: ['modelspec.title', 'name for people'],
  author: ['modelspec.author', 'who made it'],
  description: ['modelspec.description', 'what it is'],
  license: ['modelspec.license', 'licence'],
  tags: ['modelspec.tags', 'words to find it by, with commas between'],
  hint: ['modelspec.usage_hint', 'how to use it'],
} as const;
type NamedOption = keyof typeof named;

interface SetOptions extends WriteOptions, Partial<Record<NamedOption, string>> {
  readonly thumbnail?: string;
  readonly remove: readonly string[];
}

/** `key=value`; the value may hold more of them. */
function parsePair(pair: string): [key: string, value: string] {
  const at = pair.indexOf('=');
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw usageError('METADATA_PAIR', `${pair} is not key=value`, 'For example ss_training_comment="my cat".');
}

async function wantedEntries(pairs: readonly string[], options: SetOptions): Promise<Metadata> {
  const given = Object.entries(named).flatMap(([option, [key]]): [string, string][] => {
    const value = options[option as NamedOption];
    return value === undefined ? [] : [[key, value]];
  });
  const picture = options.thumbnail === undefined ? [] : [await makeThumbnail(options.thumbnail)];
  return Object.fromEntries([
    ...pairs.map(parsePair),
    ...given,
    ...picture.map((url): [string, string] => ['modelspec.thumbnail', url]),
  ]);
}

const shorten = (value: string): string => (value.length > 100 ? `${value.slice(0, 97)}…` : value);

async function set(path: string, pairs: readonly string[], options: SetOptions): Promise<void> {
  const wanted = await wantedEntries(pairs, options);
  if (Object.keys(wanted).length + options.remove.length === 0)
    throw usageError(
      'METADATA_NOTHING',
      'nothing is to be set or removed',
      'Give key=value, --title … or --remove key.',
    );
  const file = openSafetensors(path);
  const { metadata, notes } = editMetadata(file.metadata, { set: wanted, remove: options.remove });
  const changed = [
    ...options.remove.map(key => `${key} removed`),
    ...Object.keys(wanted).map(key => `${key} = ${shorten(metadata[key])}`),
  ];
  await write(file, metadata, changed, notes, options);
}

async function strip(path: string, options: WriteOptions & { keepTraining: boolean }): Promise<void> {
  const file = openSafetensors(path);
  const { metadata, removed, notes } = stripMetadata(file.metadata, options);
  await write(file, metadata, [`${removed.length} entries removed`], notes, options);
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

function setCommand(): Command {
  const command = new Command('set')
    .description('set or remove entries; hashes are computed anew')
    .argument('<file>', '.safetensors file')
    .argument('[key=value...]', 'entries as they stand in the file');
  for (const [option, [key, meaning]] of Object.entries(named))
    command.option(`--${option} <text>`, `${meaning} (${key})`);
  return command
    .option('--thumbnail <picture>', 'a small picture of it, from a JPEG, PNG or WebP')
    .option('--remove <key>', 'an entry to take out; may be given more than once', collect, [])
    .option('--out <file>', outHelp)
    .option('--json', jsonHelp, false)
    .action(set);
}

export function metadataCommand(): Command {
  return new Command('metadata')
    .description('show, set and strip what a LoRA or checkpoint says of itself; tensors stay as they are')
    .addCommand(
      new Command('show')
        .description('entries by group, whether hashes are true, and what is private')
        .argument('<file>', '.safetensors file')
        .option('--no-hashes', 'do not read the tensors')
        .option('--json', jsonHelp, false)
        .action(show),
    )
    .addCommand(setCommand())
    .addCommand(
      new Command('strip')
        .description('take out what the file does not need to be loaded; licence, title and hashes stay')
        .argument('<file>', '.safetensors file')
        .option('--keep-training', 'keep the settings of training, without pictures, names and times', false)
        .option('--out <file>', outHelp)
        .option('--json', jsonHelp, false)
        .action(strip),
    );
}
