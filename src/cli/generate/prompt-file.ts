/** @file A file of prompts, a picture a line. */
import { readFileSync, statSync } from 'node:fs';
import { badInput, usageError } from '../../errors.ts';

const mostBytes = 16 * 2 ** 20;

/** Lines that are neither empty nor begin with `#`. Throws PROMPTS_NOT_FOUND, PROMPTS_INVALID. */
export function readPromptFile(path: string): string[] {
  const facts = statSync(path, { throwIfNoEntry: false });
  if (!facts?.isFile()) throw badInput('PROMPTS_NOT_FOUND', `--prompts ${path}: there is no such file`);
  if (facts.size > mostBytes)
    throw badInput('PROMPTS_INVALID', `--prompts ${path} has ${facts.size} bytes; the limit is ${mostBytes}`);
  const lines = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'));
  if (lines.length > 0) return lines;
  throw badInput('PROMPTS_INVALID', `--prompts ${path} holds no prompt`, 'Write a prompt a line.');
}

/** The prompts of a command: one, or those of a file. Throws PROMPT_MISSING where there are both or none. */
export function promptsOf(prompt: string | undefined, file: string | undefined): string[] {
  if (prompt !== undefined && file === undefined) return [prompt];
  if (prompt === undefined && file !== undefined) return readPromptFile(file);
  const message = prompt === undefined ? 'there is no prompt' : 'there are a prompt and a file of prompts';
  throw usageError('PROMPT_MISSING', message, 'Give a prompt in quotes, or a file with --prompts.');
}
