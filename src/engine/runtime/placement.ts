/** @file Where the operations of a session ran, read from the profile that ONNX Runtime writes of the first run. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Placement {
  /** Operations of the optimised model. */
  readonly operations: number;
  /** ONNX operation → how many of them ran on the CPU because the provider lacks them. */
  readonly onCpu: ReadonlyMap<string, number>;
  /** Tensors copied between the CPU and the device for their sake. */
  readonly copies: number;
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args: { readonly op_name?: string; readonly provider?: string };
}

const cpuProvider = 'CPUExecutionProvider';

/** Reads a profile; nodes inside loops appear once a turn and count once. */
export function parsePlacement(profile: string): Placement {
  const nodes = new Map<string, ProfileEvent['args']>();
  for (const { cat, name, args } of JSON.parse(profile) as ProfileEvent[]) {
    if (cat === 'Node' && args.provider) nodes.set(name, args);
  }
  const all = [...nodes.values()];
  const operations = all.filter(({ op_name = '' }) => !op_name.startsWith('Memcpy'));
  const onCpu = new Map<string, number>();
  for (const { op_name = 'unknown', provider } of operations) {
    if (provider === cpuProvider) onCpu.set(op_name, (onCpu.get(op_name) ?? 0) + 1);
  }
  return { operations: operations.length, onCpu, copies: all.length - operations.length };
}

/** One line where something ran on the CPU: "12 of 3,400 operations run on the CPU: Resize (12)". */
export function describePlacement({ operations, onCpu }: Placement): string | undefined {
  if (onCpu.size === 0) return undefined;
  const kinds = [...onCpu].sort(([, a], [, b]) => b - a);
  const count = kinds.reduce((sum, [, n]) => sum + n, 0);
  const list = kinds.map(([op, n]) => (n === 1 ? op : `${op} (${n})`)).join(', ');
  const number = (n: number): string => n.toLocaleString('en');
  return `${number(count)} of ${number(operations)} operations run on the CPU: ${list}`;
}

export interface PlacementWatch {
  /** For the profile file. */
  readonly prefix: string;
  /** Reads and removes the profile; undefined where none was written. */
  take(): Placement | undefined;
}

/** A folder for one profile; undefined where there is no room for temporary files. */
export function watchPlacement(): PlacementWatch | undefined {
  let folder: string;
  try {
    folder = mkdtempSync(join(tmpdir(), 'lora-placement-'));
  } catch {
    return undefined;
  }
  const take = (): Placement | undefined => {
    try {
      const [file] = readdirSync(folder);
      return file === undefined ? undefined : parsePlacement(readFileSync(join(folder, file), 'utf8'));
    } catch {
      return undefined; // what a report needs must not stop a run
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { prefix: join(folder, 'run'), take };
}
