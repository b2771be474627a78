/** @file Files held over an element and let go; also pictures dragged from the history. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { filesOfDrop, type GivenFile } from './dropped-files.ts';
import { toastError } from './toast.tsx';

/** Type of a drag that carries the id of a picture of the history. */
export const pictureDrag = 'application/x-lora-picture';

export interface DropTargetProps {
  readonly onFiles?: ((files: File[]) => void) | undefined;
  /** The same files with their paths below what was dropped. */
  readonly onGiven?: ((files: GivenFile[]) => void) | undefined;
  /** Of pictures that come from the page itself. */
  readonly onPicture?: ((id: string) => void) | undefined;
}

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;

/** Handlers that make any element take drops, and whether something is held over it. */
export function useDrop({ onFiles, onGiven, onPicture }: DropTargetProps) {
  const [isOver, setOver] = useState(false);
  // Elements inside are entered before the one around them is left.
  const depth = useRef(0);
  const count = (to: number): void => {
    depth.current = Math.max(0, to);
    setOver(depth.current > 0);
  };
  // What an element inside took is not held over this one any more.
  useEffect(() => {
    const end = (): void => count(0);
    document.addEventListener('drop', end, true);
    return () => document.removeEventListener('drop', end, true);
  }, []);
  const isWelcome = (event: DragEvent): boolean =>
    hasFiles(event) || Boolean(onPicture && event.dataTransfer?.types.includes(pictureDrag));
  const take = async (transfer: DataTransfer): Promise<void> => {
    const given = await filesOfDrop(transfer);
    if (given.length === 0) return;
    onGiven?.(given);
    onFiles?.(given.map(({ file }) => file));
  };
  return {
    isOver,
    handlers: {
      onDragEnter: (event: DragEvent) => {
        if (isWelcome(event)) count(depth.current + 1);
      },
      onDragLeave: () => count(depth.current - 1),
      onDragOver: (event: DragEvent) => {
        if (!isWelcome(event)) return;
        event.preventDefault();
        if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
      },
      onDrop: (event: DragEvent) => {
        count(0);
        if (!isWelcome(event) || !event.dataTransfer) return;
        event.preventDefault();
        event.stopPropagation();
        const id = event.dataTransfer.getData(pictureDrag);
        if (id && onPicture) return onPicture(id);
        // A folder may be gone, or may not be read.
        void take(event.dataTransfer).catch(toastError);
      },
    },
  };
}

/** Files that are let go beside what takes them do nothing: a browser would leave the studio and show them. */
export function guardDrops(): void {
  const refuse = (event: DragEvent): void => {
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = 'none';
  };
  document.addEventListener('dragover', refuse);
  document.addEventListener('drop', refuse);
}
