/** @file What a load did with every tensor of a file. */
import type { LoraModule } from '../kinds/module.ts';
import { type Part, partNames } from '../names/layers.ts';
import { splitTarget } from '../names/namings.ts';
import type { ReadEmbeddings } from './embeddings.ts';
import type { LoraEntry } from './entry.ts';
import type { Skipped } from './group.ts';
import type { LoraFile } from './open.ts';

/** What a load did, key by key; applied + skipped = all tensors of the file. */
export interface LoadReport {
  readonly path: string;
  /** Tensors that are used. */
  readonly applied: number;
  readonly skipped: readonly Skipped[];
  /** Of the skipped ones, those whose layer the base has in another shape. */
  readonly mismatched: number;
  /** As people call them: `LoRA`, `LoCon`, `DoRA` … */
  readonly kinds: readonly string[];
  /** Whose names the file has. */
  readonly dialect: string;
  /** The models that its tensors are for. */
  readonly family: string;
  readonly ranks: readonly number[];
  readonly alphas: readonly number[];
  /** Modules that are used of those in the file, by part: `192/192 UNet, 72/72 text encoder`. */
  readonly coverage: string;
  /** Worth telling: embeddings beside the modules, metadata that says otherwise than the tensors … */
  readonly findings: readonly string[];
}

const kindNames: Readonly<Record<LoraModule['kind'], string>> = {
  ...{ lora: 'LoRA', loha: 'LoHa', lokr: 'LoKr', full: 'full difference', norm: 'norms' },
  ...{ ia3: 'IA³', glora: 'GLoRA', oft: 'OFT', boft: 'BOFT' },
};

/** The name that people know a module's kind by. */
export function kindName({ kind, hasMagnitude, shape }: LoraEntry): string {
  if (hasMagnitude) return kind === 'lora' ? 'DoRA' : `${kindNames[kind]} with DoRA`;
  const isKernel = kind === 'lora' && shape?.length === 4 && shape[2] * shape[3] > 1;
  return isKernel ? 'LoCon' : kindNames[kind];
}

const dialectNames = {
  kohya: 'kohya',
  lycoris: 'LyCORIS',
  diffusers: 'Diffusers',
  peft: 'PEFT',
  comfy: 'ComfyUI',
  original: 'LDM',
} as const;

export const dialectName = ({ dialects }: LoraFile): string =>
  dialects.map(dialect => dialectNames[dialect]).join(' and ') || 'unknown';

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
const ascending = (values: readonly number[]): number[] => distinct(values).sort((a, b) => a - b);

const isOf = (part: Part, target: string | undefined): boolean =>
  target !== undefined && splitTarget(target).part === part;

function coverageOf(all: readonly LoraEntry[], applied: ReadonlySet<LoraEntry>): string {
  const counted = Object.entries(partNames).flatMap(([part, name]) => {
    const inPart = all.filter(({ target }) => isOf(part as Part, target));
    const used = inPart.filter(entry => applied.has(entry)).length;
    return inPart.length > 0 ? [`${used}/${inPart.length} ${name}`] : [];
  });
  const others = all.filter(({ target }) => target === undefined).length;
  return [...counted, ...(others > 0 ? [`0/${others} of other models`] : [])].join(', ');
}

function findingsOf(file: LoraFile, words: ReadEmbeddings | undefined): string[] {
  const { embeddings, findings } = file;
  const used = (words?.embeddings ?? []).map(({ word }) => word);
  const unused = embeddings.filter(word => !used.includes(word));
  const bundled = unused.length === 1 ? 'an embedding' : `${unused.length} embeddings`;
  return [
    ...findings,
    ...(used.length > 0 ? [`words of its own that prompts may use: ${used.join(', ')}`] : []),
    ...(unused.length > 0
      ? [`the file holds ${bundled} beside the LoRA, which are not used: ${unused.join(', ')}`]
      : []),
  ];
}

/** The report of a load that used these modules. */
export function reportOf(
  file: LoraFile,
  applied: ReadonlySet<LoraEntry>,
  skipped: readonly Skipped[],
  mismatched: number,
  /** Embeddings, where they are used. */
  words?: ReadEmbeddings,
): LoadReport {
  const used = file.modules.filter(entry => applied.has(entry));
  return {
    path: file.path,
    applied: used.reduce((sum, { keys }) => sum + keys.size, words?.used.size ?? 0),
    skipped,
    mismatched,
    kinds: distinct(used.map(kindName)),
    dialect: dialectName(file),
    family: file.family?.name ?? 'unknown',
    ranks: ascending(used.flatMap(({ rank }) => (rank > 0 ? [rank] : []))),
    alphas: ascending(used.flatMap(({ rank, alpha }) => (rank > 0 ? [alpha] : []))),
    coverage: coverageOf(file.modules, applied),
    findings: findingsOf(file, words),
  };
}
