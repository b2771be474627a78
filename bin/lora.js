#!/usr/bin/env node
// Starts the command line with a Node that runs TypeScript: this one, or the one that npm installed beside us.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = relative => fileURLToPath(new URL(relative, import.meta.url));
const built = path('../dist/cli/main.js');
const main = existsSync(built) ? built : path('../src/cli/main.ts');
// Stripped and compiled sources are kept, which halves the time to the first sampling step.
const compiled = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'lora-studio', 'compiled');
// Commands that hold large activations: the heap keeps what is freed, instead of giving it back and asking again.
const heap = { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: '100000000000', MALLOC_TOP_PAD_: '67108864' };
const isHeavy = process.platform === 'linux' && ['train', 'bench', 'demo'].includes(process.argv[2]);
const isPrepared = !isHeavy || process.env.MALLOC_MMAP_MAX_ !== undefined;
const [major, minor] = process.versions.node.split('.').map(Number);

const runsTypeScript = major > 22 || (major === 22 && minor >= 18) || main === built;

if (runsTypeScript && isPrepared) {
  module.enableCompileCache?.(compiled);
  await import(main);
} else {
  const newer = runsTypeScript ? process.execPath : path('../node_modules/node/bin/node');
  if (!existsSync(newer)) {
    console.error(
      `lora needs Node 22.18 or newer; this is ${process.versions.node}. Run npm ci, which brings one.`,
    );
    process.exit(1);
  }
  const env = { NODE_COMPILE_CACHE: compiled, ...(isHeavy ? heap : {}), ...process.env };
  const child = spawn(newer, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => process.exit(signal ? 130 : (status ?? 1)));
}
