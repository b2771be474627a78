/** @file Files that hold the same tensors. They are only shown: the studio deletes no file of yours. */
import { signal } from '@preact/signals';
import { Button, bytes, count, Dialog, ErrorNote, Spinner, useLoaded } from '../../parts/index.ts';
import { go } from '../../shell/router.ts';
import { duplicates } from './library-api.ts';

export const isDuplicatesOpen = signal(false);

const close = (): void => {
  isDuplicatesOpen.value = false;
};

export function DuplicatesDialog() {
  const { value, error, reload } = useLoaded(() => duplicates(), []);
  const list = value?.duplicates ?? [];
  const spare = list.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <Dialog title="Duplicates" size="wide" onClose={close} actions={<Button onClick={close}>Close</Button>}>
      <div class="stack">
        {error !== undefined && <ErrorNote error={error} onRetry={reload} />}
        {!value && error === undefined && <Spinner label="Looking for duplicates" />}
        {value && (
          <p class="soft">
            {list.length === 0
              ? 'No file holds the same tensors as another.'
              : `${count(list.length, 'model')} lie in more than one file; one of each would free ${bytes(spare)}. Nothing is deleted here.`}
          </p>
        )}
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
                <span class="soft small numbers">{bytes(size)}</span>
              </div>
              <span class="soft small">{files.join(' · ')}</span>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
