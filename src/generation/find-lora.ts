/** @file From what a user calls a LoRA to its file. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { badInput, usageError } from '../errors.ts';

const ending = '.safetensors';
const stem = (path: string): string => basename(path).replace(/\.safetensors$/i, '');

/** All LoRA files below a folder, not following links out of it, at most four levels deep. */
function filesBelow(folder: string, depth = 4): string[] {
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      return filesBelow(path, depth - 1);
    return entry.isFile() && entry.name.endsWith(ending) ? [path] : [];
  });
}

/** Edit distance (Levenshtein), for "did you mean". */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + Number(a[i - 1] !== b[j - 1]));
    }
    row = next;
  }
  return row[b.length];
}

/** Finds `<lora:name>` in the given folders. A missing or ambiguous name is an error that lists candidates. */
export function findLora(name: string, folders: readonly string[]): string {
  const direct = [name, name + ending].find(path => existsSync(path) && statSync(path).isFile());
  if (direct) return resolve(direct);
  const files = folders.flatMap(folder => filesBelow(folder));
  const wanted = stem(name).toLowerCase();
  const hits = [
    ...new Set(files.filter(path => stem(path).toLowerCase() === wanted).map(path => resolve(path))),
  ];
  if (hits.length === 1) return hits[0];
  if (hits.length > 1) {
    throw usageError(
      'LORA_AMBIGUOUS',
      `<lora:${name}> could be ${hits.join(' or ')}`,
      'Give the path with --lora instead.',
    );
  }
  const near = [...new Set(files.map(stem))].sort(
    (a, b) => distance(a.toLowerCase(), wanted) - distance(b.toLowerCase(), wanted),
  );
  const hint =
    near.length > 0
      ? `Nearest names: ${near.slice(0, 3).join(', ')}.`
      : `No LoRA files in ${folders.join(', ')}.`;
  throw badInput('LORA_NOT_FOUND', `no LoRA is called ${name}`, hint);
}

/** Parses `file.safetensors:0.8`; the strength is 1 unless given. Windows drive letters are not strengths. */
export function parseLoraOption(text: string): { path: string; strength: number } {
  const match = /^(.*):(-?[\d.]+(?:e-?\d+)?)$/i.exec(text);
  const [path, strength] = match && !existsSync(text) ? [match[1], Number(match[2])] : [text, 1];
  if (!Number.isFinite(strength))
    throw usageError('LORA_STRENGTH', `--lora ${text}: the strength is not a number`);
  if (!existsSync(path)) throw badInput('LORA_NOT_FOUND', `there is no file ${path}`);
  return { path: resolve(path), strength };
}
