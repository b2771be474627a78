/** @file What a file is, by its tensors: of what use, for which family, of which kind. Headers only. */
import { LoraError } from '../../errors.ts';
import type { SafetensorsFile } from '../../files/index.ts';
import { kindName, type LoraEntry, type LoraFile, openLoraFile } from '../../lora/index.ts';
import { checkpointFacts } from '../../models/index.ts';
import type { CardUse } from '../card.ts';
import { embeddingFacts } from './embedding-facts.ts';
import type { Fault, Finding, TableFacts } from './file-facts.ts';
import { vaeFacts } from './vae-facts.ts';

function mostFrequent<T>(values: readonly T[]): T | undefined {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** Kinds that are in a file beside the one that it is called by. */
const lesser = new Set(['norms', 'full difference']);

/** A file with LoRA on convolutions, or with DoRA, is called by that even where most modules are plain. */
function kindOf(modules: readonly LoraEntry[]): string {
  const kinds = [...new Set(modules.map(kindName))];
  const special = kinds.filter(kind => kind !== 'LoRA' && !lesser.has(kind));
  return mostFrequent(modules.map(kindName).filter(kind => special.includes(kind))) ?? kinds[0] ?? '';
}

/** Models that are not drawn with here, by names that only their modules have. */
const otherModels: readonly { readonly name: RegExp; readonly family: string }[] = [
  { name: /double_blocks|single_blocks|single_transformer_blocks/, family: 'Flux' },
  { name: /joint_blocks|joint_transformer_blocks/, family: 'SD 3' },
  { name: /motion_modules|temporal/, family: 'AnimateDiff' },
];

function familyOf({ family, modules }: LoraFile): Pick<TableFacts, 'family' | 'families'> {
  if (!family) {
    const other = otherModels.find(({ name }) => modules.some(module => name.test(module.name)));
    return { family: other?.family ?? 'unknown' };
  }
  const families = family.families.length > 1 ? family.name.split(' or ') : undefined;
  return { family: family.name, ...(families ? { families } : {}) };
}

function loraFindings({ skipped, tensors, modules }: LoraFile): Finding[] {
  const foreign = modules.filter(({ target }) => target === undefined).length;
  return [
    ...(skipped.length > 0
      ? [
          {
            level: 'warning' as const,
            code: 'TENSORS_SKIPPED',
            text: `${skipped.length} of ${tensors} tensors are not used: ${skipped[0].key} (${skipped[0].reason})`,
          },
        ]
      : []),
    ...(foreign > 0
      ? [
          {
            level: 'warning' as const,
            code: 'MODULES_OF_OTHER_MODELS',
            text: `${foreign} of ${modules.length} modules are of no layer of Stable Diffusion: ${modules.find(({ target }) => !target)?.name}`,
          },
        ]
      : []),
  ];
}

/** Facts of a LoRA, in one file or a folder; undefined for what has no module of one. */
export function loraFacts(path: string): TableFacts | undefined {
  const file = openLoraFile(path, { tolerant: true });
  if (file.modules.length === 0) return undefined;
  const rank = mostFrequent(file.modules.flatMap(({ rank }) => (rank > 0 ? [rank] : [])));
  const usual = file.modules.find(module => module.rank === rank);
  const alphaKey = usual?.keys.get('alpha');
  return {
    ...{ use: 'lora', kind: kindOf(file.modules), ...familyOf(file) },
    ...(rank === undefined ? {} : { rank, alpha: usual?.alpha }),
    ...(alphaKey === undefined ? {} : { alphaKey }),
    findings: loraFindings(file),
  };
}

/** What an error says that a file is. */
const uses: Readonly<Record<string, CardUse>> = {
  CHECKPOINT_IS_VAE: 'vae',
  CHECKPOINT_IS_EMBEDDING: 'embedding',
  CHECKPOINT_IS_LORA: 'lora',
};

const faultOf = ({ code, message, hint }: LoraError): Fault => ({
  code,
  message: hint ? `${message}. ${hint}` : message,
});

export const broken = (use: CardUse, error: LoraError): TableFacts => ({
  ...{ use, family: 'unknown', kind: '', findings: [] },
  fault: faultOf(error),
});

/** Facts of a checkpoint, a file or a folder. Throws CHECKPOINT_* for what is none. */
export function baseFacts(path: string): TableFacts {
  const { model, family, variant, prediction, missing, refusal, findings } = checkpointFacts(path);
  const note = (code: string, text: string): Finding => ({ level: 'note', code, text });
  return {
    ...{ use: 'checkpoint', kind: '', family: family === 'pocket' ? 'pocket' : model },
    findings: [
      ...(refusal
        ? [
            {
              level: 'warning' as const,
              code: 'CHECKPOINT_UNSUPPORTED',
              text: `${refusal.why}. ${refusal.hint}`,
            },
          ]
        : []),
      ...(missing.length > 0 ? [note('PARTS_MISSING', `needs ${missing.join(', ')} beside it`)] : []),
      ...(variant === 'base' ? [] : [note('CHECKPOINT_VARIANT', variant)]),
      ...(prediction.type === 'epsilon'
        ? []
        : [note('PREDICTS_VELOCITY', `predicts v (${prediction.from})`)]),
      ...findings.map(text => note('CHECKPOINT_NOTE', text)),
    ],
  };
}

/** What a .safetensors file is. `likely` is what its folder is for: what is told of a file that is nothing known. */
export function tableFacts(file: SafetensorsFile, likely: CardUse): TableFacts {
  try {
    const isControl = file.tensors.has('lora_controlnet');
    const small = embeddingFacts(file) ?? vaeFacts(file);
    if (small) return small;
    return (isControl ? undefined : loraFacts(file.path)) ?? baseFacts(file.path);
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    const use = uses[error.code] ?? (error.code.startsWith('CHECKPOINT_MISSING') ? 'checkpoint' : likely);
    return broken(use, error);
  }
}
