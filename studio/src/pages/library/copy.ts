/** @file Text into the clipboard, with a note that says so. */
import { toast } from '../../parts/index.ts';

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast(text.length > 60 ? 'Copied' : `Copied: ${text}`);
  } catch {
    toast('This browser does not let pages copy here.', { tone: 'danger' });
  }
}
