/** @file What rules would change in the captions of a folder, without changing anything. */
import { readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import { stemOf } from '../caption-files.ts';
import { parseCaptionJson } from '../caption-metadata.ts';
import { decodeCaption } from '../captions.ts';
import { type DatasetWarning, firstLine, type Skip } from '../findings.ts';
import type { FoundFile } from '../folder-walk.ts';
import { plainRules } from '../picture-rules.ts';
import { listSource, type SourceFiles } from '../source-files.ts';
import { globPattern } from './patterns.ts';
import { type CaptionRules, captionEditor, parseCondition } from './rules.ts';

export interface CaptionQuery {
  readonly rules: CaptionRules;
  /** Instead of rules: every caption becomes this text. */
  readonly set?: string | undefined;
  /** A glob of pictures, as paths within the folder or as names; or what says yes to such a path. */
  readonly only?: string | ((picture: string) => boolean) | undefined;
  /** All must hold; see `parseCondition`. */
  readonly where?: readonly string[];
}

export interface CaptionChange {
  /** Of the caption file, within the folder, with `/`. */
  readonly path: string;
  /** The picture's, likewise. */
  readonly picture: string;
  /** Bytes in the file now; undefined where there is none. */
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array;
  readonly beforeText: string;
  readonly afterText: string;
}

export interface CaptionPlan {
  readonly folder: string;
  readonly pictures: number;
  /** Pictures that `only` and `where` mean. */
  readonly chosen: number;
  readonly changes: readonly CaptionChange[];
  /** Captions that cannot be read, and are left as they are; files that are no pictures to train on. */
  readonly skipped: readonly Skip[];
  readonly warnings: readonly DatasetWarning[];
}

/** As when training: more is no caption. */
const mostBytes = 64 * 1024;

interface Read {
  readonly path: string;
  readonly bytes: Uint8Array | undefined;
  readonly text: string;
}

async function readCaption(path: string, warnings: DatasetWarning[]): Promise<Read> {
  const { size } = await stat(path);
  if (size > mostBytes)
    throw badInput('CAPTION_TOO_LARGE', `${path} has ${size} bytes; a caption has at most ${mostBytes}`);
  const bytes = await readFile(path);
  return { path, bytes, text: decodeCaption(bytes, path, warnings) };
}

const isJson = (path: string): boolean => extname(path).toLowerCase() === '.json';

/**
 * The file that training would read: the first that says something. Captions of JSON and metadata files are read, and
 * written as a new .txt, which training prefers.
 */
async function captionOf(picture: FoundFile, files: SourceFiles): Promise<Read> {
  const fresh = { path: join(picture.folder, `${stemOf(picture.name)}.txt`), bytes: undefined, text: '' };
  const elsewhere = files.metadata.claim(picture)?.text ?? '';
  const texts: Read[] = [];
  let said = '';
  for (const path of files.captions.claim(picture)) {
    const read = await readCaption(path, files.warnings);
    if (isJson(path)) said ||= parseCaptionJson(read.text, path, plainRules) ?? '';
    else if (read.text.trim() !== '') return read;
    else texts.push(read);
  }
  const text = said || elsewhere;
  return { ...(texts[0] ?? fresh), text: text === '' ? '' : `${text}\n` };
}

/** Every line that says something is a caption of its own; line ends stay as they are. */
function editLines(text: string, edit: (line: string) => string): string {
  if (text.trim() === '') {
    const made = edit('');
    return made === '' ? text : `${made}\n`;
  }
  const parts = text.split(/(\r\n|\n|\r)/);
  return parts
    .map((part, i) => {
      if (i % 2 === 1 || part.trim() === '') return part;
      const line = part.trim();
      const edited = edit(line);
      return edited === line ? part : edited;
    })
    .join('');
}

/** Several lines as the tags of one. */
const asOneLine = (text: string): string =>
  text
    .trim()
    .split(/\s*[\r\n]+\s*/)
    .join(', ');

const posix = (path: string): string => path.split(sep).join('/');

/** kohya's `10_red cat` means red cat; another folder means its name. */
const folderName = ({ folder, meaning }: FoundFile): string =>
  meaning.classTokens ?? basename(folder).replaceAll('_', ' ');

/** Throws CAPTION_SHARED where pictures with one caption file would give it different texts. */
function checkShared(known: CaptionChange | undefined, change: CaptionChange): void {
  if (known === undefined || known.afterText === change.afterText) return;
  const texts = `"${known.afterText}" and "${change.afterText}"`;
  const hint = 'Give the pictures different names, or leave {name} out of the template.';
  throw badInput(
    'CAPTION_SHARED',
    `${change.path} belongs to several pictures, which would make it ${texts}`,
    hint,
  );
}

type EditText = (text: string, picture: FoundFile) => string;

function textEditor({ rules, set }: CaptionQuery): EditText {
  if (set !== undefined) return text => (text.trim() === set ? text : set === '' ? '' : `${set}\n`);
  const edit = captionEditor(rules);
  return (text, picture) => {
    const names = { folder: folderName(picture), name: stemOf(picture.name).replaceAll('_', ' ') };
    return editLines(text, line => edit(line, names));
  };
}

function choosePictures(only: CaptionQuery['only']): (picture: string) => boolean {
  if (typeof only !== 'string') return only ?? (() => true);
  const glob = globPattern(only);
  return picture => glob.test(picture);
}

function changeOf(root: string, picture: FoundFile, read: Read, edit: EditText): CaptionChange {
  const afterText = edit(read.text, picture);
  return {
    path: posix(relative(root, read.path)),
    picture: posix(relative(root, picture.path)),
    before: read.bytes,
    after: new TextEncoder().encode(afterText),
    beforeText: read.text.trimEnd(),
    afterText: afterText.trimEnd(),
  };
}

/**
 * Reads the captions of a folder and says what the rules make of them. Nothing is written. A caption that is not text is
 * listed in `skipped`.
 */
export async function planCaptionEdits(folder: string, query: CaptionQuery): Promise<CaptionPlan> {
  const edit = textEditor(query);
  const conditions = (query.where ?? []).map(parseCondition);
  const isMeant = choosePictures(query.only);
  const files = await listSource({ folder, rules: plainRules });
  const { pictures, skipped, warnings } = files;
  if (pictures.length === 0) throw badInput('DATASET_EMPTY', `no picture in ${folder} or below it`);
  const changes = new Map<string, CaptionChange>();
  let chosen = 0;
  for (const picture of pictures) {
    if (!isMeant(posix(relative(folder, picture.path)))) continue;
    try {
      const read = await captionOf(picture, files);
      if (!conditions.every(holds => holds(asOneLine(read.text)))) continue;
      chosen++;
      const change = changeOf(folder, picture, read, edit);
      checkShared(changes.get(change.path), change);
      changes.set(change.path, change);
    } catch (error) {
      if (error instanceof LoraError && error.code === 'CAPTION_SHARED') throw error;
      const code = error instanceof LoraError ? error.code : 'CAPTION_UNREADABLE';
      skipped.push({ path: picture.path, code, reason: firstLine(error) });
    }
  }
  const isChange = ({ beforeText, afterText }: CaptionChange): boolean => beforeText !== afterText;
  const real = [...changes.values()].filter(isChange);
  return { folder, pictures: pictures.length, chosen, changes: real, skipped, warnings };
}
