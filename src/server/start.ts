/** @file `lora studio`: opens a data folder, its queue, library and supervisor, and serves them until it is stopped. */
import { createHmac } from 'node:crypto';
import { accessSync, chmodSync, constants, readdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { LoraError } from '../errors.ts';
import { openSqliteQueue, openSupervisor } from '../jobs/index.ts';
import { openDatasets, openLibrary, openPictures } from '../library/index.ts';
import { type DataFolder, dataFolderAt, makeDataFolders } from '../workbench/index.ts';
import { openApp } from './app.ts';
import type { StudioContext } from './context.ts';
import { lockData } from './data-lock.ts';
import { openEventHub } from './events.ts';
import { followStudio } from './follow.ts';
import { keepHouse, openScan } from './housekeeping.ts';
import { openLog } from './log.ts';
import { buildPage } from './page.ts';
import { openQueueGate } from './queue-gate.ts';
import { studioRoutes } from './routes.ts';
import { bracketed, hostRule } from './security/hosts.ts';
import { openThrottle } from './security/throttle.ts';
import { openToken } from './security/token.ts';
import { openSettings } from './settings.ts';

export interface StudioOptions {
  /** The usual data folder unless said. */
  readonly data?: string | undefined;
  readonly host?: string | undefined;
  /** 0 leaves it to the system. */
  readonly port?: number | undefined;
  /** Other names under which it is reached: of a proxy, or of this machine. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Origins of other pages that may use it. */
  readonly origins?: readonly string[] | undefined;
  readonly renewToken?: boolean | undefined;
  readonly note?: ((text: string) => void) | undefined;
  /** Without the page: for programs and tests. */
  readonly hasPage?: boolean | undefined;
}

export interface Studio {
  /** `http://127.0.0.1:7860` */
  readonly address: string;
  /** With the token in it, for a browser: what stands after `#` is not sent. */
  readonly signInAddress: string;
  readonly token: string;
  readonly port: number;
  readonly data: DataFolder;
  readonly context: StudioContext;
  /** Running jobs save their state and go back to the queue. */
  stop(): Promise<void>;
}

export const usualPort = 7860;

function checkWritable({ path }: DataFolder): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (cause) {
    const hint = 'Give yourself the right to write there, or name another folder with --data.';
    throw new LoraError('DATA_READ_ONLY', `${path} cannot be written`, { hint, cause });
  }
}

function makeFolders(data: DataFolder): void {
  try {
    makeDataFolders(data);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const hint = 'Name another folder with --data.';
    const known = code === 'ENOSPC' ? 'DISK_FULL' : 'DATA_READ_ONLY';
    throw new LoraError(known, `the data folder cannot be made: ${message}`, { hint, cause });
  }
  checkWritable(data);
}

const listenErrors: Readonly<Record<string, { code: string; hint: string }>> = {
  EADDRINUSE: {
    code: 'PORT_IN_USE',
    hint: 'Another program has it (A1111 uses 7860 too). Give --port 7861, or 0 for any.',
  },
  EACCES: { code: 'PORT_FORBIDDEN', hint: 'Ports below 1024 need more rights. Give --port 7860.' },
  EADDRNOTAVAIL: {
    code: 'HOST_NOT_HERE',
    hint: 'Give an address of this machine: --host 127.0.0.1, or 0.0.0.0 for all.',
  },
  ENOTFOUND: {
    code: 'HOST_NOT_HERE',
    hint: 'Give an address of this machine: --host 127.0.0.1, or 0.0.0.0 for all.',
  },
};

/** What people wrote and drew is theirs alone, also in a folder that others may look into. */
function hideDatabases({ path }: DataFolder): void {
  for (const name of readdirSync(path))
    if (/\.sqlite(?:-wal|-shm)?$/.test(name)) chmodSync(join(path, name), 0o600);
}

/**
 * Throws STUDIO_RUNNING, DATA_READ_ONLY, DISK_FULL, PORT_IN_USE, HOST_NOT_HERE, PAGE_NOT_BUILT and what the queue and the
 * library say of their files.
 */
