/** @file The keys of an action, as this machine names them. */
import { isMac } from './keys.ts';

const names: Readonly<Record<string, string>> = isMac
  ? { mod: '⌘', enter: '↵', shift: '⇧', alt: '⌥' }
  : { mod: 'Ctrl', enter: 'Enter', shift: 'Shift', alt: 'Alt' };

/** `keys="mod+enter"`. */
export function KeyHint({ keys }: { readonly keys: string }) {
  return (
    <span class="key-hint" aria-hidden="true">
      {keys.split('+').map(key => (
        <kbd key={key}>{names[key] ?? key.toUpperCase()}</kbd>
      ))}
    </span>
  );
}
