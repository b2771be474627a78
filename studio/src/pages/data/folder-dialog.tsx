/** @file A folder of this machine as a data set: it stays where it is. */
import { useSignal } from '@preact/signals';
import { Button, Dialog, ErrorNote, TextField } from '../../parts/index.ts';
import { registerFolder } from './dataset-api.ts';

export function FolderDialog({
  onClose,
  onDone,
}: {
  readonly onClose: () => void;
  readonly onDone: (id: string) => void;
}) {
  const path = useSignal('');
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const add = async (): Promise<void> => {
    isBusy.value = true;
    error.value = undefined;
    try {
      onDone((await registerFolder(path.value.trim().replace(/^"(.*)"$/, '$1'))).id);
    } catch (fault) {
      error.value = fault;
      isBusy.value = false;
    }
  };
  return (
    <Dialog
      title="Use a folder of this machine"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            isBusy={isBusy.value}
            disabled={path.value.trim() === ''}
            onClick={() => void add()}
          >
            Use it
          </Button>
        </>
      }
    >
      <div class="stack">
        <TextField
          label="Folder"
          hint="The whole path. Pictures stay where they are; captions are edited in place, and every edit can be undone."
          placeholder="/Users/ada/pictures/zorbi"
          value={path.value}
          onInput={text => {
            path.value = text;
          }}
          autoFocus
          onKeyDown={event => {
            if (event.key === 'Enter' && path.value.trim() !== '') void add();
          }}
        />
        <ErrorNote error={error.value} />
      </div>
    </Dialog>
  );
}
