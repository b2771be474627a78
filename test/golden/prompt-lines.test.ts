/** Prompt files against sd-scripts' own functions (tools/goldens/prompt_lines.py). */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readPromptFile } from '../../src/training/previews/prompt-file.ts';
import {
  type PreviewPrompt,
  parsePromptLine,
  writePromptLine,
} from '../../src/training/previews/prompt-line.ts';
import { temporaryFolder } from '../support/pictures.ts';

type Read = Readonly<Record<string, string | number>>;
interface Golden {
  readonly lines: readonly { line: string; read: Read }[];
  /** sd-scripts takes the start of these prompts for a flag. */
  readonly inPrompt: readonly { line: string; read: Read }[];
  readonly files: readonly { name: string; text: string; prompts: readonly Read[] }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('./data/prompt-lines.json', import.meta.url), 'utf8'));

/** Ours in sd-scripts' words. */
const inTheirWords = (prompt: PreviewPrompt): Read => {
  const { negativePrompt, seed, steps, guidance, sampler, ...same } = prompt;
  return {
    ...same,
    ...(negativePrompt === undefined ? {} : { negative_prompt: negativePrompt }),
    ...(seed === undefined ? {} : { seed: String(seed) }),
    ...(steps === undefined ? {} : { sample_steps: steps }),
    ...(guidance === undefined ? {} : { scale: guidance }),
    ...(sampler === undefined ? {} : { sample_sampler: sampler }),
  };
};

/** What means nothing for Stable Diffusion is told, and not kept; `enum` is the place in the file. */
const ofStableDiffusion = (read: Read): Read => {
  const { guidance_scale, controlnet_image, cfg_trunc_ratio, renorm_cfg, flow_shift, ...rest } = read;
  const { enum: _, ...kept } = rest;
  return { prompt: '', ...kept }; // as it is drawn without one
};

describe('prompt lines', () => {
  test.each(golden.lines)('$line', ({ line, read }) => {
    const { prompt, findings } = parsePromptLine(line);
    expect(inTheirWords(prompt)).toEqual(ofStableDiffusion(read));
    // Whatever of the flags left no mark is told.
    const flags = line.trim().split(' --').length - 1;
    const marks = Object.keys(prompt).length - 1;
    const isTwice = line.includes('--w 512 --w 256');
    expect(findings.length).toBeGreaterThanOrEqual(flags - marks - Number(isTwice));
  });

  test.each(golden.lines)('$line: what is read can be written', ({ line }) => {
    const { prompt } = parsePromptLine(line);
    const again = parsePromptLine(writePromptLine(prompt));
    const trimmed = Object.fromEntries(
      Object.entries(prompt).map(([key, value]) => [key, typeof value === 'string' ? value.trim() : value]),
    );
    const { prompt: kept } = again;
    const keptTrimmed = Object.fromEntries(
      Object.entries(kept).map(([key, value]) => [key, typeof value === 'string' ? value.trim() : value]),
    );
    expect(keptTrimmed).toEqual(trimmed); // spaces at the ends of a line do not count
  });
});

test.each(golden.inPrompt)('$line: not a flag, as sd-scripts has it, but the prompt', ({ line, read }) => {
  const { prompt } = parsePromptLine(line);
  expect(prompt.prompt).toBe(read.prompt);
  expect(Object.keys(inTheirWords(prompt)).length).toBe(Object.keys(read).length - 1);
});

test.each(golden.files)('$name', ({ name, text, prompts }) => {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  expect(readPromptFile(path).prompts.map(inTheirWords)).toEqual(prompts.map(ofStableDiffusion));
});

test.each([
  ['p.yaml', 'a cat', /must end in/],
  ['p.txt', '\n# nothing\n', /holds no prompt/],
  ['p.toml', 'prompt = 1', /no \[\[prompt\.subset\]\]/],
  ['p.toml', '[prompt', /is not TOML/],
  ['p.json', '{}', /does not hold a list/],
  ['p.json', '[1]', /prompt 1 is neither/],
  ['p.json', '[{"width": "512"}]', /prompt 1: width is "512", not a whole number/],
])('%s: %s', (name, text, message) => {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  expect(() => readPromptFile(path)).toThrow(message);
});

test.each([
  ['a cat --w 512.75', /"\.75" behind 512/],
  ['a cat --neg bad', /--neg bad has no effect: there is no such flag/],
  ['a cat --g 3', /guidance of FLUX/],
  ['a cat --l 1.2.3', /not understood/],
  ['--w 512', /is read as the prompt/],
])('told: %s', (line, message) => {
  expect(parsePromptLine(line).findings.join()).toMatch(message);
});
