/** @file Files that hold the same tensors, and those that look alike until they are hashed. They are only shown: the studio deletes no file of yours. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import {
  Button,
  bytes,
  count,
  Dialog,
  ErrorNote,
  Spinner,
  toastError,
  useLoaded,
} from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import { type Duplicate, duplicates, hashCard } from './library-api.ts';

export const isDuplicatesOpen = signal(false);

const close = (): void => {
  isDuplicatesOpen.value = false;
};

export function DuplicatesDialog() {
  const { value, error, reload } = useLoaded(() => duplicates(), []);
  const list = value?.duplicates ?? [];
  const same = list.filter(({ isSame }) => isSame);
  const alike = list.filter(({ isSame }) => !isSame);
  const spare = same.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <Dialog title="Duplicates" size="wide" onClose={close} actions={<Button onClick={close}>Close</Button>}>
      <div class="stack">
        {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
        {!value && error === undefined && <Spinner label="Looking for duplicates" />}
        {value && (
          <p class="soft">
            {same.length > 0
              ? `${count(same.length, 'model')} in more than one file; one of each would free ${bytes(spare)}. Nothing is deleted here.`
              : 'No file is known to hold the same tensors as another.'}
          </p>
        )}
        <Groups list={same} />
        {alike.length > 0 && (
          <p class="soft">
            {`${count(alike.length, 'model')} with files that look alike: hash them to be sure. All of each file is read.`}
          </p>
        )}
        <Groups list={alike} onHashed={reload} />
      </div>
    </Dialog>
  );
}

function Groups({ list, onHashed }: { readonly list: readonly Duplicate[]; readonly onHashed?: () => void }) {
  const [reading, setReading] = useState<string | undefined>();
  const hash = async (id: string): Promise<void> => {
    setReading(id);
    await hashCard(id).then(onHashed, toastError);
    setReading(undefined);
  };
  return (
    <ul class="stack tight">
      {list.map(({ id, name, files, bytes: size }) => (
        <li key={id} class="duplicate">
          <div class="row spread">
            <button
              type="button"
              class="link"
              onClick={() => {
                close();
                go(`/library/${id}`);
              }}
            >
              {name}
            </button>
            <span class="row">
              <span class="soft small numbers">{bytes(size)}</span>
              {onHashed && (
                <Button
                  size="small"
                  isBusy={reading === id}
                  disabled={reading !== undefined}
                  onClick={() => void hash(id)}
                >
                  Hash them
                </Button>
              )}
            </span>
          </div>
          <span class="soft small">{files.join(' · ')}</span>
        </li>
      ))}
    </ul>
  );
}
