/**
 * @file A line of a prompt file in kohya's syntax (sd-scripts, `line_to_prompt_dict`): `a cat --n blurry --w 512 --h 768
 * --d 42 --l 7.5 --s 28 --ss euler_a`. What sd-scripts passes over in silence is told.
 */
import { badInput } from '../../errors.ts';

export interface PreviewPrompt {
  readonly prompt: string;
  readonly negativePrompt?: string;
  readonly width?: number;
  readonly height?: number;
  readonly seed?: number | bigint;
  readonly steps?: number;
  /** Classifier-free guidance. */
  readonly guidance?: number;
  readonly sampler?: string;
}

type Setting = Exclude<keyof PreviewPrompt, 'prompt'>;

/** A seed of up to 64 bits does not fit into a number. */
function wholeNumber(digits: string): number | bigint {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : BigInt(digits);
}

/** sd-scripts' limits. */
export const limitedSteps = (steps: number): number => Math.max(1, Math.min(1000, steps));

interface FlagRow {
  readonly setting: Setting;
  /** Of the value behind the flag and one space. */
  readonly pattern: RegExp;
  readonly read: (text: string) => string | number | bigint | undefined;
}

const digits = /^\d+/;
const decimal = /^[\d.]+/;
const rest = /^.+/;

const flags: Readonly<Record<string, FlagRow>> = {
  w: { setting: 'width', pattern: digits, read: Number },
  h: { setting: 'height', pattern: digits, read: Number },
  d: { setting: 'seed', pattern: digits, read: wholeNumber },
  s: { setting: 'steps', pattern: digits, read: text => limitedSteps(Number(text)) },
  l: {
    setting: 'guidance',
    pattern: decimal,
    read: text => (Number.isNaN(Number(text)) ? undefined : Number(text)),
  },
  n: { setting: 'negativePrompt', pattern: rest, read: text => text },
  ss: { setting: 'sampler', pattern: rest, read: text => text },
};

/** Flags of sd-scripts that mean nothing for Stable Diffusion without ControlNet. */
export const flagsWithoutEffect: Readonly<Record<string, string>> = {
  g: 'the guidance of FLUX (--l is that of Stable Diffusion)',
  cn: 'a ControlNet picture',
  ctr: 'a guidance setting of Lumina',
  rcfg: 'a guidance setting of Lumina',
  fs: 'the flow shift of SD3',
};

export interface ReadPrompt {
  readonly prompt: PreviewPrompt;
  /** What of the line has no effect, and why. */
  readonly findings: readonly string[];
}

/** Sets what one flag says; returns what is to be told of it. */
function readFlag(text: string, into: Partial<Record<Setting, unknown>>): string | undefined {
  const [, name, space, value] = /^([a-z]*)( ?)(.*)$/is.exec(text) as RegExpExecArray;
  const lower = name.toLowerCase();
  const why = Object.hasOwn(flagsWithoutEffect, lower) ? flagsWithoutEffect[lower] : undefined;
  if (why !== undefined) return `--${text.trim()} has no effect: it is ${why}`;
  const row = Object.hasOwn(flags, lower) ? flags[lower] : undefined;
  if (row === undefined) return `--${text.trim()} has no effect: there is no such flag`;
  const found = space === '' ? undefined : row.pattern.exec(value)?.[0];
  const read = found === undefined ? undefined : row.read(found);
  if (read === undefined) return `--${text.trimEnd()} has no effect: its value is not understood`;
  into[row.setting] = read;
  const left = value.slice(String(found).length).trim();
  return left === '' ? undefined : `--${lower}: "${left}" behind ${found} has no effect`;
}

/** Reads a line; later flags win over earlier ones. */
export function parsePromptLine(line: string): ReadPrompt {
  const [prompt, ...texts] = line.trim().split(' --');
  const settings: Partial<Record<Setting, unknown>> = {};
  const findings = texts.flatMap(text => readFlag(text, settings) ?? []);
  if (/^--?[a-z]+ /i.test(prompt))
    findings.push(`"${prompt}" is read as the prompt: a line begins with its prompt, flags stand behind it`);
  return { prompt: { prompt, ...(settings as Partial<PreviewPrompt>) }, findings };
}

const written: readonly (readonly [string, Setting])[] = [
  ['n', 'negativePrompt'],
  ['w', 'width'],
  ['h', 'height'],
  ['d', 'seed'],
  ['l', 'guidance'],
  ['s', 'steps'],
  ['ss', 'sampler'],
];

/** The line that is read as this prompt. Throws PROMPTS_INVALID where no line is. */
export function writePromptLine(prompt: PreviewPrompt): string {
  const texts = [prompt.prompt, prompt.negativePrompt ?? '', prompt.sampler ?? ''];
  const odd = texts.find(text => / --|[\r\n]/.test(text));
  if (odd !== undefined) {
    const message = `preview: "${odd}" cannot be written as a line of prompts`;
    throw badInput('PROMPTS_INVALID', message, 'Leave out " --" and line ends.');
  }
  const said = written.flatMap(([flag, setting]) => {
    const value = prompt[setting];
    return value === undefined || value === '' ? [] : [` --${flag} ${value}`];
  });
  return prompt.prompt + said.join('');
}
