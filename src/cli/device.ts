/** @file `--device`: where graphs run. */
import type { SessionOptions } from '../engine/index.ts';
import { usageError } from '../errors.ts';

export type DeviceName = 'auto' | 'cpu' | 'webgpu';

/** Auto is the CPU for now: it is the provider whose speed and memory are measured. */
export function sessionFor(device: string): SessionOptions {
  if (device === 'auto' || device === 'cpu') return { provider: 'cpu' };
  if (device === 'webgpu') return { provider: 'webgpu' };
  throw usageError('DEVICE_UNKNOWN', `--device ${device} is not known`, 'Devices: auto, cpu, webgpu.');
}
