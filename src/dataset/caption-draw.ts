/**
 * @file What a step reads of a caption: sd-scripts' `process_caption` in its order. Ends are put on, the whole caption
 * may be dropped, wildcards are filled, tags are warmed up, shuffled and dropped, the secondary separator is replaced.
 */
import { randomStream } from '../engine/index.ts';
import type { DrawRules } from './picture-rules.ts';

/** Where in the run a caption is drawn; step and epoch from 0. */
export interface DrawMoment {
  readonly step: number;
  /** Of the whole run. */
  readonly steps: number;
  readonly epoch: number;
}

/** The random decisions of one caption. */
export interface CaptionChances {
  /** In [0, 1): below the dropout rate the caption goes. */
  dropout(): number;
  /** Index of one of `count` lines or words. */
  choose(count: number): number;
  order(count: number): number[];
  /** In [0, 1), for one tag after the other: below the rate it goes. */
  tag(): number;
}

/** The decisions of sample `sample` of step `step`; each kind has a stream of its own. */
export function captionChances(seed: number, step: number, sample: number): CaptionChances {
  const words = randomStream(seed, 'caption wildcard', step, sample);
  const tags = randomStream(seed, 'tag dropout', step, sample);
  return {
    dropout: () => randomStream(seed, 'caption dropout', step, sample).uniform(),
    choose: count => words.integer(count),
    order: count => randomStream(seed, 'tag order', step, sample).permutation(count),
    tag: () => tags.uniform(),
  };
}

function isDropped(
  { captionDropout, captionDropoutEvery }: DrawRules,
  { epoch }: DrawMoment,
  { dropout }: CaptionChances,
): boolean {
  if (captionDropout > 0 && dropout() < captionDropout) return true;
  return captionDropoutEvery > 0 && (epoch + 1) % captionDropoutEvery === 0;
}

function withEnds(caption: string, { captionPrefix, captionSuffix }: DrawRules): string {
  const begun = captionPrefix ? `${captionPrefix} ${caption}` : caption;
  return captionSuffix ? `${begun} ${captionSuffix}` : begun;
}

/** Fills every `{a|b}` with the word that `choose` picks; `{{` and `}}` are braces that stay. */
function fillWildcards(line: string, choose: (words: readonly string[]) => string): string {
  let [open, close] = ['⦅', '⦆'];
  while (line.includes(open) || line.includes(close)) {
    open += '⦅';
    close += '⦆';
  }
  return line
    .replaceAll('{{', () => open)
    .replaceAll('}}', () => close)
    .replace(/\{([^}]+)\}/g, (_, words: string) => choose(words.split('|')))
    .replaceAll(open, () => '{')
    .replaceAll(close, () => '}');
}

/** Tags that stay in front, tags that are drawn, tags that stay at the end. */
interface TagParts {
  readonly first: string[];
  readonly drawn: string[];
  readonly last: string[];
}

function splitTags(caption: string, rules: DrawRules): TagParts {
  const { keepTagsSeparator: separator, keepTags, tagSeparator } = rules;
  const split = (text: string): string[] => text.split(tagSeparator).map(tag => tag.trim());
  if (separator === '' || !caption.includes(separator)) {
    const tags = split(caption.trim());
    return { first: tags.slice(0, keepTags), drawn: tags.slice(keepTags), last: [] };
  }
  const [first, ...rest] = caption.split(separator);
  const [drawn, ...last] = rest;
  const given = (text: string): string[] => split(text).filter(tag => tag !== '');
  return { first: given(first), drawn: given(drawn), last: given(last.join(separator)) };
}

function warmupSteps({ tokenWarmupSteps }: DrawRules, { steps }: DrawMoment): number {
  return tokenWarmupSteps < 1 ? Math.floor(tokenWarmupSteps * steps) : tokenWarmupSteps;
}

function warmUp(tags: readonly string[], rules: DrawRules, moment: DrawMoment): readonly string[] {
  const steps = warmupSteps(rules, moment);
  if (steps === 0 || moment.step >= steps) return tags;
  const { tokenWarmupMin: least } = rules;
  return tags.slice(0, Math.floor(moment.step * ((tags.length - least) / steps)) + least);
}

const drawsTags = ({ shuffleTags, tagDropout, tokenWarmupSteps }: DrawRules): boolean =>
  shuffleTags || tagDropout > 0 || tokenWarmupSteps > 0;

