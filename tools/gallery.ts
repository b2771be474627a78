/**
 * @file Makes the pictures of docs/gallery.md by running the commands that stand in it. A block of commands and the picture
 * below it belong together: the sheet of `lora compare`, or what `lora generate` read and wrote, side by side.
 *
 *     node tools/gallery.ts <empty folder> [name of a picture] ...
 *
 * What is in the folder already is not made again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { drawSheet } from '../src/workbench/sheets/sheet.ts';

const project = resolve(import.meta.dirname, '..');
const page = join(project, 'docs/gallery.md');
const pictures = join(project, 'docs/images/gallery');

interface Block {
  readonly heading: string;
  /** Each as its words, `lora` left out. */
  readonly commands: readonly (readonly string[])[];
  /** The picture below the commands, relative to the page. */
  readonly picture: string | undefined;
}

/** What is to be drawn anew, white: where the car is. */
const maskDrawing =
  '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/>' +
  '<rect x="8" y="12" width="50" height="36" rx="6" fill="#fff"/></svg>';

/** Words of a line as a shell reads it; there is nothing in the page but double quotes. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ''));

function commandsOf(code: string): string[][] {
  const lines = code.replace(/\\\n\s*/g, '').split('\n');
  return lines.filter(line => line.startsWith('lora ')).map(line => wordsOf(line).slice(1));
}

function blocksOf(text: string): Block[] {
  const found: Block[] = [];
  let heading = '';
  const parts = /^## (?<heading>.+)$|^```\n(?<code>[\s\S]*?)^```\n(?:\n!\[[^\]]*\]\((?<picture>[^)]+)\))?/gm;
  for (const { groups = {} } of text.matchAll(parts)) {
    if (groups.heading) heading = groups.heading;
    else found.push({ heading, commands: commandsOf(groups.code), picture: groups.picture });
  }
  return found;
}

/** What stands behind options in a command, in the order of the command. */
const valuesOf = (command: readonly string[], options: readonly string[]): string[] =>
  command.flatMap((word, i) => (options.includes(word) ? [command[i + 1]] : []));

const outOf = (command: readonly string[]): string => valuesOf(command, ['--out'])[0];

/** A comparison goes on where it was; other commands refuse what is there. */
const isDone = (command: readonly string[], folder: string): boolean =>
  command[0] !== 'compare' && existsSync(join(folder, outOf(command)));

function runCommand(command: readonly string[], folder: string): void {
  if (isDone(command, folder)) return;
  console.log(`lora ${command.join(' ')}`);
  const words = [join(project, 'bin/lora.js'), ...command];
  const { status } = spawnSync(process.execPath, words, { cwd: folder, stdio: 'inherit' });
  if (status !== 0) throw new Error(`lora ${command[0]} ended with ${status}`);
}

/** Pictures that commands read and wrote, each once, in the order in which they are named. */
function filesOf(commands: readonly (readonly string[])[]): string[] {
  const named = commands.flatMap(command => valuesOf(command, ['--init', '--mask', '--out']));
  return [...new Set(named)].filter(name => name.endsWith('.png'));
}

async function largestSize(paths: readonly string[]): Promise<{ width: number; height: number }> {
  const sizes = await Promise.all(paths.map(path => sharp(path).metadata()));
  const most = (sides: readonly number[]): number => Math.max(...sides);
  return {
    width: most(sizes.map(({ width = 1 }) => width)),
    height: most(sizes.map(({ height = 1 }) => height)),
  };
}

/** The pictures of commands in a row, under the names of their files. */
async function drawRow({ heading, commands }: Block, folder: string): Promise<Uint8Array> {
  const names = filesOf(commands);
  const paths = names.map(name => join(folder, name));
  const { png } = await drawSheet({
    ...{ title: heading, subtitle: '', caption: '' },
    x: { title: '', values: names.map(label => ({ label: basename(label, '.png') })) },
    y: { title: '', values: [{ label: '' }] },
    ...{ files: [paths], picture: await largestSize(paths) },
  });
  return png;
}

/** JPEG: the pictures are small ones enlarged, and PNGs of them six times as large. */
async function keepPicture(block: Block, picture: string, folder: string): Promise<void> {
  const sheet = block.commands.find(([name]) => name === 'compare');
  const png = sheet ? readFileSync(join(folder, outOf(sheet), 'sheet.png')) : await drawRow(block, folder);
  const path = resolve(dirname(page), picture);
  const { size } = await sharp(png)
    .jpeg({ quality: 84, chromaSubsampling: '4:4:4', mozjpeg: true })
    .toFile(path);
  console.log(`${path}  ${Math.ceil(size / 1000)} kB`);
}

/** What commands read that none of them makes: the example pictures and a mask. */
async function prepareFolder(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'examples'))) symlinkSync(join(project, 'examples'), join(folder, 'examples'));
  await sharp(Buffer.from(maskDrawing)).png().toFile(join(folder, 'mask.png'));
}

const [folder, ...wanted] = process.argv.slice(2);
if (!folder) throw new Error('node tools/gallery.ts <empty folder> [name of a picture] ...');
mkdirSync(pictures, { recursive: true });
await prepareFolder(folder);
for (const block of blocksOf(readFileSync(page, 'utf8'))) {
  const { commands, picture } = block;
  if (wanted.length > 0 && !(picture && wanted.includes(basename(picture, '.jpg')))) continue;
  for (const command of commands) runCommand(command, folder);
  if (picture) await keepPicture(block, picture, folder);
}
