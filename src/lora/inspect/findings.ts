/** @file What is worth telling of a LoRA, in plain words: one row a fault or a remark. */
import type { Finding, LoraFacts } from './facts.ts';
import type { ModuleFacts } from './measure.ts';
import { partOf } from './places.ts';
import { median } from './spectrum.ts';

/** What findings are made from. */
export type Examined = Omit<LoraFacts, 'findings'> & {
  /** Tensors that hold NaN or infinity. */
  readonly notFinite: readonly string[];
  /** Modules whose alpha is 0 in the file. */
  readonly zeroAlphas: readonly string[];
  readonly embeddings: readonly string[];
  /** Sentences that opening the file gave. */
  readonly remarks: readonly string[];
};

type Row = (lora: Examined) => Finding | undefined;

const warning = (code: string, text: string): Finding => ({ level: 'warning', code, text });
const note = (code: string, text: string): Finding => ({ level: 'note', code, text });

/** `3 modules`, `1 module` */
export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const first = (names: readonly string[]): string => (names.length === 1 ? names[0] : `first ${names[0]}`);

/** Trained LoRAs keep the norms of their modules below 1 as a rule, and kohya's norm limit is set to 1; 3 is far out. */
const strongNorm = 3;
/** Module norms for the size of their layers lie within a factor of 10 in a healthy LoRA. */
const outlierTimes = 10;
const strongRatio = 0.3;
/** A smaller rank is advised when this share of the energy is in half of it. */
const sparePart = 0.5;

const measured = ({ modules }: Examined): number[] =>
  modules.flatMap(({ norm }) => (norm === undefined ? [] : [norm]));

const modulesWhere = ({ modules }: Examined, test: (module: ModuleFacts) => boolean): string[] =>
  modules.filter(test).map(({ target }) => target);

