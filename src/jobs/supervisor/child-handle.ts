/** @file A child process as its supervisor sees it: started, spoken to, closed or killed, and what it left behind. */
import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataFolder } from '../../workbench/index.ts';
import { type OrderMessage, type ReportMessage, reportMessage } from '../child/messages.ts';
import { identityOf, type ProcessIdentity } from './process-identity.ts';

const mainUrl = new URL(`../child/main${extname(import.meta.url)}`, import.meta.url);

export interface ChildDeath {
  readonly signal: NodeJS.Signals | null;
  readonly status: number | null;
  /** The last lines that it wrote to stderr. */
  readonly lastWords: string;
  /** This side killed it. */
  readonly isKilled: boolean;
}

export interface ChildHandle {
  readonly pid: number;
  /** Rejects when it dies before it is ready. */
  readonly ready: Promise<ProcessIdentity>;
  readonly death: Promise<ChildDeath>;
  readonly isDead: () => boolean;
  /** Says nothing to a dead one. */
  send(order: OrderMessage): void;
  /** Lets it release what it holds and end; killed when that takes too long. */
  close(): Promise<ChildDeath>;
  kill(): void;
}

export interface ChildOptions {
  readonly data: DataFolder;
  /** The module of runners. */
  readonly runners: URL;
  readonly niceness: number;
  readonly device: string;
  readonly execPath: string;
  readonly closeMs: number;
  readonly onReport: (message: ReportMessage) => void;
  /** It said what it may not say. */
  readonly onNonsense: (what: string) => void;
}

const keptWords = 4000;

/** The end of what a stream says. */
function lastWordsOf(stream: NodeJS.ReadableStream | null): () => string {
  let words = '';
  stream?.on('data', (piece: Buffer) => {
    words = (words + piece.toString('utf8')).slice(-keptWords);
  });
  return () => words.trim().split('\n').slice(-20).join('\n');
}

function startProcess({ data, runners, niceness, execPath, device }: ChildOptions): ChildProcess {
  const given = [process.pid, runners.href, JSON.stringify(data), niceness, device].map(String);
  return fork(fileURLToPath(mainUrl), given, {
    execPath,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
}

export function startChild(options: ChildOptions): ChildHandle {
  const child = startProcess(options);
  const lastWords = lastWordsOf(child.stderr);
  child.stdout?.resume();
  let [isDead, isKilled] = [false, false];
  let failure = '';
  const death = new Promise<ChildDeath>(resolve => {
    // `close`, not `exit`: what it wrote last is read by then. A grandchild may hold the streams open for longer.
    const end = (status: number | null, signal: NodeJS.Signals | null): void => {
      isDead = true;
      resolve({ status, signal, lastWords: lastWords() || failure, isKilled });
    };
    child.on('close', end);
    child.on('exit', (status, signal) => {
      isDead = true;
      setTimeout(end, 500, status, signal).unref();
    });
    child.on('error', error => {
      failure = error.message;
      if (child.pid === undefined) end(null, null); // it could not be started
    });
  });
  const kill = (): void => {
    isKilled = true;
    child.kill('SIGKILL');
  };
  const ready = Promise.withResolvers<ProcessIdentity>();
  ready.promise.catch(() => undefined);
  void death.then(({ lastWords: words }) => ready.reject(new Error(words || 'it ended at once')));
  child.on('message', (message: unknown) => {
    const heard = reportMessage.safeParse(message);
    if (!heard.success) options.onNonsense(heard.error.issues[0]?.message ?? 'unknown');
    else if (heard.data.type === 'ready') void identityOf(child.pid as number).then(ready.resolve);
    else options.onReport(heard.data);
  });
  const send = (order: OrderMessage): void => {
    if (!isDead && child.connected) child.send(order, () => undefined); // one that dies meanwhile is seen by `death`
  };
  return {
    pid: child.pid ?? 0,
    ...{ ready: ready.promise, death, isDead: () => isDead, send, kill },
    close: () => {
      send({ type: 'close' });
      const timer = setTimeout(kill, options.closeMs);
      void death.then(() => clearTimeout(timer));
      return death;
    },
  };
}

/** Why an attempt ended with its child, and what can be done about it. */
export function deathError({ signal, status, lastWords }: ChildDeath): {
  code: string;
  message: string;
  hint: string;
} {
  const how = signal ? `was ended by ${signal}` : `ended with status ${status}`;
  const isMemory =
    signal === 'SIGKILL' || /out of memory|bad_alloc|Failed to allocate|ENOMEM/i.test(lastWords);
  const hint = isMemory
    ? 'Probably the memory of the machine was used up: close other programs, or take a smaller size, batch or rank, or a base held in fewer bits.'
    : 'It is tried again. If it happens every time, please report it with the log of the job.';
  return {
    code: 'JOB_DIED',
    message: `the process of the job ${how}${lastWords ? `; its last words:\n${lastWords}` : ''}`,
    hint,
  };
}
