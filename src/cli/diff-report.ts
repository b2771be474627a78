/** @file How two LoRAs differ, in lines for people. */
import { basename } from 'node:path';
import { type Difference, type LoraDifference, usualTolerance } from '../lora/index.ts';
import {
  bar,
  cosineText,
  counted,
  field,
  number,
  oneLine,
  percent,
  start,
  table,
  tail,
} from '../workbench/index.ts';

const most = { names: 5, entries: 12, modules: 8 };

/** Both file names, or A and B where they are the same. */
function namesOf({ a, b }: LoraDifference): readonly [string, string] {
  const names = [a, b].map(({ path }) => oneLine(basename(path)));
  return names[0] === names[1] ? ['A', 'B'] : [tail(names[0], 36), tail(names[1], 36)];
}

/** The verdict in one sentence. */
export function sentence(difference: LoraDifference): string {
  const { verdict, a, b, norms, cosine, distance, metadata, modules } = difference;
  const apart = `ΔW differs by ${percent(distance)} (cosine ${cosineText(cosine)})`;
  switch (verdict) {
    case 'file':
      return 'The same file: every byte is equal.';
    case 'tensors':
      return `The same LoRA: all tensors are equal, only the metadata differ (${metadata.length} ${metadata.length === 1 ? 'entry' : 'entries'}).`;
    case 'weights': {
      const within = distance > usualTolerance ? ` within ${percent(distance)}` : '';
      return `The same LoRA: ΔW is the same in all ${modules.length} modules${within}, though it is stored in another way.`;
    }
    case 'close':
      return `Nearly the same LoRA, as after rounding or resizing: ${apart}.`;
    case 'scaled':
      return `The same LoRA at another strength: B is ${number(norms[1] / norms[0])} × A (cosine ${cosineText(cosine)}).`;
    case 'different':
      if (modules.length === 0)
        return `Different LoRAs: they share no module (A is for ${a.family}, B for ${b.family}).`;
      return modules.some(({ by }) => by === 'nothing') && distance === 0
        ? 'They cannot be compared without the base: give it with --base.'
        : `Different LoRAs: ${apart}.`;
  }
}

function sidesTable({ a, b }: LoraDifference): string[] {
  const rows = [a, b].map((side, i) => [
    i === 0 ? 'A' : 'B',
    tail(oneLine(basename(side.path)), 32),
    start(side.kinds.join('+'), 18),
    side.dialect,
    start(side.family, 12),
    side.ranks.length > 3
      ? `rank ${side.ranks[0]}…${side.ranks.at(-1)}`
      : `rank ${side.ranks.join('/') || '—'}`,
    start(side.dtypes.join('+'), 16),
  ]);
  return table(rows).map(line => `  ${line}`);
}

const some = (names: readonly string[], count: number): string => {
  const more = names.length - count;
  return names.slice(0, count).join(', ') + (more > 0 ? ` and ${more} more` : '');
};

function aloneText({ onlyInA, onlyInB }: LoraDifference): string[] {
  return [
    ...(onlyInA.length > 0
      ? field('only in A', `${counted(onlyInA.length, 'module')}: ${some(onlyInA, most.names)}`)
      : []),
    ...(onlyInB.length > 0
      ? field('only in B', `${counted(onlyInB.length, 'module')}: ${some(onlyInB, most.names)}`)
      : []),
  ];
}

const shortValue = (value: string | undefined): string =>
  value === undefined ? '(none)' : start(oneLine(value), 32);
function metadataTable({ metadata }: LoraDifference): string[] {
  if (metadata.length === 0) return [];
  const rows = metadata
    .slice(0, most.entries)
    .map(({ key, a, b }) => [start(oneLine(key), 28), shortValue(a), shortValue(b)]);
  const more = metadata.length - rows.length;
  return [
    '  metadata that differ (A, B)',
    ...table(rows).map(line => `    ${line}`),
    ...(more > 0 ? [`    and ${more} more; --json has all`] : []),
  ];
}

const cells = ({ norms, distance, cosine }: Difference): string[] => [
  number(norms[0]),
  number(norms[1]),
  percent(distance),
  cosineText(cosine),
];
const heads = ['‖A‖', '‖B‖', '‖A−B‖', 'cosine'];

function blockTable({ blocks }: LoraDifference): string[] {
  if (blocks.length === 0) return [];
  const rows = blocks.map(block => [
    block.block,
    block.section,
    String(block.modules),
    ...cells(block),
    bar(Math.min(1, block.distance), 1, 16),
  ]);
  return [
    '  by block (‖A−B‖ as a share of the larger)',
    ...table([['block', '', 'modules', ...heads, ''], ...rows], [2, 3, 4, 5, 6]).map(line => `    ${line}`),
  ];
}

function moduleTable({ modules }: LoraDifference): string[] {
  const apart = modules.filter(({ distance }) => distance > 0);
  if (apart.length === 0) return [];
  const rows = [...apart]
    .sort((a, b) => b.distance - a.distance)
    .slice(0, most.modules)
    .map(module => [...cells(module), tail(module.target, 56)]);
  return [
    '  modules that differ most',
    ...table([[...heads, ''], ...rows], [0, 1, 2, 3]).map(line => `    ${line}`),
  ];
}

function byText({ modules }: LoraDifference): string[] {
  const byTensors = modules.filter(({ by }) => by === 'tensors').length;
  const byNothing = modules.filter(({ by }) => by === 'nothing').length;
  return [
    ...(byTensors > 0
      ? field('note', `${byTensors} modules were compared by their tensors; --base CHECKPOINT compares ΔW`)
      : []),
    ...(byNothing > 0
      ? field('WARNING', `${byNothing} modules cannot be compared: other kinds, or layers of another size`)
      : []),
  ];
}

export function describeDifference(difference: LoraDifference): string {
  const { norms, distance, cosine, modules } = difference;
  const [one, two] = namesOf(difference);
  return [
    sentence(difference),
    ...sidesTable(difference),
    ...field(
      'modules',
      `${modules.length} in both, ${modules.filter(({ isEqual }) => isEqual).length} of them equal`,
    ),
    ...field(
      '‖ΔW‖',
      `${number(norms[0])} in ${one}, ${number(norms[1])} in ${two}; apart by ${percent(distance)}, cosine ${cosineText(cosine)}`,
    ),
    ...byText(difference),
    ...aloneText(difference),
    ...metadataTable(difference),
    ...blockTable(difference),
    ...moduleTable(difference),
  ].join('\n');
}
