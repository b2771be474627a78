/** @file All of a card, for its page: what the index has of it, and the metadata of its file as they stand there now. */
import type { Card, CardHashes, WholeCard } from '../card.ts';
import type { Finding } from '../facts/file-facts.ts';
import { type Metadata, tagFrequency } from '../facts/metadata-facts.ts';
import { readMetadata } from '../facts/read-facts.ts';
import { type Stores, sketchedFile } from './card-table.ts';
import { type FileRow, filesOfCard } from './file-table.ts';

/** Pictures as text are not for reading. */
const longestValue = 100_000;

function metadataOf(file: FileRow | undefined): Metadata {
  if (file?.state !== 'present') return {};
  try {
    const entries = Object.entries(readMetadata(file));
    return Object.fromEntries(
      entries.map(([key, value]) => [
        key,
        value.length > longestValue ? `${value.slice(0, 100)}… (${value.length} characters)` : value,
      ]),
    );
  } catch {
    return {}; // it went away since the last scan, or it is broken, which the card says
  }
}

function hashFindings(claimed: string | undefined, { body }: CardHashes): Finding[] {
  if (claimed === undefined || body === undefined || body.startsWith(claimed)) return [];
  const text = `its metadata state the hash ${claimed.slice(0, 12)}, its tensors have ${body.slice(0, 12)}`;
  return [{ level: 'warning', code: 'HASH_STALE', text }];
}

export const withShort = ({ sha256, body, ...others }: CardHashes): CardHashes => ({
  ...others,
  ...(sha256 === undefined ? {} : { sha256, autoV2: sha256.slice(0, 10) }),
  ...(body === undefined ? {} : { body, autoV3: body.slice(0, 12) }),
});

const mostVersions = 1000;

function versionsOf({ db }: Stores, series: string): WholeCard['versions'] {
  const rows = db.all(
    'SELECT card FROM cards WHERE series = ? ORDER BY step, modified LIMIT ?',
    series,
    mostVersions,
  );
  return rows.map(row => {
    const { id, name, seriesStep: step, state } = JSON.parse(String(row.card)) as Card;
    return { id, name, state, ...(step === undefined ? {} : { step }) };
  });
}

/** Undefined for an id that is not in the index. */
export function wholeCard(stores: Stores, id: string): WholeCard | undefined {
  const row = stores.db.get('SELECT card, series FROM cards WHERE id = ?', id);
  if (!row) return undefined;
  const card = JSON.parse(String(row.card)) as Card;
  const [file, ...copies] = filesOfCard(stores.db, id);
  const known = file ?? sketchedFile(stores, id);
  const metadata = metadataOf(file);
  const versions = card.use === 'lora' ? versionsOf(stores, String(row.series)) : [];
  const hashes = withShort(file?.hashes ?? {});
  const frequency = tagFrequency(metadata);
  return {
    ...card,
    ...(versions.length > 1 ? { series: String(row.series) } : {}),
    ...{ hashes, metadata },
    training: known?.facts.metadata.training ?? {},
    tagFrequency: frequency.length > 0 ? frequency : (known?.facts.metadata.frequency ?? []),
    sideFiles: known?.side.files ?? [],
    versions: versions.length > 1 ? versions : [],
    copies: copies.map(({ folder, place, name: fileName, state }) => ({ folder, place, fileName, state })),
    findings: [
      ...(known?.facts.findings ?? []),
      ...hashFindings(known?.facts.metadata.claimedHash, hashes),
      ...(known?.side.findings ?? []),
    ],
  };
}

const shortestId = 8;

/** The id that begins so, where there is one only. */
export function idOfBeginning({ db }: Stores, given: string): string | undefined {
  const id = given.toLowerCase();
  if (db.get('SELECT 1 FROM cards WHERE id = ?', id)) return id;
  if (id.length < shortestId || !/^[0-9a-f]+$/.test(id)) return undefined;
  const found = db.all('SELECT id FROM cards WHERE id >= ? AND id < ? LIMIT 2', id, `${id}g`);
  return found.length === 1 ? String(found[0].id) : undefined;
}
