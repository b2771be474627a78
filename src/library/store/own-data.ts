/** @file What the user made: folders of the library, what they wrote of cards, previews. The truth; kept for ever. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { badInput, LoraError } from '../../errors.ts';
import type { CardEdit, CardUse } from '../card.ts';
import { type Database, isDamage, openDatabase } from './database.ts';

const migrations = [
  `CREATE TABLE folders(id TEXT PRIMARY KEY, path TEXT NOT NULL UNIQUE, uses TEXT NOT NULL, layout TEXT NOT NULL,
     added_at INTEGER NOT NULL) STRICT;
   -- Every card that was ever there; 'sketch' is what is shown of it while its file is away, '' after its folder was removed.
   CREATE TABLE known(id TEXT PRIMARY KEY, added_at INTEGER NOT NULL, sketch TEXT NOT NULL) STRICT;
   CREATE TABLE edits(id TEXT PRIMARY KEY, changes TEXT NOT NULL, edited_at INTEGER NOT NULL) STRICT;
   CREATE TABLE previews(id TEXT PRIMARY KEY, picture BLOB NOT NULL, version TEXT NOT NULL) STRICT;
   -- Counts what was written to edits and previews, so that an index can tell whether it has seen all of it.
   CREATE TABLE counter(writes INTEGER NOT NULL) STRICT;
   INSERT INTO counter VALUES (0);`,
];

export interface StoredFolder {
  readonly id: string;
  readonly path: string;
  readonly uses: readonly CardUse[];
  readonly layout: string;
}

export type KnownCard = { readonly addedAt: number; readonly sketch: string };

export interface OwnData {
  folders(): StoredFolder[];
  addFolder(folder: StoredFolder): void;
  removeFolder(id: string): void;
  known(id: string): KnownCard | undefined;
  /** All that are to be shown. */
  allKnown(): string[];
  setKnown(id: string, card: KnownCard): void;
  edit(id: string): CardEdit;
  setEdit(id: string, edit: CardEdit): void;
  preview(id: string): Uint8Array | undefined;
  previewVersion(id: string): string | undefined;
  setPreview(id: string, picture: Uint8Array | undefined): void;
  /** Ids with an edit or a preview. */
  written(): Set<string>;
  writes(): number;
  atOnce: Database['atOnce'];
  close(): void;
}

function openFile(path: string, readOnly: boolean): Database {
  if (!readOnly) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Who only reads finds nothing where nothing was written yet.
  const isEmpty = readOnly && !existsSync(path);
  try {
    return isEmpty
      ? openDatabase(':memory:', { migrations, synchronous: 'FULL' })
      : openDatabase(path, { readOnly, migrations, synchronous: 'FULL' });
  } catch (cause) {
    if (cause instanceof LoraError) throw cause;
    const why = (cause as Error).message;
    if (isDamage(cause))
      throw badInput(
        'LIBRARY_DAMAGED',
        `${path} is damaged: ${why}`,
        'It holds what you wrote of cards: put a copy of it back, or move it away to begin anew.',
        cause,
      );
    throw new LoraError('LIBRARY_UNREADABLE', `${path} cannot be opened: ${why}`, { cause });
  }
}

/** Opens `library.sqlite`. Throws LIBRARY_DAMAGED, LIBRARY_NEWER, LIBRARY_UNREADABLE. */
export function openOwnData(path: string, { readOnly = false } = {}): OwnData {
  const db = openFile(path, readOnly);
  const wrote = (): void => db.run('UPDATE counter SET writes = writes + 1');
  return {
    folders: () =>
      db.all('SELECT id, path, uses, layout FROM folders ORDER BY added_at, path').map(row => ({
        id: String(row.id),
        path: String(row.path),
        uses: String(row.uses).split(' ') as CardUse[],
        layout: String(row.layout),
      })),
    addFolder: ({ id, path: at, uses, layout }) =>
      db.run('INSERT INTO folders VALUES (?, ?, ?, ?, ?)', id, at, uses.join(' '), layout, Date.now()),
    removeFolder: id => db.run('DELETE FROM folders WHERE id = ?', id),
    known(id) {
      const row = db.get('SELECT added_at, sketch FROM known WHERE id = ?', id);
      return row && { addedAt: Number(row.added_at), sketch: String(row.sketch) };
    },
    allKnown: () => db.all("SELECT id FROM known WHERE sketch <> ''").map(({ id }) => String(id)),
    setKnown: (id, { addedAt, sketch }) =>
      db.run(
        'INSERT INTO known VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET sketch = excluded.sketch',
        id,
        addedAt,
        sketch,
      ),
    edit(id) {
      const row = db.get('SELECT changes FROM edits WHERE id = ?', id);
      return row ? (JSON.parse(String(row.changes)) as CardEdit) : {};
    },
    setEdit(id, edit) {
      if (Object.keys(edit).length === 0) db.run('DELETE FROM edits WHERE id = ?', id);
      else db.run('INSERT OR REPLACE INTO edits VALUES (?, ?, ?)', id, JSON.stringify(edit), Date.now());
      wrote();
    },
    preview: id => db.get('SELECT picture FROM previews WHERE id = ?', id)?.picture as Uint8Array | undefined,
    previewVersion: id =>
      db.get('SELECT version FROM previews WHERE id = ?', id)?.version as string | undefined,
    setPreview(id, picture) {
      if (!picture) db.run('DELETE FROM previews WHERE id = ?', id);
      else db.run('INSERT OR REPLACE INTO previews VALUES (?, ?, ?)', id, picture, Date.now().toString(36));
      wrote();
    },
    written: () =>
      new Set(db.all('SELECT id FROM edits UNION SELECT id FROM previews').map(({ id }) => String(id))),
    writes: () => Number(db.get('SELECT writes FROM counter')?.writes ?? 0),
    atOnce: db.atOnce,
    close: () => db.close(),
  };
}
