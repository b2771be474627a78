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
const [major, minor] = process.versions.node.split('.').map(Number);

const runsTypeScript = major > 22 || (major === 22 && minor >= 18) || main === built;

if (runsTypeScript) {
  module.enableCompileCache?.(compiled);
  await import(main);
} else {
  const newer = path('../node_modules/node/bin/node');
  if (!existsSync(newer)) {
    console.error(
      `lora needs Node 22.18 or newer; this is ${process.versions.node}. Run npm ci, which brings one.`,
    );
    process.exit(1);
  }
  const env = { NODE_COMPILE_CACHE: compiled, ...process.env };
  const child = spawn(newer, [main, ...process.argv.slice(2)], { stdio: 'inherit', env });
  const stops = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of stops) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => {
    if (signal && !stops.includes(signal)) console.error(`lora was ended by ${signal}`);
    process.exit(signal ? (stops.includes(signal) ? 130 : 1) : (status ?? 1));
  });
}
