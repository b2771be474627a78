/** @file The peers of `lora bench --peer`, as data, and what bench/peer.py is asked for. */
import type { Work } from './cases.ts';
import type { BenchFiles } from './files.ts';

interface Peer {
  readonly precision: 'float32' | 'bfloat16' | 'bfloat16 weights';
  /** The work's name in bench/peer.py where it is not that of the case. */
  readonly work?: string;
  /** Environment variables that must be set for it, with what they hold. */
  readonly needs?: Readonly<Record<string, string>>;
  readonly python: () => string;
}

const python = (): string => process.env.LORA_PYTHON ?? 'python3';

const sdScripts = {
  needs: {
    LORA_SD_SCRIPTS: 'the folder of sd-scripts',
    LORA_SD_SCRIPTS_PYTHON: 'a Python that has what it requires',
  },
  python: () => process.env.LORA_SD_SCRIPTS_PYTHON as string,
} as const;

export const peers = {
  'PyTorch float32': { precision: 'float32', python },
  'PyTorch bfloat16 autocast': { precision: 'bfloat16', python },
  'PyTorch bfloat16 weights': { precision: 'bfloat16 weights', python },
  'diffusers (opens, infers the type)': { precision: 'float32', python },
  'diffusers float32': { precision: 'float32', python },
  'diffusers + PEFT float32': { precision: 'float32', python },
  'sd-scripts float32': {
    precision: 'float32',
    work: 'first step of sd-scripts',
    ...sdScripts,
  },
  'sd-scripts LoRA tools': { precision: 'float32', ...sdScripts },
} as const satisfies Readonly<Record<string, Peer>>;

export type PeerName = keyof typeof peers;

/** Why a peer cannot run here, as far as that is known before it is started. */
export function missingFor(name: PeerName): string | undefined {
  const { needs = {} }: Peer = peers[name];
  const missing = Object.keys(needs).filter(variable => !process.env[variable]);
  if (missing.length === 0) return undefined;
  return `${name} is left out: set ${missing.map(variable => `${variable} (${needs[variable]})`).join(' and ')}`;
}

/** Sizes of the work in the words of bench/peer.py. */
function sizesOf(work: Work): Readonly<Record<string, unknown>> {
  switch (work.kind) {
    case 'train':
    case 'forward': {
      const { model, repeats, size } = work;
      return { model, repeats, side: size.height, batch: size.batch, tokens: size.tokens };
    }
    case 'decode':
    case 'encode':
      return { side: work.side, tiled: work.tiled, repeats: work.repeats };
    case 'first step':
      return { side: work.side, steps: work.steps, text: work.text };
    case 'generate':
      return { figure: work.figure, side: work.side, steps: work.steps };
    case 'lora tool':
      return { tool: work.tool };
    case 'lora step':
      return { form: work.form, repeats: work.repeats };
    case 'lora switch':
      return { repeats: work.repeats };
    case 'open':
      return {};
  }
}

/** The JSON argument of bench/peer.py. */
export function requestFor(name: PeerName, work: Work, files: BenchFiles): Readonly<Record<string, unknown>> {
  const peer: Peer = peers[name];
  return { work: peer.work ?? work.kind, precision: peer.precision, ...sizesOf(work), ...files };
}
