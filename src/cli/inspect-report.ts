/** @file What `lora inspect` found, in lines for people. */
import { basename } from 'node:path';
import type { BlockFacts, Duplicate, DuplicateGroup, LoraFacts } from '../lora/index.ts';
import { bar, field, number, oneLine, percent, showBytes, start, table, tail } from '../workbench/index.ts';

const most = { tags: 24, targets: 60, skipped: 5, blocks: 30 };

const partWords: Readonly<Record<string, string>> = {
  unet: 'UNet',
  text_encoder: 'text encoder',
  text_encoder_2: 'text encoder 2',
};

const list = (values: readonly number[]): string =>
  values.length > 6
    ? `${values.slice(0, 2).map(number).join(', ')} … ${number(values[values.length - 1])} (${values.length} different)`
    : values.map(number).join(', ');

function kindsText({ kinds }: LoraFacts): string {
  if (kinds.length === 1) return kinds[0].kind;
  return kinds.map(({ kind, modules }) => `${kind}\u00a0×${modules}`).join(', ') || 'none';
}

const coverageText = ({ coverage }: LoraFacts): string =>
  coverage
    .map(({ part, modules, of, others }) => {
      const count = of === undefined ? String(modules) : `${modules}/${of}`;
      return `${count} ${partWords[part]}${others > 0 ? ` + ${others} on other layers` : ''}`;
    })
    .join(', ') || 'none';

function fileText({ files, parameters, dtypes }: LoraFacts): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const types = dtypes.map(({ dtype }) => dtype).join(' + ');
  return `${showBytes(bytes)}, ${(parameters / 1e6).toFixed(2)} M parameters in ${types}`;
}

function spectrumText({ spectrum, ranks, modules }: LoraFacts): string[] {
  if (!spectrum)
    return modules.some(({ norm }) => norm)
      ? field('spectrum', 'not measured: full matrices are too large')
      : [];
  const { stableRank, effectiveRank, energy, rankFor } = spectrum;
  const rank = Math.max(...ranks, energy[energy.length - 1].rank);
  const shares = energy.map(share => `${share.rank}: ${percent(share.share)}`).join(', ');
  return [
    ...field('spectrum', `95 % of ‖ΔW‖² lies in the first ${rankFor['95']} of ${rank} singular values`),
    ...field('', `kept by the first ${shares}`),
    ...(spectrum.modules < modules.length
      ? field('', `measured in ${spectrum.modules} of ${modules.length} modules`)
      : []),
    ...field('', `median module: stable rank ${number(stableRank)}, effective rank ${number(effectiveRank)}`),
  ];
}

function trainingText({ training, metadata }: LoraFacts): string[] {
  const { triggerPhrase, tags, tagsAre, baseModel, pictures } = training;
  const said = [
    baseModel ? `on ${baseModel}` : '',
    pictures ? `${pictures} pictures` : '',
    metadata.ss_steps ? `${metadata.ss_steps} steps` : '',
    metadata.ss_learning_rate ? `rate ${metadata.ss_learning_rate}` : '',
  ].filter(Boolean);
  const shown = tags.slice(0, most.tags).map(({ tag, count }) => `${tag}\u00a0×${count}`);
  return [
    ...(triggerPhrase ? field('trigger', triggerPhrase) : []),
    ...(shown.length > 0 ? field(tagsAre, shown.join(', ')) : []),
    ...(said.length > 0 ? field('trained', said.join(', ')) : []),
  ];
}

function hashText({ files }: LoraFacts): string[] {
  return files.flatMap(({ hashes: { autoV1, autoV2, autoV3, stated } }) => {
    const isStated = stated ? (stated.isTrue ? ' (as the file says)' : ' (the file says another)') : '';
    return field('hashes', `AutoV1 ${autoV1 ?? '—'}, AutoV2 ${autoV2}, AutoV3 ${autoV3}${isStated}`);
  });
}

/** One row for each text encoder, whose layers are many. */
function foldTextEncoders(blocks: readonly BlockFacts[]): BlockFacts[] {
  const rows: BlockFacts[] = [];
  for (const block of blocks) {
    const last = rows.at(-1);
    const isText = block.part.startsWith('text_encoder');
    if (!isText || last?.part !== block.part) {
      rows.push(isText ? { ...block, block: partWords[block.part] } : block);
      continue;
    }
    const norm = Math.hypot(last.norm ?? 0, block.norm ?? 0);
    rows[rows.length - 1] = { ...last, modules: last.modules + block.modules, norm };
  }
  return rows;
}

function blockTable(facts: LoraFacts): string[] {
  const blocks = foldTextEncoders(facts.blocks);
  if (blocks.every(({ norm }) => norm === undefined)) return [];
  const finite = blocks.map(({ norm = 0 }) => (Number.isFinite(norm) ? norm : 0));
  const largest = Math.max(...finite);
  const rows = blocks.map(({ block, section, modules, norm }, i) => [
    block,
    section === '' || block.includes(section.split(' ')[0]) ? '' : section,
    String(modules),
    norm === undefined ? '—' : number(norm),
    bar(finite[i], largest),
  ]);
  const head = ['block', '', 'modules', '‖ΔW‖', ''];
  return ['  ‖ΔW‖ by block', ...table([head, ...rows], [2, 3]).map(line => `    ${line}`)];
}

