/** @file `<lora:name:strength>` in prompts, as A1111 writes it. */
import { usageError } from '../../errors.ts';

export interface LoraTag {
  readonly name: string;
  readonly strength: number;
}

const tagPattern = /<lora:([^>]*)>/g;

function parseTag(inside: string, whole: string, position: number): LoraTag {
  const parts = inside.split(':');
  const positional = parts.filter(part => !/^\w+=/.test(part));
  const named = Object.fromEntries(parts.filter(part => /^\w+=/.test(part)).map(part => part.split('=', 2)));
  const text = named.unet ?? positional[2] ?? positional[1] ?? named.te ?? '1';
  const strength = Number(text);
  if (!positional[0] || text.trim() === '' || !Number.isFinite(strength)) {
    const hint = 'Write <lora:name> or <lora:name:0.8>.';
    throw usageError('PROMPT_LORA_TAG', `${whole} at ${position} is not a LoRA tag`, hint);
  }
  return { name: positional[0].trim(), strength };
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
