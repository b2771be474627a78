/** @file Folders of the library: used in place, nothing in them is moved or changed. */
import { useState } from 'preact/hooks';
import type { ApiLibraryFolder, ApiStatus } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { libraryChange, session, status } from '../../api/state.ts';
import {
  Button,
  ConfirmDialog,
  count,
  ErrorNote,
  Finding,
  Icon,
  IconButton,
  Progress,
  Spinner,
  TextField,
  toast,
  toastError,
  useLoaded,
} from '../../parts/index.ts';

const layouts: Readonly<Record<string, string>> = {
  ...{ studio: 'Made in this studio', a1111: 'A1111', forge: 'Forge', comfyui: 'ComfyUI', folder: 'Folder' },
};

export function Folders() {
  const { value, error, reload, set } = useLoaded(() => api.folders(), [libraryChange.value]);
  const [leaving, setLeaving] = useState<ApiLibraryFolder | undefined>();
  const isLocal = session.value?.isLocal ?? false;
  return (
    <div class="stack loose">
      <p class="soft">
        LoRAs, checkpoints, embeddings and VAEs are used where they lie. An installation of A1111, Forge or
        ComfyUI brings all of its folders.
      </p>
      {isLocal ? (
        <AddFolder onAdded={folders => set({ folders })} />
      ) : (
        <Finding level="note">
          Folders can be added here only while the studio listens on this machine alone. On the machine
          itself: <code>lora library add FOLDER</code>
        </Finding>
      )}
      <Scan />
      {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
      {!value && error === undefined && <Spinner label="Reading the folders" />}
      {value && value.folders.length > 0 && (
        <ul class="folder-list">
          {value.folders.map(folder => (
            <li key={folder.id} class="folder-row">
              <Icon name={folder.state === 'missing' ? 'offline' : 'folder'} />
              <div class="grow">
                <span class="folder-path">{folder.path}</span>
                <span class="soft small numbers">
                  {[
                    layouts[folder.layout] ?? folder.layout,
                    folder.uses.join(', '),
                    count(folder.files, 'file'),
                    folder.state === 'missing' ? 'not there now' : '',
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
              </div>
              {folder.layout !== 'studio' && isLocal && (
                <IconButton icon="close" label={`Remove ${folder.path}`} onClick={() => setLeaving(folder)} />
              )}
            </li>
          ))}
        </ul>
      )}
      {leaving && (
        <ConfirmDialog
          title="Remove this folder from the library?"
          text={`${leaving.path} and its files stay as they are; what you wrote about them is kept, too.`}
          action="Remove"
          onClose={() => setLeaving(undefined)}
          onConfirm={() => void api.removeFolder(leaving.id).then(reload, toastError)}
        />
      )}
    </div>
  );
}

function AddFolder({ onAdded }: { readonly onAdded: (folders: ApiLibraryFolder[]) => void }) {
  const [path, setPath] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const add = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const added = await api.addFolder(path.trim());
      onAdded((await api.folders()).folders);
      toast(`${count(added.folders.length, 'folder')} added; reading goes on in the background.`);
      setPath('');
    } catch (fault) {
      setError(fault);
    }
    setBusy(false);
  };
  return (
    <form class="stack tight" onSubmit={event => void add(event)}>
      <div class="row folder-add">
        <div class="grow">
          <TextField
            label="Folder on this machine"
            placeholder="/Users/me/stable-diffusion-webui"
            value={path}
            onInput={setPath}
          />
        </div>
        <Button kind="primary" type="submit" icon="add" isBusy={isBusy} disabled={path.trim() === ''}>
          Add
        </Button>
      </div>
      {error !== undefined && <ErrorNote error={error} />}
    </form>
  );
}

function Scan() {
  const scan = status.value?.scan;
  if (scan?.isRunning)
    return (
      <Progress
        label="Reading the library"
        share={scan.total > 0 ? scan.done / scan.total : undefined}
        text={`${scan.done.toLocaleString('en')} of ${count(scan.total, 'file')}`}
      />
    );
  return (
    <div class="stack tight">
      <div>
        <Button
          icon="retry"
          onClick={() => void api.scan().then(() => toast('Looking for changes'), toastError)}
        >
          Look for changes now
        </Button>
      </div>
      <LeftOut />
    </div>
  );
}

type LastScan = NonNullable<ApiStatus['scan']['last']>;

/** What the last look passed by: links that lead out of a folder, entries that cannot be read. */
function LeftOut() {
  // Each look through the library ends with a change of it.
  const { value } = useLoaded(() => api.status(), [libraryChange.value]);
  const last: LastScan | undefined = (value ?? status.value)?.scan.last;
  if (!last) return null;
  const more = last.skippedCount - last.skipped.length;
  return (
    <>
      {last.error !== undefined && (
        <Finding level="warning">The last look through the folders failed: {last.error}</Finding>
      )}
      {last.skippedCount > 0 && (
        <Finding level="note">
          <details>
            <summary>{count(last.skippedCount, 'entry', 'entries')} left out by the last look</summary>
            <ul class="stack tight small">
              {last.skipped.map(({ path, reason }) => (
                <li key={path}>
                  <span class="folder-path">{path}</span> <span class="soft">{reason}</span>
                </li>
              ))}
              {more > 0 && <li class="soft">and {more.toLocaleString('en')} more</li>}
            </ul>
          </details>
        </Finding>
      )}
    </>
  );
}
