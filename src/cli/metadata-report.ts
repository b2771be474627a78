/** @file Metadata as text, for `lora metadata show`. */
import type { HashFacts, MetadataFacts } from '../lora/index.ts';
import { showBytes } from '../workbench/index.ts';

const most = { value: 110, tags: 40 };

/** Groups in the order of interest, and what they are called. */
const titles = {
  modelspec: 'model',
  network: 'network',
  'base model': 'base model',
  run: 'run',
  rates: 'learning rates',
  optimizer: 'optimizer',
  objective: 'objective',
  pictures: 'data set',
  captions: 'captions',
  validation: 'validation',
  loading: 'for loaders',
} as const;

/** Control characters would reach the terminal. */
const oneLine = (text: string): string => text.replace(/\s*\p{Cc}+\s*/gu, ' ');

function shownValue(key: string, value: string): string {
  const picture = /^data:image\/(\w+);base64,(.*)$/s.exec(value);
  if (picture) return `${picture[1].toUpperCase()}, ${showBytes((picture[2].length * 3) / 4)}`;
  const time = /^ss_training_.*_at$/.test(key) && Number.isFinite(Number(value));
  if (time) return `${value} (${new Date(Number(value) * 1000).toISOString().slice(0, 19)}Z)`;
  const line = oneLine(value);
  return line.length > most.value ? `${line.slice(0, most.value)}… (${value.length} characters)` : line;
}

function showTags({ tags }: MetadataFacts): string[] {
  if (tags.length === 0) return [];
  const shown = tags.slice(0, most.tags).map(({ tag, count }) => `${oneLine(tag)} ×${count}`);
  const more = tags.length > most.tags ? [`… (${tags.length} in all)`] : [];
  return ['  tags by frequency', `    ${[...shown, ...more].join(', ')}`];
}

function showHashes(hashes: readonly HashFacts[]): string[] {
  const lines = hashes.map(({ key, stated, actual, isTrue }) => {
    if (isTrue === undefined) return `    ${key}: not stated; it would be ${actual}`;
    if (isTrue) return `    ${key}: ${stated} (true)`;
    return `    ${key}: ${stated} is NOT TRUE of this file: its tensors give ${actual}`;
  });
  return ['  hashes', ...lines];
}

/** The whole report; hashes where they were computed. */
export function showMetadata(facts: MetadataFacts, hashes: readonly HashFacts[] | undefined): string {
  const groups = Object.entries(titles).flatMap(([group, title]) => {
    const entries = facts.groups[group as keyof typeof titles] ?? [];
    const lines = entries
      .filter(({ key }) => key !== 'ss_tag_frequency')
      .map(({ key, value }) => `    ${key}: ${shownValue(key, value)}`);
    return lines.length > 0 ? [`  ${title}`, ...lines] : [];
  });
  const unknown = Object.entries(facts.unknown).map(
    ([key, value]) => `    ${oneLine(key)}: ${shownValue(key, value)}`,
  );
  const isStale = hashes?.some(({ isTrue }) => isTrue === false);
  return [
    facts.path,
    `  ${facts.what.text}`,
    `  ${showBytes(facts.bytes)}, ${facts.tensors} tensors in ${facts.dtypes.join(', ')}`,
    ...facts.findings.map(finding => `  WARNING  ${oneLine(finding)}`),
    ...(isStale ? ['  WARNING  a hash is of another file; `lora metadata set` writes true ones'] : []),
    ...facts.private.map(
      ({ key, path, user }) =>
        `  PRIVATE  ${key} holds ${oneLine(path)}${user ? `, which names the user ${oneLine(user)}` : ''}`,
    ),
    ...groups,
    ...showTags(facts),
    ...(unknown.length > 0 ? ['  others', ...unknown] : []),
    ...(hashes ? showHashes(hashes) : []),
    ...(facts.empty.length > 0 ? [`  ${facts.empty.length} more entries say nothing (None)`] : []),
  ].join('\n');
}
