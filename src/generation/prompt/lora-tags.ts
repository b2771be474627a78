/**
 * @file `<lora:name:strength>` in prompts, as A1111 reads it (`modules/extra_networks.py`, extensions-builtin/Lora), with
 * the arguments of LoRA Block Weight.
 */
import { editDistance, LoraError, usageError } from '../../errors.ts';
import { printable } from '../../files/index.ts';
import { characterAt } from './character-at.ts';
import { checkStepRange, splitSteps } from './step-range.ts';
import { type TagSpan, tagsOf } from './tag-span.ts';

export interface LoraTag {
  readonly name: string;
  /** On the UNet. */
  readonly strength: number;
  /** On the text encoder(s). */
  readonly textStrength: number;
  /** Weights by block, as LoRA Block Weight writes them in tags. */
  readonly blocks?: string | undefined;
  /** The steps with it, as written; `stepRange` reads them. */
  readonly start?: string | undefined;
  readonly stop?: string | undefined;
}

export interface PromptLoras {
  /** Without its tags. */
  readonly prompt: string;
  readonly loras: LoraTag[];
  /** What was understood otherwise than it may be meant. */
  readonly findings: string[];
  /** Where a character of that prompt stands in the prompt with its tags, both counted from 0. */
  positionOf(at: number): number;
}

/** `lyco` is the older name of the same thing. */
export const loraWords: readonly string[] = ['lora', 'lyco'];
const hint = 'Write <lora:name>, <lora:name:0.8>, or <lora:name:0.5:0.8> for text encoder and UNet.';

/** Arguments by name; `dyn` is A1111's cut of the rank. */
const argumentNames = ['te', 'unet', 'dyn', 'lbw', 'start', 'stop', 'step'] as const;
type ArgumentName = (typeof argumentNames)[number];
type Arguments = Partial<Record<ArgumentName, string>>;
const isArgument = (name: string): name is ArgumentName =>
  (argumentNames as readonly string[]).includes(name);

type Fail = (why: string, better?: string) => Error;

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** Alternatives stand around tags, since braces within one may belong to a name: `{<lora:x:0.2>|<lora:x:1>}`. */
function alternativesAround({ word, inside }: TagSpan): string | undefined {
  const braces = /\{([^{}]{1,200})\}/.exec(inside);
  if (!braces?.[1].includes('|')) return undefined;
  const [before, behind] = [inside.slice(0, braces.index), inside.slice(braces.index + braces[0].length)];
  const choices = braces[1].split('|').map(choice => {
    const [, weight = '', rest = choice] = /^([\d.]+::)(.*)$/.exec(choice) ?? [];
    return `${weight}<${word}:${before}${rest}${behind}>`;
  });
  return `Alternatives stand around tags: ${printable(`{${choices.join('|')}}`)}.`;
}

function strengthOf(text: string, fail: Fail): number {
  const value = Number(text);
  if (decimal.test(text) && Number.isFinite(value)) return value;
  const why = `has the strength "${text}", which is not a number`;
  if (text.includes('@'))
    throw fail(
      `has a strength that changes over the steps ("${text}"), which is not supported`,
      'Write the tag once for each range of steps: <lora:name:0.75:stop=0.5> <lora:name:0.38:start=0.5>.',
    );
  if (/[{}|]/.test(text)) throw fail(why);
  if (/^[A-Z]{2,}/.test(text) || text.includes(','))
    throw fail(why, `Block weights are written lbw=${text}.`);
  throw fail(why);
}

/** Items between colons; the first may be quoted, and then holds colons of its own, and a NUL before it. */
export function splitItems(inside: string): string[] {
  const quoted = /^\s*"([^"\n]*)"\s*(?::|$)/.exec(inside);
  if (!quoted) return inside.split(':').map(item => item.trim());
  const rest = inside.slice(quoted[0].length);
  // The mark keeps a quoted `a=b` from being read as an argument.
  return [`\0${quoted[1]}`, ...(quoted[0].endsWith(':') ? rest.split(':').map(item => item.trim()) : [])];
}

/** An item with exactly one `=` is named (A1111); block weights may hold more of them. */
export const isNamed = (item: string): boolean =>
  !item.startsWith('\0') && (item.split('=').length === 2 || item.startsWith('lbw='));

function readArguments(items: readonly string[], fail: Fail): Arguments {
  const found: Arguments = {};
  for (const item of items) {
    const at = item.indexOf('=');
    const name = item.slice(0, at).trim();
    if (!isArgument(name)) throw fail(`asks for ${name}=, which is not supported`);
    if (found[name] !== undefined) throw fail(`has ${name}= twice`);
    found[name] = item.slice(at + 1).trim();
  }
  return found;
}

function readSteps({ start, stop, step }: Arguments, fail: Fail): Pick<LoraTag, 'start' | 'stop'> {
  if (step !== undefined && (start ?? stop) !== undefined) throw fail('has step= beside start= or stop=');
  try {
    const [from, to] = step === undefined ? [start, stop] : splitSteps(step);
    checkStepRange(from, to);
    return { ...(from === undefined ? {} : { start: from }), ...(to === undefined ? {} : { stop: to }) };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    throw fail(`has a range of steps that cannot be read: ${error.message}`, error.hint);
  }
}

