/** @file ComfyUI's `extra_model_paths.yaml`: blocks of folders of other programs, each with a base path. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import { badInput } from '../../errors.ts';
import type { CardUse } from '../card.ts';
import type { LayoutFolder } from './layouts.ts';

export const extraPathsName = 'extra_model_paths.yaml';

/** ComfyUI's names of kinds of models; others are of no use here. */
const usesByKey: Readonly<Record<string, readonly CardUse[]>> = {
  checkpoints: ['checkpoint'],
  diffusers: ['checkpoint'],
  loras: ['lora'],
  vae: ['vae'],
  embeddings: ['embedding'],
};

/** `~`, `$NAME`, `${NAME}` and `%NAME%`, as Python's expanduser and expandvars read them; unknown names stay. */
export function expand(path: string): string {
  const named = path.replace(
    /\$\{(\w+)\}|\$(\w+)|%(\w+)%/g,
    (whole, a?: string, b?: string, c?: string) => process.env[a ?? b ?? c ?? ''] ?? whole,
  );
  return /^~(?=$|[\\/])/.test(named) ? join(homedir(), named.slice(1)) : named;
}

function parse(path: string): { document: Document; lineOf(at: number | undefined): number } {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, 'utf8'), { lineCounter: lines, prettyErrors: true });
  const [error] = document.errors;
  const lineOf = (at: number | undefined): number => lines.linePos(at ?? 0).line;
  if (error) {
    const why = error.message.split('\n')[0].replace(/ at line \d+, column \d+:?$/, '');
    throw wrong(path, lineOf(error.pos[0]), why);
  }
  return { document, lineOf };
}

const wrong = (path: string, line: number, why: string): Error =>
  badInput(
    'EXTRA_PATHS_WRONG',
    `${path}, line ${line}: ${why}`,
    'It is read as ComfyUI reads it; see its example file.',
  );

interface Entry {
  readonly key: string;
  readonly value: unknown;
  readonly line: number;
}

function entriesOf(node: unknown, lineOf: (at: number | undefined) => number): Entry[] {
  if (!isMap(node)) return [];
  return (node.items as Pair[]).map(({ key, value }) => {
    const at = isScalar(key) ? key.range?.[0] : undefined;
    return { key: String(isScalar(key) ? key.value : key), value, line: lineOf(at) };
  });
}

const textOf = (node: unknown): string | undefined =>
  isScalar(node) && typeof node.value === 'string' ? node.value : undefined;

/** The folders that a file names, whether they are there or not. Throws EXTRA_PATHS_WRONG with the line. */
export function readExtraPaths(path: string): LayoutFolder[] {
  const { document, lineOf } = parse(path);
  if (document.contents === null) return [];
  if (!isMap(document.contents)) throw wrong(path, 1, 'there are no named blocks');
  const home = dirname(resolve(path));
  const folders: LayoutFolder[] = [];
  for (const block of entriesOf(document.contents, lineOf)) {
    if (isScalar(block.value) && block.value.value === null) continue; // a block whose lines are all comments
    if (!isMap(block.value)) throw wrong(path, block.line, `"${block.key}" is no block of names and folders`);
    const entries = entriesOf(block.value, lineOf);
    const given = entries.find(({ key }) => key === 'base_path');
    const base = textOf(given?.value)?.trim();
    if (given && base === undefined) throw wrong(path, given.line, 'base_path is no text');
    const root = base === undefined ? home : resolve(home, expand(base));
    for (const { key, value, line } of entries) {
      if (!Object.hasOwn(usesByKey, key)) continue;
      const text = textOf(value);
      if (text === undefined) throw wrong(path, line, `"${key}" is no text with a folder a line`);
      for (const one of text.split('\n').map(part => part.trim())) {
        if (one === '') continue;
        const expanded = expand(one);
        const at = isAbsolute(expanded) ? expanded : join(root, expanded);
        folders.push({ path: resolve(at), uses: usesByKey[key], layout: 'comfyui' });
      }
    }
  }
  return folders;
}
