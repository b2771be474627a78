/** @file Where files are dropped, picked or pasted. Also takes pictures dragged from the history. */
import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import { Icon, type IconName } from './icon.tsx';

/** Type of a drag that carries the id of a picture of the history. */
export const pictureDrag = 'application/x-lora-picture';

export interface DropTargetProps {
  readonly onFiles: (files: File[]) => void;
  /** Of pictures that come from the page itself. */
  readonly onPicture?: ((id: string) => void) | undefined;
}

/** Handlers that make any element take drops, and whether something is held over it. */
export function useDrop({ onFiles, onPicture }: DropTargetProps) {
  const [isOver, setOver] = useState(false);
  const depth = useRef(0);
  const isWelcome = ({ dataTransfer }: DragEvent): boolean =>
    Boolean(
      dataTransfer?.types.includes('Files') || (onPicture && dataTransfer?.types.includes(pictureDrag)),
    );
  return {
    isOver,
    handlers: {
      onDragEnter: (event: DragEvent) => {
        if (!isWelcome(event)) return;
        depth.current++;
        setOver(true);
      },
      onDragLeave: () => {
        depth.current = Math.max(0, depth.current - 1);
        if (depth.current === 0) setOver(false);
      },
      onDragOver: (event: DragEvent) => {
        if (!isWelcome(event)) return;
        event.preventDefault();
        if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
      },
      onDrop: (event: DragEvent) => {
        depth.current = 0;
        setOver(false);
        if (!isWelcome(event)) return;
        event.preventDefault();
        event.stopPropagation();
        const id = event.dataTransfer?.getData(pictureDrag);
        if (id && onPicture) return onPicture(id);
        void filesOf(event.dataTransfer).then(files => files.length > 0 && onFiles(files));
      },
    },
  };
}

/** Files of a drop, also those in folders, with their path as `webkitRelativePath` would have it. */
async function filesOf(transfer: DataTransfer | null): Promise<File[]> {
  const entries = [...(transfer?.items ?? [])].map(item => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some(entry => entry?.isDirectory)) return [...(transfer?.files ?? [])];
  const lists = await Promise.all(entries.map(entry => (entry ? filesIn(entry) : [])));
  return lists.flat();
}

async function filesIn(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile)
    return [await new Promise<File>((yes, no) => (entry as FileSystemFileEntry).file(yes, no))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: File[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((yes, no) => reader.readEntries(yes, no));
    if (some.length === 0) return found;
    for (const inner of some) found.push(...(await filesIn(inner)));
  }
}

export function DropZone({
  label,
  hint,
  accept = 'image/*',
  isMultiple,
  takesFolder,
  icon = 'upload',
  isBusy,
  children,
  ...drop
}: DropTargetProps & {
  /** What to drop here. */
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly accept?: string | undefined;
  readonly isMultiple?: boolean | undefined;
  /** Offers a folder, too. */
  readonly takesFolder?: boolean | undefined;
  readonly icon?: IconName | undefined;
  readonly isBusy?: boolean | undefined;
  readonly children?: ComponentChildren;
}) {
  const { isOver, handlers } = useDrop(drop);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const pick = (input: HTMLInputElement): void => {
    const picked = [...(input.files ?? [])];
    input.value = '';
    if (picked.length > 0) drop.onFiles(picked);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would be read as a form
    <div class={`drop-zone ${isOver ? 'over' : ''}`} role="group" aria-label={label} {...handlers}>
      <Icon name={icon} size={24} />
      <p>{label}</p>
      {hint && <p class="soft small">{hint}</p>}
      <div class="row wrap centre">
        <Button size="small" isBusy={isBusy} onClick={() => files.current?.click()}>
          {isMultiple ? 'Choose files' : 'Choose a file'}
        </Button>
        {takesFolder && (
          <Button size="small" isBusy={isBusy} onClick={() => folder.current?.click()}>
            Choose a folder
          </Button>
        )}
        {children}
      </div>
      <input
        ref={files}
        type="file"
        hidden
        tabIndex={-1}
        aria-hidden="true"
        accept={accept}
        multiple={isMultiple ?? false}
        onChange={event => pick(event.currentTarget)}
      />
      {takesFolder && (
        <input
          ref={folder}
          type="file"
          hidden
          tabIndex={-1}
          aria-hidden="true"
          {...{ webkitdirectory: true }}
          onChange={event => pick(event.currentTarget)}
        />
      )}
    </div>
  );
}
