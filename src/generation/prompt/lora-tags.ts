/** @file `<lora:name:strength>` in prompts, as A1111 reads it (`modules/extra_networks.py`, extensions-builtin/Lora). */
import { usageError } from '../../errors.ts';

export interface LoraTag {
  readonly name: string;
  /** On the UNet. */
  readonly strength: number;
  /** On the text encoder(s). */
  readonly textStrength: number;
  /** Weights by block, as LoRA Block Weight writes them in tags. */
  readonly blocks?: string | undefined;
}

/** `lyco` is the older name of the same thing. */
const tagPattern = /<(?:lora|lyco):([^>]*)>/g;
const hint = 'Write <lora:name>, <lora:name:0.8>, or <lora:name:0.5:0.8> for text encoder and UNet.';

function splitNamed(item: string): [name: string, value: string] {
  const at = item.indexOf('=');
  return [item.slice(0, at), item.slice(at + 1)];
}

function parseTag(inside: string, whole: string, position: number): LoraTag {
  const fail = (why: string) =>
    usageError('PROMPT_LORA_TAG', `${whole} at character ${position} of the prompt ${why}`, hint);
  // An item with exactly one `=` is named; the others count by their place: name, text encoder, UNet.
  const items = inside.split(':').map(item => item.trim());
  // Block weights may hold more of them.
  const isNamed = (item: string): boolean => item.split('=').length === 2 || item.startsWith('lbw=');
  const [name, ...places] = items.filter(item => !isNamed(item));
  const named = new Map(items.filter(isNamed).map(splitNamed));
  const unknown = [...named.keys()].find(key => key !== 'te' && key !== 'unet' && key !== 'lbw');
  if (unknown !== undefined) throw fail(`asks for ${unknown}=, which is not supported`);
  if (!name) throw fail('has no name');
  if (places.length > 2) throw fail('has more than two strengths');
  const number = (text: string): number => {
    const value = Number(text);
    if (text === '' || !Number.isFinite(value))
      throw fail(`has the strength "${text}", which is not a number`);
    return value;
  };
  const textStrength = number(named.get('te') ?? places[0] ?? '1');
  const unet = named.get('unet') ?? places[1];
  const strengths = { strength: unet === undefined ? textStrength : number(unet), textStrength };
  return { name, ...strengths, ...(named.has('lbw') ? { blocks: named.get('lbw') } : {}) };
}

/** Takes the tags out of a prompt. Throws PROMPT_LORA_TAG for one that cannot be understood. */
export function extractLoraTags(prompt: string): { prompt: string; loras: LoraTag[] } {
  const loras: LoraTag[] = [];
  const rest = prompt.replace(tagPattern, (whole, inside: string, position: number) => {
    loras.push(parseTag(inside, whole, position));
    return '';
  });
  return { prompt: rest.replace(/ {2,}/g, ' ').trim(), loras };
}
