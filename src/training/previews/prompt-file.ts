/** @file Files of prompts as sd-scripts' `--sample_prompts` reads them: .txt with a prompt a line, .toml, .json. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { parse } from 'smol-toml';
import { badInput } from '../../errors.ts';
import { limitedSteps, type PreviewPrompt, parsePromptLine } from './prompt-line.ts';

export interface PromptFile {
  readonly prompts: readonly PreviewPrompt[];
  /** What in the file has no effect, with its place. */
  readonly findings: readonly string[];
}

const hint =
  'Write a prompt a line into a .txt file: a cat --n blurry --w 512 --h 512 --d 42 --l 7.5 --s 28.';

const invalid = (path: string, why: string, cause?: unknown): Error =>
  badInput('PROMPTS_INVALID', `prompt file ${path}: ${why}`, hint, cause);

function readLines(text: string): PromptFile {
  const read = text.split(/\r\n|\n|\r/).flatMap((line, i) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const { prompt, findings } = parsePromptLine(line);
    const told = /^\s+#/.test(line) ? ['a # is a comment only as the first character of a line'] : [];
    return [{ prompt, findings: [...told, ...findings].map(finding => `line ${i + 1}: ${finding}`) }];
  });
  return { prompts: read.map(({ prompt }) => prompt), findings: read.flatMap(({ findings }) => findings) };
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isWhole = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || Number.isSafeInteger(value);

interface KeyRow {
  readonly setting: keyof PreviewPrompt;
  readonly fits: (value: unknown) => boolean;
  readonly wants: string;
}

/** Keys of a prompt in .toml and .json. */
const keys: Readonly<Record<string, KeyRow>> = {
  prompt: { setting: 'prompt', fits: isText, wants: 'a text' },
  negative_prompt: { setting: 'negativePrompt', fits: isText, wants: 'a text' },
  width: { setting: 'width', fits: isWhole, wants: 'a whole number' },
  height: { setting: 'height', fits: isWhole, wants: 'a whole number' },
  seed: { setting: 'seed', fits: isWhole, wants: 'a whole number' },
  sample_steps: { setting: 'steps', fits: isWhole, wants: 'a whole number' },
  scale: { setting: 'guidance', fits: isNumber, wants: 'a number' },
  sample_sampler: { setting: 'sampler', fits: isText, wants: 'a text' },
};

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readTable(table: Record<string, unknown>, path: string, place: string): PromptFile {
  const prompt: Record<string, unknown> = { prompt: '' };
  const findings: string[] = [];
  for (const [key, value] of Object.entries(table)) {
    if (key === 'subset' || key === 'enum') continue; // sd-scripts' own
    const row = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (row === undefined) findings.push(`${place}: ${key} has no effect`);
    else if (!row.fits(value))
      throw invalid(path, `${place}: ${key} is ${JSON.stringify(value)}, not ${row.wants}`);
    else prompt[row.setting] = key === 'sample_steps' ? limitedSteps(Number(value)) : value;
  }
  return { prompts: [prompt as unknown as PreviewPrompt], findings };
}

function readEntry(entry: unknown, path: string, place: string): PromptFile {
  if (isTable(entry)) return readTable(entry, path, place);
  if (!isText(entry)) throw invalid(path, `${place} is neither a text nor a prompt with its settings`);
  const { prompt, findings } = parsePromptLine(entry);
  return { prompts: [prompt], findings: findings.map(finding => `${place}: ${finding}`) };
}

const joined = (files: readonly PromptFile[]): PromptFile => ({
  prompts: files.flatMap(({ prompts }) => prompts),
  findings: files.flatMap(({ findings }) => findings),
});

/** `[prompt]` holds what all have in common, each `[[prompt.subset]]` is one. */
function readToml(text: string, path: string): PromptFile {
  let data: Record<string, unknown>;
  try {
    data = parse(text);
  } catch (cause) {
    throw invalid(path, `is not TOML: ${(cause as Error).message.split('\n')[0]}`, cause);
  }
  const common = data.prompt;
  const subsets = isTable(common) ? common.subset : undefined;
  if (!isTable(common) || !Array.isArray(subsets) || !subsets.every(isTable))
    throw invalid(path, 'has no [[prompt.subset]]');
  return joined(subsets.map((subset, i) => readTable({ ...common, ...subset }, path, `subset ${i + 1}`)));
}

function readJson(text: string, path: string): PromptFile {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw invalid(path, `is not JSON: ${(cause as Error).message}`, cause);
  }
  if (!Array.isArray(data)) throw invalid(path, 'does not hold a list');
  return joined(data.map((entry, i) => readEntry(entry, path, `prompt ${i + 1}`)));
}

const readers: Readonly<Record<string, (text: string, path: string) => PromptFile>> = {
  '.txt': readLines,
  '.toml': readToml,
  '.json': readJson,
};

function textOf(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (cause) {
    throw invalid(path, `cannot be read as UTF-8: ${(cause as Error).message}`, cause);
  }
}

/** Reads a prompt file by its ending. Throws PROMPTS_INVALID, also where it holds no prompt. */
export function readPromptFile(path: string): PromptFile {
  const ending = extname(path).toLowerCase();
  if (!Object.hasOwn(readers, ending)) throw invalid(path, 'its name must end in .txt, .toml or .json');
  const file = readers[ending](textOf(path), path);
  if (file.prompts.length === 0) throw invalid(path, 'holds no prompt');
  return file;
}
