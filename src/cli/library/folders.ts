/** @file `lora library add|folders|remove|scan`: which folders the library is of. */
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { badInput, nearestWords } from '../../errors.ts';
import type { CardUse, Library, LibraryFolder, ScanSummary } from '../../library/index.ts';
import { counted } from '../../workbench/index.ts';
import { interruptible, type Terminal } from '../terminal.ts';
import { describeFolders, describeScan } from './report.ts';
import { type CommonOptions, withCommon, withLibrary } from './with-library.ts';

export const uses: readonly CardUse[] = ['lora', 'checkpoint', 'embedding', 'vae'];

/** Scans, with a line that tells how far it is. */
async function scanWith(library: Library, terminal: Terminal): Promise<ScanSummary> {
  const signal = interruptible(() => terminal.note('stopping; what was found stays'));
  return library.scan({
    signal,
    onProgress: (done, total) => terminal.progress(`reading ${done} of ${counted(total, 'model')}`),
  });
}

interface AddOptions extends CommonOptions {
  readonly as: readonly CardUse[];
  readonly scan: boolean;
}

async function add(path: string, options: AddOptions): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    const wanted = options.as.length > 0 ? options.as : undefined;
    const added = library.addFolder(path, wanted);
    const scanned = options.scan ? await scanWith(library, terminal) : undefined;
    const ids = new Set(added.map(({ id }) => id));
    const folders = library.folders().filter(({ id }) => ids.has(id));
    const text = [...describeFolders(folders), ...(scanned ? describeScan(scanned) : [])];
    terminal.result({ folders, ...(scanned ? { scan: scanned } : {}) }, text.join('\n'));
  });
}

async function folders(options: CommonOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const all = library.folders();
    terminal.result(all, describeFolders(all).join('\n'));
  });
}

function findFolder(all: readonly LibraryFolder[], wanted: string): LibraryFolder {
  const path = resolve(wanted);
  const found = all.find(({ id, path: known }) => id === wanted || resolve(known) === path);
  if (found) return found;
  const near = nearestWords(wanted, [...all.map(({ id }) => id), ...all.map(({ path }) => path)]);
  const hint = near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'See lora library folders.';
  throw badInput('FOLDER_UNKNOWN', `the library has no folder ${wanted}`, hint);
}

async function remove(wanted: string, options: CommonOptions): Promise<void> {
  await withLibrary(options, (library, terminal) => {
    const folder = findFolder(library.folders(), wanted);
    library.removeFolder(folder.id);
    terminal.result(
      { removed: folder },
      `${folder.path} is no longer in the library; its files stay where they are`,
    );
  });
}

async function scan(options: CommonOptions): Promise<void> {
  await withLibrary(options, async (library, terminal) => {
    const summary = await scanWith(library, terminal);
    terminal.result(summary, describeScan(summary).join('\n'));
  });
}

const useOption = (): Option =>
  new Option('--as <use>', 'what its files are, where the folder does not tell; may be given more than once')
    .choices(uses)
    .default([])
    .argParser((use: string, before: readonly string[]) => {
      if ((uses as readonly string[]).includes(use)) return [...before, use];
      const near = nearestWords(use, uses);
      throw badInput(
        'OPTION_INVALID',
        `--as ${use}: give ${uses.join(', ')}`,
        near[0] && `Did you mean ${near[0]}?`,
      );
    });

export const folderCommands = (): Command[] => [
  withCommon(
    new Command('add')
      .description(
        'add a folder, or an installation of A1111, Forge or ComfyUI; its files stay where they are',
      )
      .argument('<folder>', 'a folder with models, an installation, or its extra_model_paths.yaml')
      .addOption(useOption())
      .option('--no-scan', 'do not look for its files now'),
  ).action(add),
  withCommon(new Command('folders').description('the folders that the library is of')).action(folders),
  withCommon(
    new Command('remove')
      .description('forget a folder; its files, and what you wrote of them, stay')
      .argument('<folder>', 'its id or path'),
  ).action(remove),
  withCommon(new Command('scan').description('look for what is new, changed, moved or gone')).action(scan),
];
