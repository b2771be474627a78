/** @file Short notes that come and go, with one thing to do at most (undo). Kept while looked at. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { isAbort } from '../api/client.ts';
import { Button, IconButton } from './button.tsx';

interface Note {
  readonly id: number;
  readonly text: string;
  readonly tone: 'plain' | 'danger';
  readonly action?: { readonly label: string; readonly onSelect: () => void } | undefined;
  readonly seconds: number;
  readonly onGone?: (() => void) | undefined;
}

const notes = signal<readonly Note[]>([]);
let counter = 0;

/** Shows a note; `onGone` is called once it has left without its action having been taken. */
export function toast(text: string, more: Partial<Omit<Note, 'id' | 'text'>> = {}): void {
  const note: Note = { id: ++counter, text, tone: 'plain', seconds: more.action ? 8 : 5, ...more };
  notes.value = [...notes.value.slice(-3), note];
}

/** Says a fault that belongs to nothing on the page. */
export function toastError(fault: unknown): void {
  if (isAbort(fault)) return;
  toast(fault instanceof Error ? fault.message : String(fault), { tone: 'danger', seconds: 8 });
}

function leave(note: Note): void {
  notes.value = notes.value.filter(({ id }) => id !== note.id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {notes.value.map(note => (
        <ToastNote key={note.id} note={note} />
      ))}
    </div>
  );
}

function ToastNote({ note }: { readonly note: Note }) {
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = window.setTimeout(() => leave(note), note.seconds * 1000);
    return () => window.clearTimeout(timer);
  }, [isHeld, note]);
  useEffect(() => {
    const isTaken = taken;
    return () => {
      if (!isTaken.delete(note.id)) note.onGone?.();
    };
  }, [note]);
  const { action } = note;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: holding it open is no action
    <div
      class={`toast ${note.tone}`}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      <span class="grow">{note.text}</span>
      {action && (
        <Button
          kind="quiet"
          size="small"
          onClick={() => {
            taken.add(note.id);
            leave(note);
            action.onSelect();
          }}
        >
          {action.label}
        </Button>
      )}
      <IconButton icon="close" label="Dismiss" size="small" onClick={() => leave(note)} />
    </div>
  );
}

/** Notes whose action was taken. */
const taken = new Set<number>();