const rows: readonly Row[] = [
  ({ modules }) =>
    modules.length === 0 ? warning('NO_MODULE', 'no module of it can be used; see "skipped"') : undefined,
  lora => {
    const strange = modulesWhere(lora, ({ target }) => partOf(target) === 'other');
    return strange.length > 0
      ? warning(
          'OTHER_MODEL',
          `${strange.length} of ${counted(lora.modules.length, 'module')} ${strange.length === 1 ? 'is' : 'are'} for layers that no Stable Diffusion has, ${first(strange)}: a LoRA of another model`,
        )
      : undefined;
  },
  ({ notFinite }) =>
    notFinite.length > 0
      ? warning(
          'NOT_FINITE',
          `${counted(notFinite.length, 'tensor')} ${notFinite.length === 1 ? 'holds' : 'hold'} NaN or infinity, ${first(notFinite)}: the training failed, pictures turn black`,
        )
      : undefined,
  lora => {
    const norms = measured(lora);
    return norms.length > 0 && norms.length === lora.modules.length && norms.every(norm => norm === 0)
      ? warning('INERT', 'inert: every ΔW is zero, so it changes nothing')
      : undefined;
  },
  lora => {
    const zero = modulesWhere(lora, ({ norm, biasNorm }) => norm === 0 && !biasNorm);
    return zero.length > 0 && zero.length < lora.modules.length
      ? warning(
          'DEAD_MODULES',
          `${counted(zero.length, 'module')} of ${lora.modules.length} change nothing (ΔW = 0), ${first(zero)}`,
        )
      : undefined;
  },
  ({ tensors }) =>
    tensors.skipped.length > 0 && tensors.used > 0
      ? warning(
          'SKIPPED',
          `${counted(tensors.skipped.length, 'tensor')} of ${tensors.all} cannot be used; see "skipped"`,
        )
      : undefined,
  ({ remarks }) => (remarks.length > 0 ? warning('METADATA_DISAGREES', remarks.join('; ')) : undefined),
  ({ files }) => {
    const wrong = files.flatMap(({ hashes: { stated } }) => (stated && !stated.isTrue ? [stated.key] : []));
    return wrong.length > 0
      ? warning(
          'HASH_DISAGREES',
          `${wrong[0]} is not the hash of the tensors: they were changed since, or it was copied`,
        )
      : undefined;
  },
  ({ ranks, training }) =>
    training.rank !== undefined && ranks.some(rank => rank > 0) && !ranks.includes(training.rank)
      ? note(
          'RANK_DISAGREES',
          `the metadata says rank ${training.rank}, the tensors have ${ranks.join(', ')}`,
        )
      : undefined,
  lora => {
    const middle = lora.modules.length > 0 ? median(measured(lora)) : 0;
    return middle > strongNorm
      ? warning(
          'STRONG',
          `unusually strong: ‖ΔW‖ of the middle module is ${middle.toPrecision(3)}, trained LoRAs seldom pass 1; try a low strength`,
        )
      : undefined;
  },
  lora => {
    const strong = modulesWhere(lora, ({ ratio = 0 }) => ratio > strongRatio);
    return strong.length > 0
      ? warning(
          'STRONG_FOR_BASE',
          `${counted(strong.length, 'module')} change ${strong.length === 1 ? 'its' : 'their'} weight by more than ${strongRatio * 100} %, ${first(strong)}`,
        )
      : undefined;
  },
  ({ strongest }) => {
    const out = strongest.filter(({ timesMedian }) => timesMedian > outlierTimes);
    return out.length > 0
      ? warning(
          'OUTLIERS',
          `${counted(out.length, 'module')} ${out.length === 1 ? 'is' : 'are'} far stronger than the rest, ${first(out.map(({ target, timesMedian }) => `${target} (${timesMedian.toFixed(0)} × the median)`))}`,
        )
      : undefined;
  },
  ({ zeroAlphas }) =>
    zeroAlphas.length > 0
      ? warning(
          'ALPHA_ZERO',
          `alpha is 0 in ${counted(zeroAlphas.length, 'module')}, ${first(zeroAlphas)}: kohya and lora take the rank then, other programs may draw without any effect`,
        )
      : undefined,
  ({ embeddings }) =>
    embeddings.length > 0
      ? note('EMBEDDINGS', `embeddings beside the LoRA, which are not used: ${embeddings.join(', ')}`)
      : undefined,
  lora => {
    const negative = modulesWhere(lora, ({ scale }) => scale < 0);
    return negative.length > 0
      ? note(
          'NEGATIVE_ALPHA',
          `${counted(negative.length, 'module')} with a negative alpha, ${first(negative)}`,
        )
      : undefined;
  },
  ({ dtypes }) =>
    dtypes.length > 1
      ? note(
          'MIXED_DTYPES',
          `tensors of several types: ${dtypes.map(({ dtype, tensors }) => `${tensors} ${dtype}`).join(', ')}`,
        )
      : undefined,
  lora => {
    const unknown = lora.modules.filter(({ norm, biasNorm }) => norm === undefined && biasNorm === undefined);
    return unknown.length > 0
      ? note(
          'NEEDS_BASE',
          `${counted(unknown.length, 'module')} only ${unknown.length === 1 ? 'changes' : 'change'} what the base has: --base CHECKPOINT tells ‖ΔW‖`,
        )
      : undefined;
  },
  lora => {
    const partly = lora.modules.filter(({ normOf }) => normOf === 'factors');
    return partly.length > 0
      ? note(
          'FACTORS_ONLY',
          'DoRA: ‖ΔW‖ is that of the factors; what the magnitudes add, --base CHECKPOINT tells',
        )
      : undefined;
  },
  ({ spectrum, ranks }) => {
    const rank = Math.max(0, ...ranks);
    const enough = spectrum?.rankFor['95'] ?? rank;
    return spectrum && ranks.length === 1 && rank >= 4 && enough <= rank * sparePart
      ? note(
          'SPARE_RANK',
          `rank ${rank}, but 95 % of ‖ΔW‖² lies in the first ${enough}: \`lora resize\` can make it smaller`,
        )
      : undefined;
  },
];

export const findingsOf = (lora: Examined): Finding[] =>
  rows.flatMap(row => {
    const finding = row(lora);
    return finding ? [finding] : [];
  });
