/** @file `<lora:name:0.8>` in prompts: found, changed and taken out, with the rest of the text as it was typed. */

export interface PromptTag {
  readonly name: string;
  /** Of the UNet; what a sole number says. */
  readonly strength: number;
  /** Whether the strength is one plain number, so that a slider can change it. */
  readonly isPlain: boolean;
  readonly start: number;
  readonly end: number;
}

const pattern = /<(?:lora|lyco):("(?:[^"])*"|[^:<>]+)((?::[^<>:]*)*)>/gi;

/** Tags in the order in which they stand. */
export function tagsIn(prompt: string): PromptTag[] {
  return [...prompt.matchAll(pattern)].map(match => {
    const [text, quoted = '', rest = ''] = match;
    const parts = rest.split(':').slice(1);
    const named = parts.find(part => part.trim().startsWith('unet='))?.split('=')[1];
    const numbers = parts.filter(part => !part.includes('='));
    const strength = Number(named ?? numbers[1] ?? numbers[0] ?? 1);
    return {
      name: quoted.replace(/^"(.*)"$/, '$1').trim(),
      strength: Number.isFinite(strength) ? strength : 1,
      isPlain: parts.length === 0 || (parts.length === 1 && numbers.length === 1),
      start: match.index,
      end: match.index + text.length,
    };
  });
}

/** The prompt with another strength in one tag. */
export function withStrength(prompt: string, tag: PromptTag, strength: number): string {
  const name = /[:<>]/.test(tag.name) ? `"${tag.name}"` : tag.name;
  return `${prompt.slice(0, tag.start)}<lora:${name}:${strength}>${prompt.slice(tag.end)}`;
}

/** The prompt without a tag, and without the blanks and commas that it would leave behind. */
export function withoutTag(prompt: string, { start, end }: PromptTag): string {
  const before = prompt.slice(0, start);
  const after = prompt.slice(end);
  if (/(^|,)\s*$/.test(before) && /^\s*,/.test(after)) return before + after.replace(/^\s*,[ \t]*/, '');
  if (/^\s*$/.test(after)) return before.replace(/[ \t]*,?[ \t]*$/, '');
  return before + (/(?:^|\s)$/.test(before) ? after.replace(/^[ \t]+/, '') : after);
}

/** The prompt without any tag. */
export function withoutTags(prompt: string): string {
  let text = prompt;
  for (let [tag] = tagsIn(text); tag; [tag] = tagsIn(text)) text = withoutTag(text, tag);
  return text;
}
