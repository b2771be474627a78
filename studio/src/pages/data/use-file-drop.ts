/** @file Files dragged over an element; folders can be read only while the drop is handled, so the drop itself is passed on. */
import { useRef, useState } from 'preact/hooks';

export interface FileDrop {
  readonly isOver: boolean;
  readonly handlers: {
    readonly onDragEnter: (event: DragEvent) => void;
    readonly onDragLeave: () => void;
    readonly onDragOver: (event: DragEvent) => void;
    readonly onDrop: (event: DragEvent) => void;
  };
}

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;

export function useFileDrop(onDrop: (transfer: DataTransfer) => void): FileDrop {
  const [isOver, setOver] = useState(false);
  // Elements inside are entered before the one around them is left.
  const depth = useRef(0);
  const count = (by: number): void => {
    depth.current = Math.max(0, depth.current + by);
    setOver(depth.current > 0);
  };
  return {
    isOver,
    handlers: {
      onDragEnter: event => hasFiles(event) && count(1),
      onDragLeave: () => count(-1),
      onDragOver(event) {
        if (!hasFiles(event)) return;
        event.preventDefault();
        if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy';
      },
      onDrop(event) {
        depth.current = 0;
        setOver(false);
        if (!hasFiles(event) || !event.dataTransfer) return;
        event.preventDefault();
        event.stopPropagation();
        onDrop(event.dataTransfer);
      },
    },
  };
}
