/** @file A copy of a data set, which can be changed. */
import { useSignal } from '@preact/signals';
import { Button, Dialog, ErrorNote, TextField } from '../../parts/index.ts';
import { createDataset } from './dataset-api.ts';
import { allowedName } from './dropped-files.ts';

export function CopyDialog({
  from,
  name,
  onClose,
  onDone,
}: {
  readonly from: string;
  readonly name: string;
  readonly onClose: () => void;
  readonly onDone: (id: string) => void;
}) {
  const wanted = useSignal(allowedName(`my ${name}`));
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const make = async (): Promise<void> => {
    isBusy.value = true;
    try {
      onDone((await createDataset(allowedName(wanted.value), from)).id);
    } catch (fault) {
      error.value = fault;
      isBusy.value = false;
    }
  };
  return (
    <Dialog
      title={`Copy ${name}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind="primary"
            isBusy={isBusy.value}
            disabled={allowedName(wanted.value) === ''}
            onClick={() => void make()}
          >
            Make a copy
          </Button>
        </>
      }
    >
      <div class="stack">
        <TextField
          label="Name of the copy"
          value={wanted.value}
          maxLength={80}
          autoFocus
          onInput={text => {
            wanted.value = text;
          }}
        />
        <ErrorNote error={error.value} />
      </div>
    </Dialog>
  );
}
