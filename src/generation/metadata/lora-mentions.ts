/** @file `<lora:…>` in the prompts of any program: read as far as it can be, never refused. */
import { listedName } from './infotext-of.ts';

/** A tag ends at the next `<`, so that text of many openings is read in linear time. */
const tagPattern = /<(lora|lyco):([^<>]*)>/g;

export interface LoraMention {
  readonly name: string;
  readonly strength: string;
  readonly textStrength?: string;
  readonly blocks?: string;
  readonly start?: string;
  readonly stop?: string;
  readonly inPrompt: true;
}

/** A1111: places name, text encoder, UNet; an item with `=` is named. */
function readTag(inside: string): LoraMention {
  const items = inside.split(':').map(item => item.trim());
  const named = new Map<string, string>();
  const places: string[] = [];
  for (const item of items) {
    const [, key, value] = /^(te|unet|dyn|lbwe?|start|stop|step)=(.*)$/s.exec(item) ?? [];
    if (key === undefined) places.push(item);
    else named.set(key, value);
  }
  const [name, first = '1', second] = places;
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
  for (const [, , inside] of prompt.matchAll(tagPattern)) {
    const mention = readTag(inside);
    const hash = hashes.get(listedName(mention.name));
    if (mention.name && !mentions.has(mention.name))
      mentions.set(mention.name, { ...mention, ...(hash === undefined ? {} : { hash }) });
  }
  return [...mentions.values()];
}

/** SwarmUI's tags have the UNet first; A1111's the text encoder. */
export function fromSwarmTags(prompt: string): { prompt: string; swapped: number } {
  let swapped = 0;
  const rewritten = prompt.replace(tagPattern, (whole, kind: string, inside: string) => {
    const [name, unet, text, ...more] = inside.split(':');
    if (text === undefined) return whole;
    swapped++;
    return `<${[kind, name, text, unet, ...more].join(':')}>`;
  });
  return { prompt: rewritten, swapped };
}
