/** @file What the end of a tensor's name says: which role it has in its module, and whose word for it that is. */
import type { Role } from '../kinds/module.ts';

interface Suffix {
  /** `*` is the name of an adapter: PEFT writes one where a model has several. */
  readonly suffix: string;
  readonly role: Role;
}

const rows = (words: Readonly<Record<string, Role>>, frame: (word: string) => string): Suffix[] =>
  Object.entries(words).map(([word, role]) => ({ suffix: frame(word), role }));

/** LyCORIS (lycoris/modules) has the same words for roles as we have. */
const lycorisWords = [
  ...['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b', 'hada_t1', 'hada_t2'],
  ...['lokr_w1', 'lokr_w1_a', 'lokr_w1_b', 'lokr_w2', 'lokr_w2_a', 'lokr_w2_b', 'lokr_t2'],
] as const satisfies readonly Role[];

const peftMatrices = { lora_A: 'down', lora_B: 'up' } as const;

const suffixes: readonly Suffix[] = [
  ...rows({ lora_down: 'down', lora_up: 'up', lora_mid: 'mid' }, word => `.${word}.weight`),
  // `magnitude` is ai-toolkit's word.
  ...rows({ alpha: 'alpha', dora_scale: 'magnitude', magnitude: 'magnitude' }, word => `.${word}`),
  // Diffusers: now, of text encoders, and of 2023, where the word was glued to the layer's name.
  ...rows({ down: 'down', up: 'up' }, word => `.lora.${word}.weight`),
  ...rows({ down: 'down', up: 'up' }, word => `.lora_linear_layer.${word}.weight`),
  ...rows({ down: 'down', up: 'up' }, word => `_lora.${word}.weight`),
  ...rows(peftMatrices, word => `.${word}.weight`),
  ...rows(peftMatrices, word => `.${word}.*.weight`),
  ...['.lora_B.bias', '.lora_B.*.bias', '.lora_up.bias'].map(suffix => ({
    suffix,
    role: 'up_bias' as const,
  })),
  ...['', '.weight', '.*', '.*.weight'].map(end => ({
    suffix: `.lora_magnitude_vector${end}`,
    role: 'magnitude' as const,
  })),
  ...lycorisWords.flatMap(role => [`.${role}`, `.${role}.*`].map(suffix => ({ suffix, role }))),
  ...(['diff', 'diff_b', 'w_norm', 'b_norm', 'on_input', 'oft_blocks', 'rescale'] as const).map(role => ({
    suffix: `.${role}`,
    role,
  })),
  ...(['a1', 'a2', 'b1', 'b2', 'bm'] as const).map(role => ({ suffix: `.${role}.weight`, role })),
  // IA³ (LyCORIS): the vector is called as weights are everywhere, so that `on_input` beside it must tell.
  { suffix: '.weight', role: 'ia3' },
];

interface SuffixRow {
  readonly suffix: string;
  readonly role: Role;
  /** For suffixes with a `*`. */
  readonly pattern?: RegExp;
}

/** Plain ends before those with a name in them, longer before shorter. */
const ordered: readonly SuffixRow[] = suffixes
  .map(({ suffix, role }) => {
    if (!suffix.includes('*')) return { suffix, role };
    const pattern = new RegExp(`${suffix.replaceAll('.', '\\.').replace('*', '([^.]+)')}$`);
    return { suffix, role, pattern };
  })
  .sort((a, b) => Number('pattern' in a) - Number('pattern' in b) || b.suffix.length - a.suffix.length);

export interface SplitKey {
  /** The name of the module in the file. */
  readonly module: string;
  readonly role: Role;
  /** The end as the table has it, `*` for an adapter's name. */
  readonly suffix: string;
  readonly adapter?: string;
}

function match({ suffix, role, pattern }: SuffixRow, key: string): SplitKey | undefined {
  if (!pattern)
    return key.endsWith(suffix) ? { module: key.slice(0, -suffix.length), role, suffix } : undefined;
  const found = pattern.exec(key);
  return found ? { module: key.slice(0, found.index), role, suffix, adapter: found[1] } : undefined;
}

/** Splits a tensor's name into its module and role; undefined when its end is none of a LoRA's. */
export function splitKey(key: string): SplitKey | undefined {
  let plainWeight: SplitKey | undefined;
  for (const row of ordered) {
    const split = match(row, key);
    if (split && split.role !== 'ia3') return split;
    plainWeight ??= split;
  }
  return plainWeight;
}

const peftWords: Readonly<Partial<Record<Role, string>>> = {
  down: '.lora_A.weight',
  up: '.lora_B.weight',
  up_bias: '.lora_B.bias',
  magnitude: '.lora_magnitude_vector',
};

/** The end that a tensor has in PEFT's folders and in files for Diffusers, or undefined where they have no word for it. */
export const peftSuffix = (role: Role): string | undefined => peftWords[role];

const kohyaWords: Readonly<Partial<Record<Role, string>>> = {
  down: '.lora_down.weight',
  up: '.lora_up.weight',
  mid: '.lora_mid.weight',
  up_bias: '.lora_up.bias',
  magnitude: '.dora_scale',
  ia3: '.weight',
  ...Object.fromEntries((['a1', 'a2', 'b1', 'b2', 'bm'] as const).map(role => [role, `.${role}.weight`])),
};

/** The end that a tensor has in kohya's and LyCORIS' files, which have one for every role. */
export const kohyaSuffix = (role: Role): string => kohyaWords[role] ?? `.${role}`;
