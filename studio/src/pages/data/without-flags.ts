/** @file Advice that was written for the command line, as the page says it: without flags, which nobody types here. */

/** What whole phrases become, first found first. */
const phrases: readonly (readonly [RegExp, string])[] = [
  [/Write a \.txt file beside each, or give --caption for all\./, 'Write one for each.'],
  [/, or give --trigger [^.]+\./, ', or name it as the trigger word and it is put there.'],
  [/Give --trigger (\S+) to be sure of it/, 'Name “$1” as the trigger word to be sure of it'],
  [/leave it to --trigger\b/, 'name it as the trigger word and leave it to that'],
  [/what --flip is for/, 'what the setting “Flip” is for'],
  [/a lower --resolution/, 'a lower resolution'],
];

/** `--min-snr-gamma` → “min snr gamma”: for advice that is not known here. */
const anyFlag = /(?<![\w-])--([a-z][a-z0-9-]*)/g;

export function withoutFlags(text: string): string {
  const known = phrases.reduce((said, [pattern, words]) => said.replace(pattern, words), text);
  return known.replace(anyFlag, (_, name: string) => `“${name.replaceAll('-', ' ')}”`);
}