function parseTag({ inside }: TagSpan, fail: Fail): { lora: LoraTag; dyn: string | undefined } {
  const items = splitItems(inside);
  const [first, ...places] = items.filter(item => !isNamed(item));
  const given = readArguments(items.filter(isNamed), fail);
  const name = first?.replace(/^\0/, '').trim();
  if (!name) throw fail('has no name');
  if (places.length > 3) throw fail('has more than two strengths and a rank');
  const dyn = given.dyn ?? places[2];
  if (dyn !== undefined && !/^\d+$/.test(dyn))
    throw fail(`has "${dyn}" behind two strengths, where A1111 has a rank`);
  const textStrength = strengthOf(given.te ?? places[0] ?? '1', fail);
  const unet = given.unet ?? places[1];
  const strength = unet === undefined ? textStrength : strengthOf(unet, fail);
  const blocks = given.lbw === undefined ? {} : { blocks: given.lbw };
  return { lora: { name, strength, textStrength, ...blocks, ...readSteps(given, fail) }, dyn };
}

/** Two tags of one name in the same steps add up, as in Forge; A1111 takes the last strength twice. */
function repeated(loras: readonly LoraTag[]): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name, start, stop } of loras) {
    const key = JSON.stringify([name, start, stop]);
    if (seen.has(key)) twice.add(name);
    seen.add(key);
  }
  return [...twice].map(
    name => `<lora:${printable(name)}> stands in the prompt more than once: its strengths add up`,
  );
}

/** `[<lora:x>::0.5]` and `(<lora:x>:1.2)`: the brackets mean the words in them. */
const inBrackets = (before: string, text: string): string[] =>
  /[([]\s{0,16}$/.test(before.slice(-20))
    ? [
        `${printable(text)}: brackets around it do nothing; write another strength, or start= and stop= for steps`,
      ]
    : [];

const unknownTag = (text: string, start: number): string =>
  `${printable(text)} at character ${characterAt(start)} of the prompt is taken out, as A1111 does: only <lora:…> and <lyco:…> are known`;

/** Tags of other kinds: hypernetworks are refused, and so is what is nearly `lora`. */
function checkOther(word: string, fail: Fail): void {
  if (word.toLowerCase() === 'hypernet')
    throw fail('asks for a hypernetwork, which is not supported', 'Take it out of the prompt.');
  if (loraWords.some(known => editDistance(known, word.toLowerCase()) <= 1))
    throw fail(`begins with ${word}, which is not known`, hint);
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** What is left of a prompt, one space for many, with the places where it stood. */
function joinKept(prompt: string, kept: readonly Span[]): Pick<PromptLoras, 'prompt' | 'positionOf'> {
  const joined = kept.map(({ from, to }) => prompt.slice(from, to)).join('');
  const single = joined.replace(/ {2,}/g, ' ');
  const leading = single.length - single.trimStart().length;
  let places: number[] | undefined;
  const findPlaces = (): number[] => {
    const found: number[] = [];
    let last = '';
    for (const { from, to } of kept)
      for (let at = from; at < to; at++) {
        if (prompt[at] !== ' ' || last !== ' ') found.push(at);
        last = prompt[at];
      }
    return found;
  };
  return {
    prompt: single.trim(),
    positionOf(at) {
      places ??= findPlaces();
      return places[at + leading] ?? prompt.length;
    },
  };
}

/** Takes the tags out of a prompt. Throws PROMPT_LORA_TAG for one that cannot be understood. */
export function extractLoraTags(prompt: string): PromptLoras {
  const loras: LoraTag[] = [];
  const findings: string[] = [];
  const kept: Span[] = [];
  let at = 0;
  for (const tag of tagsOf(prompt)) {
    const text = prompt.slice(tag.start, tag.end);
    const fail: Fail = (why, better = alternativesAround(tag) ?? hint) =>
      usageError(
        'PROMPT_LORA_TAG',
        `${printable(text)} at character ${characterAt(tag.start)} of the prompt ${why}`,
        better,
      );
    if (loraWords.includes(tag.word.toLowerCase())) {
      const { lora, dyn } = parseTag(tag, fail);
      loras.push(lora);
      findings.push(...inBrackets(prompt.slice(0, tag.start), text));
      if (dyn !== undefined)
        findings.push(`${printable(text)}: the rank ${dyn} is not looked at, the whole LoRA is used`);
    } else {
      checkOther(tag.word, fail);
      findings.push(unknownTag(text, tag.start));
    }
    kept.push({ from: at, to: tag.start });
    at = tag.end;
  }
  kept.push({ from: at, to: prompt.length });
  return { ...joinKept(prompt, kept), loras, findings: [...findings, ...repeated(loras)] };
}

/** What is to be said of tags in a negative prompt: nobody reads them there, they stay text, as in A1111. */
export const negativeTagFindings = (negativePrompt: string): string[] =>
  [...tagsOf(negativePrompt)]
    .filter(({ word }) => [...loraWords, 'hypernet'].includes(word.toLowerCase()))
    .map(
      ({ start, end }) =>
        `${printable(negativePrompt.slice(start, end))} in the negative prompt is read as text, as in A1111; ` +
        'LoRAs belong into the prompt',
    );