function drawTags(caption: string, rules: DrawRules, moment: DrawMoment, chances: CaptionChances): string {
  const { first, drawn, last } = splitTags(caption, rules);
  const warm = warmUp(drawn, rules, moment);
  const ordered = rules.shuffleTags ? chances.order(warm.length).map(i => warm[i]) : warm;
  const kept = rules.tagDropout > 0 ? ordered.filter(() => chances.tag() >= rules.tagDropout) : ordered;
  return [...first, ...kept, ...last].join(', ');
}

function joinTags(caption: string, { secondarySeparator, tagSeparator }: DrawRules): string {
  return secondarySeparator === '' ? caption : caption.replaceAll(secondarySeparator, () => tagSeparator);
}

/** Draws the text of one sample. `caption` may have several lines; the result is empty when it was dropped. */
export function drawCaption(
  caption: string,
  rules: DrawRules,
  moment: DrawMoment,
  chances: CaptionChances,
): string {
  if (isDropped(rules, moment, chances)) return '';
  const lines = withEnds(caption, rules).split('\n');
  const line = rules.wildcards && lines.length > 1 ? lines[chances.choose(lines.length)] : lines[0];
  const filled = rules.wildcards ? fillWildcards(line, words => words[chances.choose(words.length)]) : line;
  return joinTags(drawsTags(rules) ? drawTags(filled, rules, moment, chances) : filled, rules);
}

/** Whether a caption has a wildcard to fill or a line to choose. */
function isWild(caption: string): boolean {
  let found = caption.includes('\n');
  fillWildcards(caption, words => {
    found ||= words.length > 1;
    return words[0];
  });
  return found;
}

/** A caption without chance in it: whole, in its order, the first line and the first words of wildcards. */
export function calmCaption(caption: string, rules: DrawRules): string {
  const first = { dropout: () => 1, choose: () => 0, order: () => [], tag: () => 1 };
  const calm = {
    captionDropout: 0,
    captionDropoutEvery: 0,
    shuffleTags: false,
    tagDropout: 0,
    tokenWarmupSteps: 0,
  };
  return drawCaption(caption, { ...rules, ...calm }, { step: 0, steps: 1, epoch: 0 }, first);
}

/** The one text that is drawn of a caption but for dropout; undefined when draws differ. */
export function fixedCaption(caption: string, rules: DrawRules): string | undefined {
  if (drawsTags(rules) || (rules.wildcards && isWild(withEnds(caption, rules)))) return undefined;
  return calmCaption(caption, rules);
}

/** Fills wildcards so that the line has as many tokens as it can, one wildcard after the other. */
function fillLongest(line: string, countTokens: (text: string) => number): string {
  const chosen: number[] = [];
  const fill = (): string => {
    let at = 0;
    return fillWildcards(line, words => words[chosen[at++] ?? 0]);
  };
  const groups = [] as number[];
  fillWildcards(line, words => {
    groups.push(words.length);
    return words[0];
  });
  for (const [group, count] of groups.entries()) {
    let most = -1;
    let best = 0;
    for (let word = 0; word < count; word++) {
      chosen[group] = word;
      const tokens = countTokens(fill());
      if (tokens > most) [most, best] = [tokens, word];
    }
    chosen[group] = best;
  }
  return fill();
}

const bytesOf = (text: string): number => Buffer.byteLength(text);

/** A tag as long as it can be wherever it stands: signs at its end may be read together with the comma after it. */
function longestTag(tag: string): string {
  return tag.replace(/[^\s\p{L}\p{N}]+$/u, signs => ` ${', '.repeat(bytesOf(signs))}`);
}

/**
 * A text with at least as many tokens as anything that is drawn of a caption; not itself one of them. `countTokens`
 * is the tokenizer's.
 */
export function longestCaption(
  caption: string,
  rules: DrawRules,
  countTokens: (text: string) => number,
): string {
  const lines = withEnds(caption, rules).split('\n');
  const texts = (rules.wildcards ? lines : lines.slice(0, 1)).map(line => {
    const filled = rules.wildcards ? fillLongest(line, countTokens) : line;
    if (!drawsTags(rules)) return joinTags(filled, rules);
    const { first, drawn, last } = splitTags(filled, rules);
    return [...first, ...drawn, ...last].map(tag => longestTag(joinTags(tag, rules))).join(' , ');
  });
  const [longest] = texts
    .map(text => ({ text, tokens: countTokens(text) }))
    .sort((a, b) => b.tokens - a.tokens);
  return longest.text;
}
