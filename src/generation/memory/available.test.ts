/** What is left of a machine and of a container, from the files of either. */
import { expect, test } from 'vitest';
import { availableMemory } from './available.ts';

const meminfo = 'MemTotal:       24500000 kB\nMemFree:  1000 kB\nMemAvailable:   20000000 kB\n';
const machine = 20_000_000 * 1024;
const from = (files: Readonly<Record<string, string>>) => availableMemory(path => files[path], 'linux');

test('a machine without limits: free memory and what can be freed', () => {
  const files = {
    '/proc/meminfo': meminfo,
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': 'max\n',
  };
  expect(from(files)).toBe(machine);
  expect(from({ '/proc/meminfo': meminfo })).toBe(machine);
});

test('a container: its limit less what it uses, where cached files are no use', () => {
  const files = {
    '/proc/meminfo': meminfo,
    '/proc/self/cgroup': '0::/\n',
    '/sys/fs/cgroup/memory.max': '4000000000\n',
    '/sys/fs/cgroup/memory.current': '3500000000\n',
    '/sys/fs/cgroup/memory.stat':
      'anon 400000000\nfile 3000000000\ninactive_file 2000000000\nactive_file 1000000000\n',
  };
  expect(from(files)).toBe(3_500_000_000);
});

test('the tightest of nested groups counts, a used up one leaves nothing', () => {
  const files = {
    '/proc/meminfo': meminfo,
    '/proc/self/cgroup': '0::/user.slice/app.scope\n',
    '/sys/fs/cgroup/user.slice/memory.max': '1000\n',
    '/sys/fs/cgroup/user.slice/memory.current': '900\n',
    '/sys/fs/cgroup/user.slice/app.scope/memory.max': 'max\n',
    '/sys/fs/cgroup/user.slice/app.scope/memory.current': '800\n',
  };
  expect(from(files)).toBe(100);
  expect(from({ ...files, '/sys/fs/cgroup/user.slice/memory.current': '1100\n' })).toBe(0);
});

test('the older control groups: a limit beyond all memory is none', () => {
  const files = {
    '/proc/meminfo': meminfo,
    '/proc/self/cgroup': '9:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n',
    '/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes': '9223372036854771712\n',
    '/sys/fs/cgroup/memory/docker/a/memory.usage_in_bytes': '1000\n',
  };
  expect(from(files)).toBe(machine);
  const limited = { ...files, '/sys/fs/cgroup/memory/memory.limit_in_bytes': '5000\n' };
  expect(from({ ...limited, '/sys/fs/cgroup/memory/memory.usage_in_bytes': '2000\n' })).toBe(3000);
});

test('this machine has some', () => {
  expect(availableMemory()).toBeGreaterThan(2 ** 20);
});
