/** @file Runs `lora` commands for tests: in this process, which is quick, or as a user does, in one of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { reportError } from '../../src/cli/terminal.ts';

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

type Write = typeof process.stdout.write;

/** Catches what is written to a stream until `stop`. */
function catchOutput(stream: NodeJS.WriteStream): { text(): string; stop(): void } {
  const original = stream.write;
  let text = '';
  stream.write = ((chunk: string | Uint8Array) => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    return true;
  }) as Write;
  return {
    text: () => text,
    stop: () => {
      stream.write = original;
    },
  };
}

/** Runs one command in this process, with what src/cli/main.ts does around it. */
export async function runHere(command: Command, ...options: string[]): Promise<Outcome> {
  const [out, err] = [catchOutput(process.stdout), catchOutput(process.stderr)];
  const signals = (['SIGINT', 'SIGTERM'] as const).map(name => ({ name, before: process.listeners(name) }));
  const exitCodeBefore = process.exitCode;
  process.exitCode = 0;
  try {
    await command.exitOverride().parseAsync(options, { from: 'user' });
  } catch (error) {
    process.exitCode = reportError(error, options.includes('--json'));
  } finally {
    out.stop();
    err.stop();
    for (const { name, before } of signals) {
      for (const listener of process.listeners(name))
        if (!before.includes(listener)) process.off(name, listener);
    }
  }
  const status = Number(process.exitCode);
  process.exitCode = exitCodeBefore;
  return { status, stdout: out.text(), stderr: err.text() };
}

/** A Node that runs TypeScript: that of the tests, or the one that npm brings. */
const [major, minor] = process.versions.node.split('.').map(Number);
const beside = 'node_modules/node/bin/node';
const runsTypeScript = major > 22 || (major === 22 && minor >= 18) || !existsSync(beside);
export const node = runsTypeScript ? process.execPath : beside;

export interface Running {
  readonly process: ChildProcess;
  /** Resolves when this text has come on stderr, or the process is over. */
  seen(text: string): Promise<void>;
  readonly outcome: Promise<Outcome>;
}

/** Starts a program with its output caught; `lora` itself when only its options are given. */
export function start(options: string[], program = [node, 'src/cli/main.ts'], env = {}): Running {
  const [file, ...rest] = [...program, ...options];
  const child = spawn(file, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  const waiting = new Set<() => void>();
  child.stdout.on('data', chunk => {
    stdout += chunk;
  });
  child.stderr.on('data', chunk => {
    stderr += chunk;
    for (const check of waiting) check();
  });
  const outcome = new Promise<Outcome>(resolve => {
    child.on('close', status => resolve({ status: status ?? -1, stdout, stderr }));
  });
  return {
    process: child,
    outcome,
    seen: text =>
      Promise.race([
        outcome.then(() => undefined),
        new Promise<void>(resolve => {
          const check = (): void => {
            if (!stderr.includes(text)) return;
            waiting.delete(check);
            resolve();
          };
          waiting.add(check);
          check();
        }),
      ]),
  };
}
