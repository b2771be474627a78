/** @file A new data set: its name, and pictures to begin with. */
import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import {
  Button,
  count,
  Dialog,
  ErrorNote,
  filesOfInput,
  type GivenFile,
  Icon,
  TextField,
  useDrop,
} from '../../parts/index.ts';
import { createDataset } from './dataset-api.ts';
import { allowedName, folderNameOf, pairFiles } from './dropped-files.ts';
import { uploadTo } from './upload-state.ts';

export function NewDatasetDialog({
  given,
  onClose,
  onDone,
}: {
  /** What was dropped already. */
  readonly given: readonly GivenFile[];
  readonly onClose: () => void;
  readonly onDone: (id: string) => void;
}) {
  const files = useSignal(given);
  const name = useSignal(allowedName(folderNameOf(given) ?? ''));
  const error = useSignal<unknown>(undefined);
  const isBusy = useSignal(false);
  const { pictures, leftOut } = pairFiles(files.value);
  const captions = pictures.filter(({ caption }) => caption).length;
  const take = (more: readonly GivenFile[]): void => {
    files.value = [...files.value, ...more];
    if (name.value === '') name.value = allowedName(folderNameOf(more) ?? '');
  };
  const create = async (): Promise<void> => {
    const wanted = allowedName(name.value);
    if (wanted === '') {
      error.value = new Error('Give it a name, such as the name of what it shows.');
      return;
    }
    isBusy.value = true;
    error.value = undefined;
    try {
      const { id } = await createDataset(wanted);
      void uploadTo(id, pictures, leftOut);
      onDone(id);
    } catch (fault) {
      error.value = fault;
      isBusy.value = false;
    }
  };
  return (
    <Dialog
      title="New data set"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" isBusy={isBusy.value} onClick={() => void create()}>
            {pictures.length > 0 ? `Create with ${count(pictures.length, 'picture')}` : 'Create'}
          </Button>
        </>
      }
    >
      <div class="stack">
        <TextField
          label="Name"
          value={name.value}
          onInput={text => {
            name.value = text;
          }}
          autoFocus
          maxLength={80}
          onKeyDown={event => {
            if (event.key === 'Enter') void create();
          }}
        />
        <PictureDrop onFiles={take} label="Drop pictures or a folder here" />
        {files.value.length > 0 && (
          <p class="small" role="status">
            {count(pictures.length, 'picture')}
            {captions > 0 ? `, ${captions} of them with captions` : ', no captions beside them'}
            {leftOut.length > 0 ? `; ${count(leftOut.length, 'file')} left out` : ''}
          </p>
        )}
        {leftOut.length > 0 && <LeftOutList files={leftOut} />}
        <ErrorNote error={error.value} />
      </div>
    </Dialog>
  );
}

export function LeftOutList({
  files,
}: {
  readonly files: readonly { readonly path: string; readonly reason: string }[];
}) {
  return (
    <ul class="left-out small">
      {files.slice(0, 8).map(({ path, reason }) => (
        <li key={path}>
          <b>{path}</b> {reason}
        </li>
      ))}
      {files.length > 8 && <li class="soft">and {files.length - 8} more</li>}
    </ul>
  );
}

/** Drop, or choose files or a folder; keeps paths, so that captions find their pictures. */
export function PictureDrop({
  label,
  hint,
  onFiles,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly onFiles: (files: GivenFile[]) => void;
}) {
  const picks = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const drop = useDrop({ onGiven: onFiles });
  const picked = (input: HTMLInputElement): void => {
    const files = filesOfInput(input.files);
    input.value = '';
    if (files.length > 0) onFiles(files);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be read as a form
    <div class={`drop-zone ${drop.isOver ? 'over' : ''}`} role="group" aria-label={label} {...drop.handlers}>
      <Icon name="upload" size={24} />
      <p>{label}</p>
      {hint && <p class="soft small drop-hint">{hint}</p>}
      <div class="row wrap centre">
        <Button size="small" onClick={() => picks.current?.click()}>
          Choose files
        </Button>
        <Button size="small" onClick={() => folder.current?.click()}>
          Choose a folder
        </Button>
      </div>
      <input
        ref={picks}
        type="file"
        hidden
        multiple
        class="pick-files"
        accept="image/*,.txt,.caption"
        onChange={event => picked(event.currentTarget)}
      />
      <input
        ref={folder}
        type="file"
        hidden
        class="pick-folder"
        {...{ webkitdirectory: true }}
        onChange={event => picked(event.currentTarget)}
      />
    </div>
  );
}