export async function startStudio(options: StudioOptions = {}): Promise<Studio> {
  const {
    host = '127.0.0.1',
    allowHosts = [],
    origins = [],
    note = () => undefined,
    hasPage = true,
  } = options;
  const data = dataFolderAt(options.data);
  makeFolders(data);
  /** What was opened, to be closed in the other order. */
  const opened: (() => Promise<void> | void)[] = [];
  /** Each one, whatever the others say; the first that failed is told at the end. */
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const close of opened.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    opened.push(lockData(data));
    const token = await openToken(data.tokenFile, options.renewToken);
    const settings = openSettings(data.settingsFile, note);
    const log = openLog(data.logs, () => settings.get().logMegabytes * 1e6);
    opened.push(() => log.close());
    const page = hasPage ? await buildPage(note) : undefined;
    const queue = openSqliteQueue(data.jobsFile);
    opened.push(() => queue.close());
    const library = openLibrary(data);
    opened.push(() => library.close());
    const datasets = openDatasets(data);
    opened.push(() => datasets.close());
    const pictures = openPictures(data);
    opened.push(() => pictures.close());
    hideDatabases(data);
    const hub = openEventHub();
    const queueGate = openQueueGate(queue, data);
    const supervisor = await openSupervisor({
      ...{ queue: queueGate.queue, data, minFreeBytes: () => settings.get().reserveMegabytes * 1e6 },
      device: () => settings.get().device,
      log: {
        info: text => log.info({ from: 'supervisor' }, text),
        warn: text => log.warn({ from: 'supervisor' }, text),
        error: text => log.error({ from: 'supervisor' }, text),
      },
    });
    opened.push(() => supervisor.stop());
    let port = options.port ?? usualPort;
    const startedAt = Date.now();
    // On this machine alone its names stay what they are; other addresses come and go with networks.
    let rule = hostRule(host, port, allowHosts);
    const { isLocal } = rule;
    const shownHost = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : bracketed(host);
    const address = (): string => `http://${shownHost}:${port}`;
    const context: StudioContext = {
      ...{
        data,
        queue,
        queueGate,
        library,
        datasets,
        pictures,
        supervisor,
        log,
        settings,
        isLocal,
        startedAt,
        address,
      },
      ...{ tell: hub.tell, scans: openScan({ library, log, tell: hub.tell }) },
      secret: createHmac('sha256', token.text).update('addresses').digest('base64url'),
      previewOf: (id, name) => supervisor.previewOf(id, name ?? supervisor.previewsOf(id).at(-1) ?? ''),
      releaseMemory: () => supervisor.recycle(),
    };
    const isNew = async (): Promise<boolean> =>
      (await queue.list({ kinds: ['train', 'generate'], limit: 1 })).total === 0 &&
      (await pictures.list({ limit: 1 })).total === 0;
    const routes = studioRoutes({
      ...{ token, port: () => port, isNew, page },
      fault: () => supervisor.status().trouble?.code,
    });
    const app = await openApp({
      ...{ context, routes, hub, token, throttle: openThrottle(), origins: new Set(origins) },
      address: () => ({ rule: isLocal ? rule : hostRule(host, port, allowHosts), port }),
    });
    opened.push(async () => {
      hub.close();
      await app.close();
    });
    opened.push(followStudio(context));
    opened.push(keepHouse(context));
    try {
      await app.listen({ host, port });
    } catch (cause) {
      const known = listenErrors[(cause as NodeJS.ErrnoException).code ?? ''];
      if (!known) throw cause;
      throw new LoraError(known.code, `${host}:${port} cannot be listened on`, { hint: known.hint, cause });
    }
    port = (app.server.address() as AddressInfo).port;
    rule = hostRule(host, port, allowHosts);
    log.info({ host, port }, 'the studio is there');
    let stopping: Promise<void> | undefined;
    return {
      ...{
        address: address(),
        signInAddress: `${address()}/#token=${token.text}`,
        token: token.text,
        port,
        data,
        context,
      },
      stop: () => (stopping ??= closeAll()),
    };
  } catch (error) {
    await closeAll().catch(() => undefined); // what went wrong first is what counts
    throw error;
  }
}
