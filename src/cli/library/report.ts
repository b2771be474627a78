/** @file Cards and folders of the library in lines for people. */
import type { Card, LibraryFolder, ScanSummary, TriggerSet, WholeCard } from '../../library/index.ts';
import { counted, field, number, oneLine, showBytes, start, table } from '../../workbench/index.ts';

const useWords: Readonly<Record<Card['use'], string>> = {
  lora: 'LoRA',
  checkpoint: 'checkpoint',
  embedding: 'embedding',
  vae: 'VAE',
};

const kindOf = ({ use, kind, rank }: Card): string =>
  `${kind === '' ? useWords[use] : kind}${rank === undefined ? '' : ` ${rank}`}`;

const stars = (rating: number): string => '★'.repeat(rating);

function wordsOf({ triggers }: Card): string {
  const [first, ...others] = triggers;
  if (!first) return '';
  const words = start(oneLine(first.words), 30);
  return others.length > 0 ? `${words} +${others.length}` : words;
}

const stateOf = ({ state }: Card): string => (state === 'present' ? '' : state);

/** A line a card: id, name, what it is, trigger words. */
export function describeCards(cards: readonly Card[], total: number): string[] {
  if (total === 0) return ['no cards'];
  const rows = cards.map(card => [
    card.id.slice(0, 8),
    `${card.favourite ? '♥ ' : ''}${start(oneLine(card.name), 34)}`,
    card.family,
    kindOf(card),
    wordsOf(card),
    [stars(card.rating), stateOf(card)].filter(part => part !== '').join(' '),
  ]);
  const left = total - cards.length;
  return [...table(rows), ...(left > 0 ? [`… and ${number(left)} more: --limit`] : [])];
}

function triggerLine({ name, words, strength, negative }: TriggerSet, several: boolean): string {
  const more = [
    ...(strength === undefined ? [] : [`strength ${strength}`]),
    ...(negative === undefined ? [] : [`negative: ${negative}`]),
  ];
  return `${several ? `${name}: ` : ''}${words}${more.length > 0 ? `  (${more.join('; ')})` : ''}`;
}

const originWords = {
  user: 'as you wrote them',
  'side-file': 'from a side file',
  metadata: 'as the file says',
  captions: 'guessed from its captions',
} as const;

function triggerFields({ triggers, triggerOrigin }: WholeCard): string[] {
  if (triggers.length === 0) return field('trigger', 'none known');
  const lines = triggers.map(set => triggerLine(set, triggers.length > 1));
  const from = triggerOrigin === undefined ? [] : [`(${originWords[triggerOrigin]})`];
  return [...lines, ...from].flatMap((line, i) => field(i === 0 ? 'trigger' : '', line));
}

function trainingText({ training }: WholeCard): string {
  const { base, pictures, steps, epoch, resolution, optimizer, rate, tool } = training;
  return [
    ...(base === undefined ? [] : [`on ${base}`]),
    ...(pictures === undefined ? [] : [counted(pictures, 'picture')]),
    ...(steps === undefined ? [] : [counted(steps, 'step')]),
    ...(epoch === undefined ? [] : [`epoch ${epoch}`]),
    ...(resolution === undefined ? [] : [resolution]),
    ...(optimizer === undefined ? [] : [start(optimizer, 40)]),
    ...(rate === undefined ? [] : [`rate ${rate}`]),
    ...(tool === undefined ? [] : [`by ${start(tool, 40)}`]),
  ].join(', ');
}

/** Fields that say something. */
const known = (rows: readonly (readonly [string, string | undefined])[]): string[] =>
  rows.flatMap(([label, text]) => (text ? field(label, text) : []));

const mostTags = 12;

function hashText({ hashes }: WholeCard): string {
  const { autoV1, autoV2, autoV3 } = hashes;
  const parts = { AutoV1: autoV1, AutoV2: autoV2, AutoV3: autoV3 };
  return Object.entries(parts)
    .flatMap(([name, hash]) => (hash === undefined ? [] : [`${name} ${hash}`]))
    .join(', ');
}

/** All of a card. */
export function describeCard(card: WholeCard, path: string | undefined): string[] {
  const { name, family, claimedFamily, alpha, tags, tagFrequency, versions, copies } = card;
  const claim = claimedFamily === undefined ? '' : ` (its metadata say ${claimedFamily})`;
  const frequent = tagFrequency.slice(0, mostTags).map(({ tag, count }) => `${tag} ${count}`);
  const others = versions.filter(({ id }) => id !== card.id);
  return [
    `${oneLine(name)}${card.favourite ? ' ♥' : ''}${card.rating > 0 ? ` ${stars(card.rating)}` : ''}`,
    ...known([
      ['id', card.id],
      ['file', path ?? `${card.place === '' ? '' : `${card.place}/`}${card.fileName} (${card.state})`],
      ['fault', card.fault && `${card.fault.code}: ${card.fault.message}`],
      [
        'is',
        `${kindOf(card)}${alpha === undefined ? '' : `, alpha ${number(alpha)}`}, ${family}${claim}, ${showBytes(card.bytes)}`,
      ],
    ]),
    ...triggerFields(card),
    ...known([
      ['strength', card.strength === undefined ? undefined : String(card.strength)],
      ['tags', tags.join(', ')],
      ['about', start(card.description, 1000)],
      ['notes', start(card.notes, 1000)],
      ['licence', [card.license, card.author && `by ${card.author}`].filter(Boolean).join(', ')],
      ['trained', trainingText(card)],
      ['captions', frequent.join(', ')],
      ['hashes', hashText(card)],
      ['beside it', card.sideFiles.map(({ name, dialect }) => `${name} (${dialect})`).join(', ')],
      [
        'versions',
        others.map(({ name, state }) => `${name}${state === 'present' ? '' : ` (${state})`}`).join(', '),
      ],
      [
        'copies',
        copies.map(({ place, fileName }) => `${place === '' ? '' : `${place}/`}${fileName}`).join(', '),
      ],
      ...card.findings.map(({ level, text }): readonly [string, string] => [level, text]),
    ]),
  ];
}

export function describeFolders(folders: readonly LibraryFolder[]): string[] {
  const rows = folders.map(({ id, path, uses, layout, files, state }) => [
    id,
    number(files),
    uses.map(use => useWords[use]).join(', '),
    layout,
    `${path}${state === 'missing' ? ' (missing)' : ''}`,
  ]);
  return table(rows, [1]);
}

const mostSkipped = 10;

export function describeScan(summary: ScanSummary): string[] {
  const { seen, added, changed, moved, missing, broken, skipped, seconds } = summary;
  const news = Object.entries({ added, changed, moved, missing, broken })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${number(count)} ${what === 'added' ? 'new' : what}`);
  const more = skipped.length - mostSkipped;
  return [
    `${counted(seen, 'model')} in ${seconds.toFixed(1)} s${news.length > 0 ? `: ${news.join(', ')}` : ', nothing new'}`,
    ...skipped.slice(0, mostSkipped).map(({ path, reason }) => `  left out: ${oneLine(path)}: ${reason}`),
    ...(more > 0 ? [`  … and ${more} more left out`] : []),
  ];
}
