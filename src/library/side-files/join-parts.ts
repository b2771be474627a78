/** @file What several side files say, as one: for each fact the most trusted that says something. */
import type { TriggerSet } from '../card.ts';
import type { ClaimedHashes, SideFacts, SidePart } from './facts.ts';
import { claimedFamily } from './families.ts';
import { addSets } from './trigger-sets.ts';

const single = [
  'name',
  'description',
  'notes',
  'strength',
  'negative',
  'license',
  'author',
  'favourite',
  'rating',
  'type',
  'nsfw',
  'thumbnail',
] as const satisfies readonly (keyof SidePart)[];

function hashesOf(parts: readonly SidePart[]): ClaimedHashes {
  const entries = [...parts].reverse().flatMap(({ hashes = {} }) => Object.entries(hashes));
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Words that differ in case only are one tag. */
function tagsOf(parts: readonly SidePart[]): string[] {
  const tags = new Map(parts.flatMap(({ tags = [] }) => tags).map(tag => [tag.toLowerCase(), tag]));
  return [...tags.values()];
}

/** `parts` in the order of trust. */
export function joinParts(parts: readonly SidePart[]): Omit<SideFacts, 'preview' | 'files' | 'findings'> {
  const facts = single.map(key => [key, parts.find(part => part[key] !== undefined)?.[key]] as const);
  const family = parts.map(part => claimedFamily(part.family)).find(name => name !== undefined);
  const triggers = parts.reduce<readonly TriggerSet[]>(
    (sets, part) => addSets(sets, part.triggers ?? []),
    [],
  );
  return {
    ...Object.fromEntries(facts.filter(([, value]) => value !== undefined)),
    ...(family === undefined ? {} : { family }),
    triggers,
    tags: tagsOf(parts),
    hashes: hashesOf(parts),
  };
}
