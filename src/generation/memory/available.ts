/** @file How much memory this process may still take: the machine's, or what a container leaves of it. */
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Reads a file of the system; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

const readSystemFile: ReadText = path => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** `MemAvailable` of Linux in bytes: free memory and what can be freed at once, such as cached files. */
function machineAvailable(read: ReadText): number | undefined {
  const [, kilobytes] = /^MemAvailable:\s+(\d+) kB/m.exec(read('/proc/meminfo') ?? '') ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Names of one version of control groups: the limit, what is used, and which of that are cached files. */
interface GroupFiles {
  readonly root: string;
  /** What the line of `/proc/self/cgroup` looks like that has this process's group. */
  readonly line: RegExp;
  readonly limit: string;
  readonly used: string;
  readonly files: RegExp;
}

/** Linux's documentation: admin-guide/cgroup-v2.rst, admin-guide/cgroup-v1/memory.rst */
const groupVersions: readonly GroupFiles[] = [
  {
    root: '/sys/fs/cgroup',
    line: /^0::(\/.*)$/m,
    ...{ limit: 'memory.max', used: 'memory.current', files: /^(?:inactive|active)_file (\d+)$/gm },
  },
  {
    root: '/sys/fs/cgroup/memory',
    line: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m,
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    files: /^total_(?:inactive|active)_file (\d+)$/gm,
  },
];

/** A group and all above it, as far as the root that this process sees; in a container the group itself is that root. */
function foldersOf(root: string, group: string): string[] {
  const folders = [root];
  for (let path = group; path !== '/' && path !== '.'; path = dirname(path)) folders.push(join(root, path));
  return folders;
}

/** What the tightest limit of this process's control groups leaves; cached files count as left. */
function groupAvailable(read: ReadText): number {
  const groups = read('/proc/self/cgroup') ?? '';
  const left = groupVersions.flatMap(({ root, line, limit, used, files }) => {
    const [, group] = line.exec(groups) ?? [];
    if (group === undefined) return [];
    return foldersOf(root, group).map(folder => {
      const [most, now] = [limit, used].map(name => Number.parseInt(read(join(folder, name)) ?? '', 10));
      if (!Number.isFinite(most) || !Number.isFinite(now)) return Number.POSITIVE_INFINITY; // no limit reads "max"
      const cached = [...(read(join(folder, 'memory.stat')) ?? '').matchAll(files)];
      return most - now + cached.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
    });
  });
  return Math.max(0, Math.min(...left, Number.POSITIVE_INFINITY));
}

/**
 * Bytes that this process may still take before the machine swaps or kills. macOS does not tell what it could free, so
 * there all memory of the machine counts: only what can never fit is foreseen.
 */
export function availableMemory(
  read: ReadText = readSystemFile,
  platform: NodeJS.Platform = process.platform,
): number {
  if (platform === 'linux') return Math.min(machineAvailable(read) ?? freemem(), groupAvailable(read));
  return platform === 'darwin' ? totalmem() : freemem();
}

/** Bytes that this process holds for itself; pages of files count as free elsewhere. */
export function ownMemory(read: ReadText = readSystemFile): number {
  const anonymous = /^RssAnon:\s+(\d+) kB/m.exec(read('/proc/self/status') ?? '');
  return anonymous ? Number(anonymous[1]) * 1024 : process.memoryUsage.rss();
}
