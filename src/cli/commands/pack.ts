/** @file `lora pack`: one file with a LoRA and all that belongs to it. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { packContentOf, packLora } from '../../library/index.ts';
import { field, showBytes } from '../../workbench/index.ts';
import {
  type CommonOptions,
  findCard,
  withCommon,
  withLibrary,
  withReplace,
} from '../library/with-library.ts';
import { interruptible } from '../terminal.ts';

interface Options extends CommonOptions {
  readonly out?: string;
  readonly preview?: string;
  readonly notes: boolean;
  readonly replace: boolean;
}

async function pack(wanted: string, options: Options): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    const isFile = /\.safetensors$/i.test(wanted) && existsSync(wanted);
    const card = isFile ? undefined : findCard(library, wanted);
    const path = card ? library.pathOf(card.id) : wanted;
    const own = card ? await library.preview(card.id) : undefined;
    const picture = options.preview === undefined ? own : readFileSync(options.preview);
    const content = await packContentOf(path, { card, preview: picture, withNotes: options.notes });
    const out = options.out ?? join('.', `${basename(path).replace(/\.safetensors$/i, '')}.lorapack`);
    terminal.progress(`packing ${basename(path)}`);
    const signal = interruptible(() => terminal.note('stopping'));
    const packed = await packLora(content, out, { signal, replace: options.replace }).catch(withReplace);
    for (const note of packed.notes) terminal.note(`note: ${note}`);
    const members = packed.members.flatMap(({ name, bytes }) =>
      field(bytes < 1000 ? `${bytes} B` : showBytes(bytes), name),
    );
    terminal.result(packed, [`${packed.path} (${showBytes(packed.bytes)})`, ...members].join('\n'));
  });
}

export function packCommand(): Command {
  return withCommon(
    new Command('pack')
      .description('one file with a LoRA, its card, preview, recipe, licence and checksums, to give away')
      .argument('<lora>', 'a .safetensors file, or a card of the library by id or name')
      .option('--out <file>', 'a .lorapack (default: called like the LoRA, in this folder)')
      .option('--preview <picture>', 'another picture than the one of its card')
      .option('--notes', 'put your notes into it, too', false)
      .option('--replace', 'also where there is a pack of that name', false),
  ).action(pack);
}
