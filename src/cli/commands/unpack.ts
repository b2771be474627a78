/** @file `lora unpack`: a .lorapack, or a zip with LoRAs, into a folder of the library. */
import { Command } from 'commander';
import { type Unpacked, unpackLora } from '../../library/index.ts';
import { counted, field, oneLine } from '../../workbench/index.ts';
import { type CommonOptions, dataOf, withCommon, withLibrary } from '../library/with-library.ts';
import { interruptible } from '../terminal.ts';

interface Options extends CommonOptions {
  readonly to?: string;
}

function describe({ models, skipped, card }: Unpacked): string[] {
  const triggers = card?.triggers.map(({ words }) => words) ?? [];
  return [
    ...models.flatMap(({ path, files, what, wasThere }) => [
      `${path}${wasThere ? ' was there already; nothing is written' : ''}`,
      ...field('is', what),
      ...(wasThere ? [] : field('beside it', counted(files.length - 1, 'file'))),
    ]),
    ...(triggers.length > 0 ? field('trigger', triggers.join(' · ')) : []),
    ...(card?.license === undefined ? [] : field('licence', card.license)),
    ...skipped.map(({ path, reason }) => `left out: ${oneLine(path)}: ${reason}`),
  ];
}

async function unpack(file: string, options: Options): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    terminal.progress(`unpacking ${file}`);
    const signal = interruptible(() => terminal.note('stopping'));
    const folder = options.to ?? dataOf(options).loras;
    const unpacked = await unpackLora(file, folder, { signal });
    // The studio's own folder is of the library; another may be.
    if (options.to === undefined) await library.scan({ signal });
    terminal.result(unpacked, describe(unpacked).join('\n'));
  });
}

export function unpackCommand(): Command {
  return withCommon(
    new Command('unpack')
      .description('check and unpack a .lorapack, or a zip with a LoRA; nothing is overwritten')
      .argument('<file>', 'the .lorapack or .zip')
      .option('--to <folder>', 'where to (default: the LoRAs of the data folder)'),
  ).action(unpack);
}
