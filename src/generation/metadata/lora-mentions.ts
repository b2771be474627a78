/** @file `<lora:…>` in the prompts of any program: read as far as it can be, never refused. */
import { isNamed, loraWords, splitItems } from '../prompt/lora-tags.ts';
import { type TagSpan, tagsOf } from '../prompt/tag-span.ts';
import { listedName } from './infotext-of.ts';

const isLoraTag = ({ word }: TagSpan): boolean => loraWords.includes(word.toLowerCase());

export interface LoraMention {
  readonly name: string;
  readonly strength: string;
  readonly textStrength?: string;
  readonly blocks?: string;
  readonly start?: string;
  readonly stop?: string;
  readonly inPrompt: true;
}

const splitNamed = (item: string): [string, string] => {
  const at = item.indexOf('=');
  return [item.slice(0, at).trim(), item.slice(at + 1).trim()];
};

/** A1111: places name, text encoder, UNet; an item with `=` is named. */
function readTag(inside: string): LoraMention {
  const items = splitItems(inside);
  const named = new Map(items.filter(isNamed).map(item => splitNamed(item)));
  const [marked = '', first = '1', second] = items.filter(item => !isNamed(item));
  const name = marked.replace(/^\0/, '').trim();
  const textStrength = named.get('te') ?? first;
  const strength = named.get('unet') ?? second ?? textStrength;
  const [blocks, start, stop] = ['lbw', 'start', 'stop'].map(key => named.get(key));
  return {
    ...{ name, strength, inPrompt: true },
    ...(textStrength === strength ? {} : { textStrength }),
    ...(blocks === undefined ? {} : { blocks }),
    ...(start === undefined ? {} : { start }),
    ...(stop === undefined ? {} : { stop }),
  };
}

/** The LoRAs that a prompt mentions, once each, with the hash that is listed for their name. */
export function mentionedLoras(
  prompt: string,
  hashes: ReadonlyMap<string, string> = new Map(),
): (LoraMention & { hash?: string })[] {
  const mentions = new Map<string, LoraMention & { hash?: string }>();
  for (const tag of tagsOf(prompt)) {
    if (!isLoraTag(tag)) continue;
    const mention = readTag(tag.inside);
    const hash = hashes.get(listedName(mention.name));
    if (mention.name && !mentions.has(mention.name))
      mentions.set(mention.name, { ...mention, ...(hash === undefined ? {} : { hash }) });
  }
  return [...mentions.values()];
}

/** SwarmUI's tags have the UNet first; A1111's the text encoder. */
export function fromSwarmTags(prompt: string): { prompt: string; swapped: number } {
  let swapped = 0;
  let rewritten = '';
  let at = 0;
  for (const tag of tagsOf(prompt)) {
    const [name, unet, text, ...more] = tag.inside.split(':');
    if (!isLoraTag(tag) || text === undefined) continue;
    swapped++;
    rewritten += `${prompt.slice(at, tag.start)}<${[tag.word, name, text, unet, ...more].join(':')}>`;
    at = tag.end;
  }
  return { prompt: rewritten + prompt.slice(at), swapped };
}
