/** @file Bringing in packs: each file with what became of it. */
import { signal } from '@preact/signals';
import type { ApiUnpacked } from '../../../../src/server/api-types.ts';
import { isAbort } from '../../api/client.ts';
import { Button, bytes, Dialog, DropZone, ErrorNote, Icon, Spinner } from '../../parts/index.ts';
import { sendPack } from './library-api.ts';

interface Row {
  readonly name: string;
  readonly state: 'sending' | 'done' | 'failed';
  readonly unpacked?: ApiUnpacked;
  readonly error?: unknown;
}

export const isImportOpen = signal(false);
const rows = signal<readonly Row[]>([]);
let stop = new AbortController();

export function openImport(): void {
  rows.value = [];
  isImportOpen.value = true;
}

function close(): void {
  stop.abort();
  isImportOpen.value = false;
}

const set = (name: string, part: Partial<Row>): void => {
  rows.value = rows.peek().map(row => (row.name === name ? { ...row, ...part } : row));
};

/** Sends files one after the other; the dialog shows what becomes of them. */
export async function importFiles(files: readonly File[]): Promise<void> {
  if (!isImportOpen.peek()) openImport();
  stop = new AbortController();
  const fresh = files.filter(
    ({ name }) => !rows.peek().some(row => row.name === name && row.state === 'sending'),
  );
  rows.value = [
    ...rows.peek().filter(row => !fresh.some(({ name }) => name === row.name)),
    ...fresh.map(({ name }) => ({ name, state: 'sending' as const })),
  ];
  for (const file of fresh) {
    try {
      set(file.name, { state: 'done', unpacked: await sendPack(file, stop.signal) });
    } catch (error) {
      if (isAbort(error)) return;
      set(file.name, { state: 'failed', error });
    }
  }
}

export function ImportDialog() {
  const list = rows.value;
  return (
    <Dialog title="Import" onClose={close} actions={<Button onClick={close}>Close</Button>}>
      <div class="stack">
        <DropZone
          label="Drop .lorapack, .zip or .safetensors files here"
          hint="They are checked and put into the folder of this studio. Nothing is overwritten."
          accept=".lorapack,.zip,.safetensors"
          isMultiple
          onFiles={files => void importFiles(files)}
        />
        {list.length > 0 && (
          <ul class="stack tight" aria-live="polite">
            {list.map(row => (
              <li key={row.name}>
                <ImportRow row={row} />
              </li>
            ))}
          </ul>
        )}
        <p class="soft small">
          Many files, or large ones: leave them where they are and <a href="#/settings">add their folder</a>.
        </p>
      </div>
    </Dialog>
  );
}

function ImportRow({ row: { name, state, unpacked, error } }: { readonly row: Row }) {
  if (state === 'sending')
    return (
      <span class="row">
        <Spinner label={`Reading ${name}`} /> {name}
      </span>
    );
  if (state === 'failed')
    return (
      <div class="stack tight">
        <b>{name}</b>
        <ErrorNote error={error} />
      </div>
    );
  return (
    <div class="stack tight import-done">
      <b>{name}</b>
      {unpacked?.models.map(model => (
        <span key={model.fileName} class="row small">
          <Icon name="check" size={16} />
          {model.fileName}{' '}
          <span class="soft">{model.wasThere ? 'was there already' : bytes(model.bytes)}</span>
        </span>
      ))}
      {unpacked?.models.length === 0 && <span class="small soft">There is no model in it.</span>}
      {unpacked?.skipped.map(({ path, reason }) => (
        <span key={path} class="small soft">
          {path}: {reason}
        </span>
      ))}
    </div>
  );
}