function strongestTable({ strongest }: LoraFacts): string[] {
  if (strongest.length === 0) return [];
  const rows = strongest.map(({ target, norm, timesMedian }) => [
    number(norm),
    `${timesMedian.toFixed(1)}×`,
    tail(target, 72),
  ]);
  return [
    '  strongest for their size (‖ΔW‖, times the median)',
    ...table(rows, [0, 1]).map(line => `    ${line}`),
  ];
}

function skippedText({ tensors: { all, used, skipped } }: LoraFacts): string[] {
  const reasons = new Map<string, string[]>();
  for (const { key, reason } of skipped) reasons.set(reason, [...(reasons.get(reason) ?? []), key]);
  const shown = [...reasons].slice(0, most.skipped);
  return [
    ...field('tensors', `${used} used + ${skipped.length} skipped = ${all}`),
    ...shown.flatMap(([reason, keys]) =>
      field('skipped', `${keys.length}: ${reason} (${keys.length > 1 ? 'first ' : ''}${keys[0]})`),
    ),
    ...(reasons.size > shown.length
      ? field('', `and ${reasons.size - shown.length} more reasons; --json has all`)
      : []),
  ];
}

function normText({ norm, modules }: LoraFacts): string[] {
  if (norm === undefined) return [];
  const ratios = modules.flatMap(({ ratio }) => (ratio === undefined ? [] : [ratio]));
  const most = ratios.length > 0 ? `; at most ${percent(Math.max(...ratios))} of a base weight` : '';
  return field('‖ΔW‖', `${number(norm)} in all${most}`);
}

export function describeLora(facts: LoraFacts): string {
  const { ranks, alphas, scales, targets } = facts;
  const layers = targets.map(({ layer, modules }) => `${layer}\u00a0×${modules}`).join(', ');
  const entries = Object.keys(facts.metadata).length;
  return [
    oneLine(facts.path),
    ...field(
      'kind',
      `${kindsText(facts)}, ${facts.dialect} names, for ${facts.family === 'unknown' ? 'an unknown model' : facts.family}`,
    ),
    ...field('file', fileText(facts)),
    ...field('modules', coverageText(facts)),
    ...(ranks.length > 0
      ? field('rank', `${list(ranks)}, alpha ${list(alphas)} (scale ${list(scales)})`)
      : []),
    ...field('layers', layers),
    ...facts.findings.flatMap(({ level, text }) => field(level === 'warning' ? 'WARNING' : 'note', text)),
    ...spectrumText(facts),
    ...normText(facts),
    ...trainingText(facts),
    ...hashText(facts),
    ...skippedText(facts),
    ...field(
      'metadata',
      `${entries} ${entries === 1 ? 'entry' : 'entries'}; \`lora metadata show\` prints them`,
    ),
    ...blockTable(facts),
    ...strongestTable(facts),
  ].join('\n');
}

/** What a duplicate is to the first of its group. */
export function likeness({ verdict, cosine, strength }: Duplicate): string {
  switch (verdict) {
    case 'file':
      return 'the same file';
    case 'tensors':
      return 'the same tensors, other metadata or names';
    case 'weights':
      return 'the same ΔW, stored in another way';
    case 'scaled':
      return `the same ΔW at ${number(strength)} of the strength`;
    case 'close':
      return `nearly the same ΔW, as after rounding or resizing (cosine ${(cosine ?? 0).toFixed(5)})`;
  }
}

function duplicateText({ path, others }: DuplicateGroup): string[] {
  const width = Math.max(...others.map(other => basename(other.path).length));
  return [
    `  like ${basename(path)}`,
    ...others.map(other => `    ${basename(other.path).padEnd(width)}  ${likeness(other)}`),
  ];
}

/** A row a file, then the LoRAs that are there more than once. */
export function describeFolder(loras: readonly LoraFacts[], duplicates: readonly DuplicateGroup[]): string {
  const rows = loras.map(facts => [
    tail(oneLine(basename(facts.path)), 40),
    start(facts.kinds.map(({ kind }) => kind).join('+'), 14),
    start(facts.family, 10),
    facts.ranks.length > 2 ? `${facts.ranks[0]}…${facts.ranks.at(-1)}` : facts.ranks.join('/'),
    facts.norm === undefined ? '—' : number(facts.norm),
    showBytes(facts.files.reduce((sum, { bytes }) => sum + bytes, 0)),
    String(facts.findings.filter(({ level }) => level === 'warning').length || ''),
  ]);
  const head = ['file', 'kind', 'for', 'rank', '‖ΔW‖', 'size', 'warnings'];
  const copies = duplicates.reduce((sum, { others }) => sum + others.length, 0);
  const verdict =
    copies === 0
      ? 'no two of them are the same'
      : `${copies} ${copies === 1 ? 'is' : 'are'} there more than once`;
  return [
    ...table([head, ...rows], [3, 4, 5, 6]),
    '',
    `${loras.length} ${loras.length === 1 ? 'LoRA' : 'LoRAs'}, ${verdict}`,
    ...duplicates.flatMap(duplicateText),
  ].join('\n');
}
