/**
 * @file Prompts that show how a run learns, proposed from the captions: some as they were trained, one without the trigger
 * word, which must stay as it was.
 */

export interface PromptSource {
  readonly captions: readonly string[];
  readonly trigger: string;
  /** Of a small base: fewer steps, gentler guidance. */
  readonly isSmallBase: boolean;
}

const escapeForPattern = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const triggerPattern = (trigger: string): RegExp =>
  new RegExp(`(?<![\\p{L}\\p{N}])${escapeForPattern(trigger)}(?![\\p{L}\\p{N}])`, 'giu');

/** Whether a caption or prompt has the trigger word as a word of its own. */
export const hasTrigger = (text: string, trigger: string): boolean =>
  trigger.trim() !== '' && triggerPattern(trigger.trim()).test(text);

/** The caption without its trigger word, and without what only joined it: `a blueprint of a cat` → `a cat`. */
export function withoutTrigger(caption: string, trigger: string): string {
  if (trigger.trim() === '') return caption;
  return caption
    .replace(new RegExp(`\\b(?:an?|the)\\s+${triggerPattern(trigger.trim()).source}\\s+of\\s+`, 'giu'), '')
    .replace(new RegExp(`(?:\\b(?:an?|the)\\s+)?${triggerPattern(trigger.trim()).source}`, 'giu'), ' ')
    .replace(/\b(?:in|by) the style of\s*(?=[,.]|$)/gi, ' ')
    .replace(/\s+/g, ' ')
    .replace(/(?:\s*,\s*)+/g, ', ')
    .replace(/^[\s,]+|[\s,]+$/g, '');
}

const wordsOf = (text: string): Set<string> =>
  new Set(
    text
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .filter(Boolean),
  );

/** Share of words that two texts have in common. */
function alike(a: string, b: string): number {
  const [one, other] = [wordsOf(a), wordsOf(b)];
  const shared = [...one].filter(word => other.has(word)).length;
  return shared / Math.max(1, one.size + other.size - shared);
}

/** Of captions of medium length, some that have little in common. */
function different(captions: readonly string[], howMany: number): string[] {
  const lines = [...new Set(captions.map(caption => caption.split('\n')[0].trim()).filter(Boolean))];
  const middle = [...lines].sort((a, b) => a.length - b.length)[Math.floor((lines.length - 1) / 2)];
  if (middle === undefined) return [];
  const chosen = [middle];
  while (chosen.length < Math.min(howMany, lines.length)) {
    const likeness = (line: string): number => Math.max(...chosen.map(other => alike(line, other)));
    const left = lines.filter(line => !chosen.includes(line));
    chosen.push(left.reduce((best, line) => (likeness(line) < likeness(best) ? line : best)));
  }
  return chosen;
}

/** Settings as sd-scripts writes them; seeds are fixed, so that steps can be compared. */
const settings = ({ isSmallBase }: PromptSource, seed: number): string =>
  isSmallBase ? ` --d ${seed} --l 4.5 --s 20` : ` --d ${seed}`;

/** A prompt without what stands behind it for sd-scripts. */
export const promptText = (line: string): string => line.split(' --')[0].trim();

/** Up to three lines in sd-scripts' syntax: two with the trigger word, one without. */
export function proposePrompts(source: PromptSource): string[] {
  const { captions, trigger } = source;
  const word = trigger.trim();
  const trained = different(captions, 2).map(caption =>
    word && !hasTrigger(caption, word) ? `${word}, ${caption}` : caption,
  );
  const [first = word] = trained;
  const bare = word ? withoutTrigger(first, word) : '';
  const prompts = [
    ...(trained.length > 0 ? trained : word ? [word] : []),
    ...(bare && bare !== first ? [bare] : []),
  ];
  return prompts.map((prompt, i) => prompt.replaceAll(' --', ' – ') + settings(source, 21 + i));
}
