/** @file Checks of this installation that take no computing: what `lora doctor` looks at, as far as a server may at any time. */
import { access, constants, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { isOffered, providers } from '../../../engine/index.ts';
import type { DataFolder } from '../../../workbench/index.ts';
import type { StudioContext } from '../../context.ts';
import { withoutPlaces } from '../../plain-places.ts';
import type { ApiDoctor } from '../../schemas/system.ts';
import { cores, diskSpace, memory } from './machine.ts';

type Check = ApiDoctor['checks'][number];

const oldestNode = [22, 18] as const;
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

function nodeCheck(): Check {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOld = major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
  const text = isOld ? `${process.version}; ${oldestNode.join('.')} or later is needed` : process.version;
  return { name: 'Node', state: isOld ? 'fault' : 'ok', text };
}

/** The library that computes: its JavaScript and its binary for this system. */
async function runtimeCheck(): Promise<Check> {
  const name = 'ONNX Runtime';
  try {
    const require = createRequire(import.meta.url);
    const manifest = require.resolve('onnxruntime-node/package.json');
    const { version } = require(manifest) as { version: string };
    const folder = join(dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch);
    const files = await readdir(folder).catch(() => []);
    if (files.some(file => file.endsWith('.node'))) return { name, state: 'ok', text: version };
    return { name, state: 'fault', text: `${version} has no binary for ${process.platform} ${process.arch}` };
  } catch {
    return { name, state: 'fault', text: 'it is not installed; run npm install again' };
  }
}

const pictureCheck = (): Check => ({
  ...{ name: 'Pictures', state: 'ok' },
  text: `sharp ${sharp.versions.sharp}, libvips ${sharp.versions.vips}`,
});

function deviceCheck(chosen: string): Check {
  const offered = (Object.keys(providers) as (keyof typeof providers)[]).filter(isOffered);
  const isKnown = chosen === 'auto' || (offered as string[]).includes(chosen);
  const list = `this installation has ${offered.join(', ')}`;
  return isKnown
    ? { name: 'Device', state: 'ok', text: `${chosen} is chosen; ${list}` }
    : { name: 'Device', state: 'fault', text: `${chosen} is chosen, and ${list}; see \`lora doctor\`` };
}

function memoryCheck(): Check {
  const { total, available } = memory();
  const text = `${gigabytes(available)} of ${gigabytes(total)} can be used, ${cores()} cores`;
  return { name: 'Memory', state: available < 1e9 ? 'warning' : 'ok', text };
}

async function diskCheck({ path }: DataFolder, reserve: number): Promise<Check> {
  const { free, total } = await diskSpace(path);
  if (total === 0) return { name: 'Disk', state: 'warning', text: 'its file system does not count' };
  const text = `${gigabytes(free)} of ${gigabytes(total)} are free`;
  if (free < reserve) return { name: 'Disk', state: 'fault', text: `${text}: no job begins` };
  return { name: 'Disk', state: free < 2 * reserve ? 'warning' : 'ok', text };
}

async function folderCheck(data: DataFolder): Promise<Check> {
  const { path, loras, checkpoints, datasets, pictures, uploads, jobs, logs, cache } = data;
  const closed: string[] = [];
  for (const folder of [path, loras, checkpoints, datasets, pictures, uploads, jobs, logs, cache])
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK).catch(() =>
      closed.push(basename(folder)),
    );
  if (closed.length === 0) return { name: 'Data folder', state: 'ok', text: 'all of it can be written' };
  return { name: 'Data folder', state: 'fault', text: `these cannot be written: ${closed.join(', ')}` };
}

function libraryCheck({ library }: StudioContext): Check {
  const folders = library.folders();
  const missing = folders.filter(({ state }) => state === 'missing').length;
  const files = folders.reduce((sum, folder) => sum + folder.files, 0);
  const text = `${files} files in ${folders.length} folders${missing > 0 ? `, ${missing} of them cannot be reached` : ''}`;
  return { name: 'Library', state: missing > 0 ? 'warning' : 'ok', text };
}

function workerCheck(context: StudioContext): Check {
  const { trouble, children } = context.supervisor.status();
  const open = `${children.length} child ${children.length === 1 ? 'process' : 'processes'} open`;
  return trouble
    ? { name: 'Jobs', state: 'fault', text: withoutPlaces(trouble.message, context) }
    : { name: 'Jobs', state: 'ok', text: open };
}

export async function doctorOf(context: StudioContext): Promise<ApiDoctor> {
  const { data, settings } = context;
  const { device, reserveMegabytes } = settings.get();
  return {
    checks: [
      ...[nodeCheck(), await runtimeCheck(), pictureCheck(), deviceCheck(device), memoryCheck()],
      ...[await diskCheck(data, reserveMegabytes * 1e6), await folderCheck(data)],
      ...[libraryCheck(context), workerCheck(context)],
    ],
  };
}
