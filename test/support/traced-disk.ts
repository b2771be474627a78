/**
 * @file A disk whose power may fail: every call that changes something is recorded, and any moment can be brought back as
 * a disk may show it afterwards: names up to any of those that were not synced, data of unsynced writes lost, torn or whole.
 */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Disk, type DiskFile, disk } from '../../src/files/index.ts';

type FileId = number;

type Call =
  | { readonly kind: 'create'; readonly name: string; readonly id: FileId }
  | { readonly kind: 'write'; readonly id: FileId; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sync'; readonly id: FileId }
  | { readonly kind: 'rename' | 'link'; readonly name: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'sync folder' };

/** What becomes of writes that no fsync has confirmed. */
export const fates = ['lost', 'torn at 512 bytes', 'last one missing', 'whole'] as const;
export type Fate = (typeof fates)[number];

export interface Trace {
  readonly calls: Call[];
  /** Says that the program believes something to be saved from here on. */
  mark(belief: string): void;
  readonly marks: { readonly after: number; readonly belief: string }[];
}

/** Puts a recording disk in place of the own one; `folder` is flat. Returns the trace, and what puts the own one back. */
export function traceDisk(folder: string): Trace & { stop(): void } {
  const own = { ...disk };
  const calls: Call[] = [];
  const marks: { after: number; belief: string }[] = [];
  let files = 0;
  const nameOf = (path: string): string => relative(folder, path);
  const traced = (file: DiskFile, id: FileId): DiskFile => {
    let end = 0;
    return {
      async write(bytes: Uint8Array, offset: number, length: number, position: number | null) {
        const result = await file.write(bytes, offset, length, position);
        const at = position ?? end;
        calls.push({ kind: 'write', id, at, bytes: bytes.slice(offset, offset + result.bytesWritten) });
        if (position === null) end += result.bytesWritten;
        return result;
      },
      async sync() {
        await file.sync();
        calls.push({ kind: 'sync', id });
      },
      async datasync() {
        await file.datasync();
        calls.push({ kind: 'sync', id });
      },
      close: () => file.close(),
    } as DiskFile;
  };
  const table: Disk = {
    ...own,
    async open(path, flags, mode) {
      const file = await own.open(path, flags, mode);
      if (path === folder) {
        const sync = async (): Promise<void> => {
          await file.sync();
          calls.push({ kind: 'sync folder' });
        };
        return { ...file, sync, close: () => file.close() } as DiskFile;
      }
      const id = files++;
      calls.push({ kind: 'create', name: nameOf(path), id });
      return traced(file, id);
    },
    async rename(from, to) {
      await own.rename(from, to);
      calls.push({ kind: 'rename', name: nameOf(from), to: nameOf(to) });
    },
    async link(from, to) {
      await own.link(from, to);
      calls.push({ kind: 'link', name: nameOf(from), to: nameOf(to) });
    },
    async unlink(path) {
      await own.unlink(path);
      calls.push({ kind: 'remove', name: nameOf(path) });
    },
    async rm(path, options) {
      await own.rm(path, options);
      calls.push({ kind: 'remove', name: nameOf(path) });
    },
  };
  Object.assign(disk, table);
  return {
    calls,
    marks,
    mark: belief => void marks.push({ after: calls.length, belief }),
    stop: () => void Object.assign(disk, own),
  };
}

const isOfNames = ({ kind }: Call): boolean => ['create', 'rename', 'link', 'remove'].includes(kind);

function applyNames(names: Map<string, FileId>, call: Call): void {
  if (call.kind === 'create') names.set(call.name, call.id);
  if (call.kind === 'remove') names.delete(call.name);
  if (call.kind !== 'rename' && call.kind !== 'link') return;
  const id = names.get(call.name);
  if (id === undefined) return;
  if (call.kind === 'rename') names.delete(call.name);
  names.set(call.to, id);
}

function joined(writes: readonly Extract<Call, { kind: 'write' }>[]): Uint8Array {
  const length = Math.max(0, ...writes.map(({ at, bytes }) => at + bytes.length));
  const out = new Uint8Array(length);
  for (const { at, bytes } of writes) out.set(bytes, at);
  return out;
}

/** What a file holds: its synced writes, and of the others what fate left. */
function contentOf(calls: readonly Call[], id: FileId, fate: Fate): Uint8Array {
  const own = calls.filter((call): call is Extract<Call, { id: FileId }> => 'id' in call && call.id === id);
  const lastSync = own.findLastIndex(({ kind }) => kind === 'sync');
  const isWrite = (call: Call): call is Extract<Call, { kind: 'write' }> => call.kind === 'write';
  const synced = own.slice(0, lastSync + 1).filter(isWrite);
  const loose = own.slice(lastSync + 1).filter(isWrite);
  if (fate === 'lost') return joined(synced);
  if (fate === 'whole') return joined([...synced, ...loose]);
  if (fate === 'last one missing') {
    // Written out of order: its place is there, its bytes are not.
    const last = loose.at(-1);
    return joined([
      ...synced,
      ...loose.slice(0, -1),
      ...(last ? [{ ...last, bytes: new Uint8Array(last.bytes.length) }] : []),
    ]);
  }
  const all = joined([...synced, ...loose]);
  const kept = joined(synced).length;
  return all.subarray(0, Math.max(kept, Math.floor((kept + all.length) / 2 / 512) * 512));
}

export interface Moment {
  /** Calls that were made before the power failed. */
  readonly calls: number;
  /** Changes of names after the last fsync of the folder that reached the disk. */
  readonly names: number;
  readonly fate: Fate;
}

/** Every moment after `from` calls, with every part of the names and every fate. */
export function* moments({ calls }: Pick<Trace, 'calls'>, from: number): Generator<Moment> {
  for (let count = from; count <= calls.length; count++) {
    const before = calls.slice(0, count);
    const loose = before
      .slice(before.findLastIndex(({ kind }) => kind === 'sync folder') + 1)
      .filter(isOfNames).length;
    for (let names = 0; names <= loose; names++)
      for (const fate of fates) yield { calls: count, names, fate };
  }
}

/** Writes the folder as it is after the power failed. */
export function restoreMoment({ calls }: Pick<Trace, 'calls'>, moment: Moment, folder: string): void {
  const before = calls.slice(0, moment.calls);
  const lastSync = before.findLastIndex(({ kind }) => kind === 'sync folder');
  const names = new Map<string, FileId>();
  for (const call of before.slice(0, lastSync + 1)) applyNames(names, call);
  for (const call of before
    .slice(lastSync + 1)
    .filter(isOfNames)
    .slice(0, moment.names))
    applyNames(names, call);
  for (const [name, id] of names) writeFileSync(join(folder, name), contentOf(before, id, moment.fate));
}
