/** @file `lora studio`: the web page, the HTTP API and the queue, in one process. */
import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { exitCodes, usageError } from '../../errors.ts';
import { isLoopback, type Studio, startStudio, usualPort } from '../../server/index.ts';
import { usualDataFolder } from '../../workbench/index.ts';
import { collect, integerOption } from '../numbers.ts';
import { openTerminal, type Terminal } from '../terminal.ts';

interface Options {
  port: number;
  host: string;
  data?: string;
  allowHost: string[];
  corsOrigin: string[];
  newToken: boolean;
  open?: boolean;
  json: boolean;
}

function checkOrigins(origins: readonly string[]): void {
  for (const origin of origins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    throw usageError(
      'ORIGIN_INVALID',
      `--cors-origin ${origin} is no origin`,
      'Write https://example.org, without a path.',
    );
  }
}

function checkHosts(hosts: readonly string[]): void {
  for (const host of hosts) {
    if (/^[\w.-]+(?::\d{1,5})?$|^\[[\da-fA-F:]+\](?::\d{1,5})?$/.test(host)) continue;
    throw usageError(
      'HOST_INVALID',
      `--allow-host ${host} is no name of a host`,
      'Write lora.example.org, or lora.example.org:8443.',
    );
  }
}

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};

/** Where nobody sits before the machine there is no browser to open. */
const hasDesktop = (): boolean =>
  process.stdout.isTTY === true &&
  !process.env.SSH_CONNECTION &&
  (process.platform !== 'linux' || !!(process.env.DISPLAY || process.env.WAYLAND_DISPLAY));

/**
 * A browser is started with a file that leads to the address: what stands on a command line, every user of the machine can
 * read.
 */
async function openBrowser({ signInAddress, data }: Studio): Promise<void> {
  const page = `<!doctype html><meta charset="utf-8"><title>LoRA Studio</title><script>location.replace(${JSON.stringify(signInAddress)})</script>`;
  const file = join(data.path, 'open.html');
  await rm(file, { force: true });
  await writeFile(file, page, { mode: 0o600 });
  const [command, ...words] = openers[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...words, file], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined); // the address is printed as well
  child.unref();
}

/** Resolves at the first signal; a second one ends the process at once. */
function untilStopped(terminal: Terminal): Promise<void> {
  return new Promise(resolve => {
    let first = 0;
    const stop = (): void => {
      if (first > 0) {
        // A terminal may pass Ctrl-C on twice.
        if (performance.now() - first > 500) process.exit(exitCodes.interrupted);
        return;
      }
      first = performance.now();
      terminal.note('stopping: running jobs save their state …');
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  });
}

function tellStart(studio: Studio, { host }: Options, terminal: Terminal): void {
  const { address, signInAddress, data } = studio;
  const text = [
    `The studio is at ${signInAddress}`,
    `data    ${data.path}`,
    'clients of A1111 and OpenAI: the same address; the token, which stands after token=, is the password or key',
    ...(isLoopback(host)
      ? []
      : ['Others on your network can reach it, and need the token. What is sent is not encrypted.']),
    'Ctrl-C stops it; running jobs save their state and go on at the next start.',
  ];
  terminal.result(
    { address, signInAddress, token: studio.token, port: studio.port, data: data.path, pid: process.pid },
    text.join('\n'),
  );
}

async function run(options: Options): Promise<void> {
  const terminal = openTerminal(options.json);
  const { port, host, data, allowHost, corsOrigin, newToken } = options;
  if (port > 65_535) throw usageError('PORT_INVALID', `--port ${port}: give a number from 0 to 65535`);
  checkOrigins(corsOrigin);
  checkHosts(allowHost);
  const studio = await startStudio({
    ...{ port, host, data, allowHosts: allowHost, origins: corsOrigin, renewToken: newToken },
    note: text => terminal.note(text),
  });
  const stopped = untilStopped(terminal);
  tellStart(studio, options, terminal);
  if (options.open ?? hasDesktop()) await openBrowser(studio).catch(() => undefined); // it is printed as well
  await stopped;
  await studio.stop();
  await rm(join(studio.data.path, 'open.html'), { force: true });
  process.exit(exitCodes.ok);
}

export function studioCommand(): Command {
  return new Command('studio')
    .description('the studio: a web page, an HTTP API and a queue that survives crashes, on this machine')
    .option('--port <n>', 'where it listens; 0 for any free port', integerOption('--port'), usualPort)
    .option('--host <address>', 'on which address; 0.0.0.0 lets others in, with the token', '127.0.0.1')
    .option('--data <folder>', `where its files are (default: ${usualDataFolder()})`)
    .option(
      '--allow-host <name>',
      'another name under which it is reached, e.g. behind a proxy; may be repeated',
      collect,
      [],
    )
    .option(
      '--cors-origin <origin>',
      'another page that may use it, e.g. https://example.org; may be repeated',
      collect,
      [],
    )
    .option('--new-token', 'make another token, which signs everybody out', false)
    .option('--open', 'open the page in a browser (the usual thing on a desktop)')
    .option('--no-open', 'do not open a browser')
    .option('--json', 'machine-readable start on stdout', false)
    .action(run);
}
