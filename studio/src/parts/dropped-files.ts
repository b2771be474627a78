/** @file Files of a drop or a file dialog, those in folders too, each with its path below what was given. */

export interface GivenFile {
  /** Below what was dropped, with `/`: `zorbi/day/01.png`. */
  readonly path: string;
  readonly file: File;
}

const readEntries = (reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => reader.readEntries(resolve, reject));

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** A folder hands out its entries a hundred at a time, until none are left. */
async function filesBelow(entry: FileSystemEntry, above: string): Promise<GivenFile[]> {
  const path = above + entry.name;
  if (entry.isFile) return [{ path, file: await fileOf(entry as FileSystemFileEntry) }];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: GivenFile[] = [];
  for (let part = await readEntries(reader); part.length > 0; part = await readEntries(reader))
    for (const inner of part) found.push(...(await filesBelow(inner, `${path}/`)));
  return found;
}

/** Everything that was dropped, folders with all that is in them. To be called while the drop is handled. */
export async function filesOfDrop({ items, files }: DataTransfer): Promise<GivenFile[]> {
  const entries = [...items].flatMap(item => (item.kind === 'file' ? (item.webkitGetAsEntry?.() ?? []) : []));
  if (entries.length === 0) return filesOfInput(files);
  return (await Promise.all(entries.map(entry => filesBelow(entry, '')))).flat();
}

/** What a file dialog gave; of a folder with the paths below it. */
export const filesOfInput = (files: FileList | null): GivenFile[] =>
  [...(files ?? [])].map(file => ({ path: file.webkitRelativePath || file.name, file }));
