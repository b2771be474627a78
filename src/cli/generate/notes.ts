/** @file What is worth telling of finished pictures. */
import type { FinishedPicture } from '../../generation/index.ts';
import { oneLine } from '../../workbench/index.ts';
import type { Terminal } from '../terminal.ts';

/** A megabyte of words is told by its first ones. */
const beginningOf = (text: string): string =>
  text.length <= 200 ? text : `${text.slice(0, 200)} … (${text.length} characters)`;

/** Says what is worth telling of the pictures, each thing once. */
export function openNotes(
  terminal: Terminal,
): (picture: Pick<FinishedPicture, 'truncated' | 'findings'>) => void {
  const said = new Set<string>();
  const say = (text: string): void => {
    if (said.has(text)) return;
    said.add(text);
    terminal.note(oneLine(text));
  };
  return ({ truncated, findings }) => {
    for (const [what, text] of [
      ['prompt', truncated.prompt],
      ['negative prompt', truncated.negativePrompt],
    ]) {
      if (text) say(`the ${what} is too long for the text encoder; not used: ${beginningOf(text)}`);
    }
    for (const finding of findings) say(finding);
  };
}
