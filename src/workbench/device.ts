/** @file `--device`: where graphs run. */
import {
  describePlacement,
  deviceSpeed,
  type ExecutionProvider,
  isOffered,
  type Placement,
  probeProvider,
  providers,
  requireOffered,
  type SessionOptions,
  tryProvider,
} from '../engine/index.ts';
import { usageError } from '../errors.ts';
import { choicesOf, readTuning } from './tuning-file.ts';

export type DeviceName = ExecutionProvider | 'auto';

export const deviceHelp = `auto, ${Object.keys(providers).join(', ')}`;

/** Core ML knows few of training's operations, so it is never chosen for the user. */
const automatic: readonly ExecutionProvider[] = ['cuda', 'directml', 'webgpu'];

/** Throws where there is no such device in any installation. */
export function checkDevice(device: string): asserts device is DeviceName {
  if (device === 'auto' || Object.hasOwn(providers, device)) return;
  throw usageError('DEVICE_UNKNOWN', `--device ${device} is not known`, `Devices: ${deviceHelp}.`);
}

/** The first device that works here and is faster than the processor; a software driver works, but is slower. */
async function fastest(note: (text: string) => void): Promise<ExecutionProvider> {
  const cpuSpeed = await deviceSpeed('cpu');
  for (const provider of automatic.filter(isOffered)) {
    const { works, gflops = 0 } = await probeProvider(provider);
    if (!works) continue;
    const figures = `${gflops.toFixed(gflops < 10 ? 1 : 0)} GFLOP/s, the processor ${cpuSpeed.toFixed(0)}`;
    if (gflops > cpuSpeed) {
      note(`device: ${provider} (${figures})`);
      return provider;
    }
    note(`device: not ${provider}, which is slower here (${figures})`);
  }
  note('device: cpu');
  return 'cpu';
}

/** Says each thing once, however many sessions there are. */
function reportFallback(provider: ExecutionProvider, note: (text: string) => void) {
  const said = new Set<string>();
  return (placement: Placement): void => {
    const text = describePlacement(placement);
    if (!text || said.has(text)) return;
    said.add(text);
    note(`${provider}: ${text}`);
  };
}

/** Session options for a device that is known to work here; `note` hears what was chosen and what falls back. */
export async function openDevice(device: string, note: (text: string) => void): Promise<SessionOptions> {
  checkDevice(device);
  const provider = device === 'auto' ? await fastest(note) : device;
  if (provider === 'cpu') {
    const convolutions = choicesOf(readTuning(note));
    return convolutions ? { provider, convolutions } : { provider };
  }
  requireOffered(provider);
  await tryProvider(provider);
  return { provider, onPlacement: reportFallback(provider, note) };
}
