/** @file The LoRAs that a picture was made with, as they lie here. */
import { basename } from 'node:path';
import { badInput } from '../../errors.ts';
import {
  findLorasByHash,
  type LoraFolders,
  loraName,
  type MatchedLora,
  namedLoras,
  type PictureText,
  type WantedLora,
} from '../../generation/index.ts';
import { oneLine } from '../../workbench/index.ts';

export interface LorasHere {
  /** Of one that was given beside the prompt. */
  pathOf(lora: WantedLora): string;
  /** The folders, in which a name of a tag means what was found for it, wherever it lies and whatever it is called. */
  readonly folders: LoraFolders;
}

function missing(loras: readonly WantedLora[], folders: readonly string[]): Error {
  const list = loras.map(({ name, hash }) => (hash ? `${name} (hash ${hash})` : name)).join(', ');
  return badInput(
    'LORAS_MISSING',
    `the picture was made with LoRAs that are not here: ${oneLine(list)}`,
    `Looked in ${folders.join(', ')}; --lora-folder names another folder.`,
  );
}

/** What is worth telling of one that was found. */
function noteOn({ wanted: { name }, path, by, differs, doubt }: MatchedLora): string | undefined {
  if (doubt) return `${doubt}; taken: ${path}`;
  if (by === 'claim') return `${name}: ${path} says that it is that, but holds other numbers`;
  if (differs) return `${name}: ${path} is called so, but holds other numbers than the picture was made with`;
  return loraName(path) === loraName(basename(name)) ? undefined : `${name} is called ${path} here`;
}

/** Finds them by their hashes or names. Throws LORAS_MISSING with the name and hash of each that is not there. */
export function findLoras(
  text: PictureText,
  folders: LoraFolders,
  { looked, note }: { looked: readonly string[]; note: (text: string) => void },
): LorasHere {
  const { beside, tagged } = namedLoras(text);
  const matches = findLorasByHash([...beside, ...tagged], folders);
  if (matches.missing.length > 0) throw missing(matches.missing, looked);
  for (const match of matches.found) {
    const what = noteOn(match);
    if (what) note(what);
  }
  const paths = new Map(matches.found.map(({ wanted, path }) => [wanted, path]));
  const pathOf = (lora: WantedLora): string => {
    const path = paths.get(lora);
    if (path === undefined) throw missing([lora], looked);
    return path;
  };
  const byName = new Map(tagged.map(lora => [lora.name, pathOf(lora)]));
  return { pathOf, folders: { ...folders, find: name => byName.get(name) ?? folders.find(name) } };
}
