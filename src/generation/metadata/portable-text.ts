/** @file What may leave the machine inside a picture: file names, never where the files lie. */
import { tagsOf } from '../prompt/tag-span.ts';

export const fileNameOf = (path: string): string => path.split(/[\\/]/).at(-1) ?? path;

const showsFolders = (name: string): boolean => /^(?:[/\\~.]|[a-z]:[\\/])|(?:^|[/\\])\.\.[/\\]/i.test(name);

/** A name that someone may know, `people/alice`, as it is; of a path of this machine, the file's name. */
export function portableName(name: string): string {
  const path = name.trim();
  return showsFolders(path) ? fileNameOf(path).replace(/\.safetensors$/i, '') : name;
}

/** A quoted name, or what stands between colons, and between the alternatives of a template; a drive keeps its colon. */
const tagItem = /"([^"\n]*)"|(?:\b[a-z]:(?=[\\/]))?[^:{}|"]+/gi;

const portableItems = (inside: string): string =>
  inside.replace(tagItem, (item, quoted?: string) => {
    if (quoted === undefined) return portableName(item);
    return `"${showsFolders(quoted.trim()) ? portableName(quoted) : portableItems(quoted)}"`;
  });

/** As `embedding:` is read in prompts, with the alternatives that a template may have there. */
const embedding = /(embedding:)([^\s,()<>[\]{}|"]*(?:\{[^\s,()<>[\]{}"]*\}[^\s,()<>[\]{}|"]*)*)/gi;
const alternative = /[^{}|]+/g;

/**
 * A prompt in which paths of this machine hold only the file's name: `<lora:/home/…/alice:1>`, `<lora:"C:\…\alice":1>`,
 * `embedding:/home/…/word.pt`.
 */
export function portablePrompt(prompt: string): string {
  const pieces: string[] = [];
  let at = 0;
  for (const { start, end, word, inside } of tagsOf(prompt)) {
    pieces.push(prompt.slice(at, start), `<${word}:${portableItems(inside)}>`);
    at = end;
  }
  const text = [...pieces, prompt.slice(at)].join('');
  return text.replace(
    embedding,
    (_, start: string, names: string) => start + names.replace(alternative, portableName),
  );
}
