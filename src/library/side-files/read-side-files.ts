/** @file Reads what other programs have written beside a model file. Nothing in there stops a scan: what is broken is told. */
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { printable } from '../../files/index.ts';
import { dialects, jsonEndings, previewEndings, textEndings } from './dialects/table.ts';
import type { SideDialect, SideFacts, SideFinding, SidePart } from './facts.ts';
import { joinParts } from './join-parts.ts';
import { findSibling, type SiblingNames, stemOf } from './siblings.ts';
import { isRecord } from './values.ts';

/** Largest that is read: a thumbnail or a site's list of pictures may be in them. */
const mostBytes = { json: 4 * 2 ** 20, text: 2 ** 18 };

interface Found {
  readonly name: string;
  readonly dialect: SideDialect;
  readonly part: SidePart;
}

class Unreadable extends Error {}

/** At most `most` bytes of a regular file as text. */
async function readText(path: string, most: number): Promise<string> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new Unreadable(`cannot be read: ${cause.code}`);
  });
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new Unreadable('is no file');
    if (facts.size > most) throw new Unreadable(`has ${facts.size} bytes; at most ${most} are read`);
    // Not readFile: a file that grows meanwhile must not grow in memory.
    const bytes = Buffer.alloc(facts.size);
    const { bytesRead } = await file.read(bytes, 0, facts.size, 0);
    return new TextDecoder('utf-8').decode(bytes.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  const text = await readText(path, mostBytes.json);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not the parser's message, which quotes the content.
    throw new Unreadable('is no JSON');
  }
  if (!isRecord(value)) throw new Unreadable('is no JSON object');
  return value;
}

/** A file's part, or what is wrong with it. */
async function readOne(
  folder: string,
  name: string,
  ending: string,
  model: string,
): Promise<{ found?: Found; findings: SideFinding[] }> {
  const shown = printable(name);
  try {
    const value = await readObject(join(folder, name));
    const row = dialects.find(row => row.ending === ending && row.fits(value));
    // A settings file of another program; nothing is wrong with it.
    if (!row) return { findings: [] };
    const wrong: string[] = [];
    const part = row.read(value, wrong, model);
    const text = `${shown}: ${[...new Set(wrong)].map(printable).join(', ')} of a wrong type left out`;
    const finding: SideFinding = { level: 'note', code: 'SIDE_FILE_FIELDS', text };
    return { found: { name, dialect: row.dialect, part }, findings: wrong.length > 0 ? [finding] : [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const finding: SideFinding = {
      level: 'warning',
      code: 'SIDE_FILE_BROKEN',
      text: `${shown} ${error.message}`,
    };
    return { findings: [finding] };
  }
}

/** The first of the texts that is there. */
async function readDescription(
  folder: string,
  names: SiblingNames,
  stem: string,
): Promise<{ found?: Found; findings: SideFinding[] }> {
  const name = textEndings.map(ending => findSibling(names, stem, ending)).find(name => name !== undefined);
  if (name === undefined) return { findings: [] };
  try {
    const text = (await readText(join(folder, name), mostBytes.text)).trim();
    const part = text === '' ? {} : { description: text };
    return { found: { name, dialect: 'text', part }, findings: [] };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const text = `${printable(name)} ${error.message}`;
    return { findings: [{ level: 'warning', code: 'SIDE_FILE_BROKEN', text }] };
  }
}

/**
 * What lies beside the model at `path`. `names` are all names in its folder; give the same array for all files of a
 * folder. Never throws for what is in the files.
 */
export async function readSideFiles(path: string, names: SiblingNames): Promise<SideFacts> {
  const [folder, model] = [dirname(path), basename(path)];
  const stem = stemOf(model);
  const there = jsonEndings.flatMap(ending => {
    const name = findSibling(names, stem, ending);
    return name === undefined || name === model ? [] : [{ name, ending }];
  });
  const read = [];
  for (const { name, ending } of there) read.push(await readOne(folder, name, ending, model));
  read.push(await readDescription(folder, names, stem));
  const found = read.flatMap(({ found }) => (found ? [found] : []));
  const preview = previewEndings
    .map(ending => findSibling(names, stem, ending))
    .find(name => name !== undefined);
  return {
    ...joinParts(found.map(({ part }) => part)),
    ...(preview === undefined ? {} : { preview: join(folder, preview) }),
    files: [
      ...found.map(({ name, dialect }) => ({ name, dialect })),
      ...(preview === undefined ? [] : [{ name: preview, dialect: 'preview' as const }]),
    ],
    findings: read.flatMap(({ findings }) => findings),
  };
}
