/** @file Fails when a room imports from a room below it, or past another room's door. The rooms are ARCHITECTURE.md's table. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Source {
  readonly path: string;
  readonly text: string;
}

/** Rooms in the order of the table: a room may import from those before it. */
export function readRooms(architecture: string): string[] {
  return [...architecture.matchAll(/^\| `(src\/[^`]+)` +\|/gm)].map(([, room]) => room);
}

/** Paths in `import … from '…'`, `export … from '…'` and `import('…')`. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map(([, path]) => path);
}

/** One sentence for every import that breaks a rule. */
export function findViolations(rooms: readonly string[], sources: readonly Source[]): string[] {
  const roomOf = (path: string): number => rooms.findIndex(room => path === room || path.startsWith(room));
  const wrong: string[] = [];
  for (const { path, text } of sources) {
    const own = roomOf(path);
    if (own < 0) wrong.push(`${path} is in no room of ARCHITECTURE.md`);
    const isTest = /\.test\.ts$/.test(path);
    for (const found of importsOf(text)) {
      if (/^onnxruntime/.test(found) && !path.startsWith('src/engine/runtime/')) {
        wrong.push(`${path} imports ${found}: only src/engine/runtime may`);
      }
      if (!found.startsWith('.')) continue;
      const target = normalize(join(dirname(path), found)).replaceAll('\\', '/');
      const room = roomOf(target);
      if (room === own || (isTest && !target.startsWith('src/'))) continue;
      if (room < 0) wrong.push(`${path} imports ${target}, which is in no room`);
      else if (room > own) wrong.push(`${path} imports from ${rooms[room]}, a room below its own`);
      else if (rooms[room].endsWith('/') && target !== `${rooms[room]}index.ts`) {
        wrong.push(`${path} imports ${target} past the door ${rooms[room]}index.ts`);
      }
    }
  }
  return wrong;
}

/** The page knows the rest of the program by the types of its API alone. */
const apiTypes = 'src/server/api-types.ts';

/** One sentence for every import of the page that reaches out of it. */
export function findPageViolations(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    importsOf(text)
      .filter(found => found.startsWith('.'))
      .map(found => normalize(join(dirname(path), found)).replaceAll('\\', '/'))
      .filter(target => !target.startsWith('studio/'))
      .filter(target => !/\.test\.tsx?$/.test(path) || target.startsWith('src/'))
      .filter(target => target !== apiTypes || !isTypeImport(text, target))
      .map(target => `${path} imports ${target}: the page may import types of ${apiTypes}`),
  );
}

/** Whether every import of a file is erased: `import type … from '…/api-types.ts'`. */
const isTypeImport = (text: string, target: string): boolean => {
  const name = target.split('/').at(-1) as string;
  const all = [...text.matchAll(/(?:import|export)\s+(type\s)?[^;]*?from\s*'([^']+)'/g)];
  return all.filter(([, , path]) => path.endsWith(`/${name}`)).every(([, type]) => type !== undefined);
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const sources = globSync('src/**/*.ts').map(path => ({ path, text: readFileSync(path, 'utf8') }));
  const rooms = readRooms(readFileSync('ARCHITECTURE.md', 'utf8'));
  const page = globSync('studio/src/**/*.{ts,tsx}').map(path => ({ path, text: readFileSync(path, 'utf8') }));
  const wrong = [...findViolations(rooms, sources), ...findPageViolations(page)];
  for (const line of wrong) console.error(line);
  console.log(
    `imports: ${sources.length + page.length} files in ${rooms.length} rooms, ${wrong.length} broken rules`,
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
