/** @file Keys with ⌘ or Ctrl, as this machine has them. */

export const isMac = /mac|iphone|ipad/i.test(navigator.userAgent);

/** Whether an event is ⌘ or Ctrl with a key. */
export const isMod = (event: Pick<KeyboardEvent, 'metaKey' | 'ctrlKey' | 'key'>, key: string): boolean =>
  (isMac ? event.metaKey : event.ctrlKey) && event.key.toLowerCase() === key.toLowerCase();

const hasDialog = (): boolean => document.querySelector('dialog[open]') !== null;

/**
 * Whether ⌘/Ctrl+Enter asks for the main thing of the page: once for a key that is held, and not under a dialog. The key
 * is taken either way, so that the form around it does not send itself as well.
 */
export function takesStart(event: KeyboardEvent, isUnderDialog: () => boolean = hasDialog): boolean {
  if (!isMod(event, 'Enter') || isUnderDialog()) return false;
  event.preventDefault();
  return !event.repeat;
}
