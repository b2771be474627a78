/** @file The keys of an action, as this machine names them. */
const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);
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

/** Whether an event is ⌘ or Ctrl with a key. */
export const isMod = (event: KeyboardEvent, key: string): boolean =>
  (isMac ? event.metaKey : event.ctrlKey) && event.key.toLowerCase() === key.toLowerCase();
