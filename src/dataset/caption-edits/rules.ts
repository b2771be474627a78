/** @file Rules that change a caption: template, replace, remove, add, trigger word, doubles, order; always in this order. */
import { usageError } from '../../errors.ts';
import { withTrigger } from '../captions.ts';
import { parseRegex, wordsPattern } from './patterns.ts';
import { joinTags, splitTags, tagKey } from './tags.ts';
import { checkTemplate, fillTemplate, type TemplateValues, tidied } from './template.ts';

export interface CaptionRules {
  readonly template?: string;
  /** `red hat=>blue hat`, `/hats?/i=>hat` */
  readonly replace?: readonly string[];
  readonly remove?: readonly string[];
  readonly add?: readonly string[];
  readonly addAt?: 'start' | 'end';
  /** Put in front where it is not in the caption yet. */
  readonly trigger?: string;
  /** A tag that comes again is left out. */
  readonly dedupe?: boolean;
  /** By alphabet. */
  readonly sort?: boolean;
  /** So many tags at the start keep their place when sorting; the trigger word always does. */
  readonly keepFirst?: number;
}

/** What the rules may know of a picture besides its caption. */
export type PictureNames = Pick<TemplateValues, 'folder' | 'name'>;

export type EditCaption = (caption: string, names: PictureNames) => string;

type Rule = EditCaption;

/** A rule for tags: where it changes nothing, the caption stays as it was typed. */
const tagRule =
  (change: (tags: readonly string[]) => readonly string[]): Rule =>
  caption => {
    const tags = splitTags(caption);
    const changed = change(tags);
    const isSame = changed.length === tags.length && changed.every((tag, i) => tag === tags[i]);
    return isSame ? caption : joinTags(changed);
  };

function replaceRule(text: string): Rule {
  const at = text.indexOf('=>');
  const [what, by] = [text.slice(0, Math.max(0, at)).trim(), text.slice(at + 2).trim()];
  if (at < 0 || what === '') {
    const hint = 'Write "red hat=>blue hat", or "/hats?/i=>hat".';
    throw usageError('CAPTION_RULE', `--replace ${text} does not say what by what`, hint);
  }
  const regex = parseRegex(what, '--replace');
  const pattern = regex ?? wordsPattern(what);
  return caption => {
    const changed = regex ? caption.replace(pattern, by) : caption.replace(pattern, () => by);
    return changed === caption ? caption : tidied(changed);
  };
}

function tagsOf(texts: readonly string[], option: string): string[] {
  const tags = texts.flatMap(splitTags);
  if (texts.length > 0 && tags.length === 0) throw usageError('CAPTION_RULE', `${option} names no tag`);
  return tags;
}

function removeRule(texts: readonly string[]): Rule {
  const keys = new Set(tagsOf(texts, '--remove').map(tagKey));
  return tagRule(tags => tags.filter(tag => !keys.has(tagKey(tag))));
}

function addRule(texts: readonly string[], at: 'start' | 'end'): Rule {
  const added = tagsOf(texts, '--add');
  return tagRule(tags => {
    const known = new Set(tags.map(tagKey));
    const missing = added.filter(tag => !known.has(tagKey(tag)));
    return at === 'start' ? [...missing, ...tags] : [...tags, ...missing];
  });
}

/** The first of each. */
const withoutDoubles = tagRule(tags => {
  const seen = new Set<string>();
  return tags.filter(tag => {
    const isNew = !seen.has(tagKey(tag));
    seen.add(tagKey(tag));
    return isNew;
  });
});

const byKey = (a: string, b: string): number => (tagKey(a) < tagKey(b) ? -1 : tagKey(a) > tagKey(b) ? 1 : 0);

function sortRule(keepFirst: number, trigger: string | undefined): Rule {
  return tagRule(tags => {
    const isTrigger = trigger !== undefined && tags.length > 0 && tagKey(tags[0]) === tagKey(trigger);
    const kept = Math.max(keepFirst, Number(isTrigger));
    return [...tags.slice(0, kept), ...tags.slice(kept).sort(byKey)];
  });
}

/** Makes one function of the rules. Throws CAPTION_RULE and CAPTION_TEMPLATE for what cannot be meant. */
export function captionEditor(rules: CaptionRules): EditCaption {
  const { template, replace = [], remove = [], add = [], addAt = 'end', keepFirst = 0 } = rules;
  const trigger = rules.trigger?.trim();
  const inOrder: Rule[] = [];
  if (template !== undefined) {
    checkTemplate(template, trigger);
    inOrder.push((caption, names) => fillTemplate(template, { ...names, caption, trigger: trigger ?? '' }));
  }
  inOrder.push(...replace.map(replaceRule));
  if (remove.length > 0) inOrder.push(removeRule(remove));
  if (add.length > 0) inOrder.push(addRule(add, addAt));
  if (trigger) inOrder.push(caption => withTrigger(caption, trigger));
  if (rules.dedupe) inOrder.push(withoutDoubles);
  if (rules.sort) inOrder.push(sortRule(keepFirst, trigger));
  if (inOrder.length === 0)
    throw usageError('CAPTION_RULE', 'nothing is to be changed', 'Give --template, --add, --replace …');
  return (caption, names) => inOrder.reduce((text, rule) => rule(text, names), caption);
}

export type CaptionCondition = (caption: string) => boolean;

/** `has red hat`, `lacks red hat`, `empty`, `/regex/`: which captions are meant. Throws CAPTION_RULE. */
export function parseCondition(text: string): CaptionCondition {
  const regex = parseRegex(text, '--where');
  // A search from the start each time: `g` would go on where it stopped.
  if (regex) return caption => caption.search(regex) >= 0;
  if (text.trim() === 'empty') return caption => splitTags(caption).length === 0;
  const [, word, tag] = /^(has|lacks)\s+(\S.*)$/s.exec(text.trim()) ?? [];
  if (tag === undefined) {
    const hint = 'Write "has red hat", "lacks red hat", empty, or a /regex/.';
    throw usageError('CAPTION_RULE', `--where ${text} is not understood`, hint);
  }
  const key = tagKey(tag);
  return caption => splitTags(caption).some(own => tagKey(own) === key) === (word === 'has');
}
