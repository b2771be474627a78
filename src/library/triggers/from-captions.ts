/** @file Trigger words from the counts of captions, where nobody wrote them down. Better none than a wrong one. */
import type { TriggerSet } from '../card.ts';
import { nameSets, plainTag, tagsOfWords, withoutDoubles } from '../side-files/trigger-sets.ts';
import { type FolderTags, readFolderTags } from './dataset-entries.ts';
import { conceptOf, isMadeUp, isNamed, leadOf } from './evidence.ts';
import { isAllGeneral, isGeneral } from './general-tags.ts';
import { areSentences, sentenceTriggers } from './sentences.ts';

/** A trigger word is in nearly every caption; one that the folder is called by, in most. */
const share = { usual: 0.9, named: 0.6 };
/** Fewer pictures have everything in common. */
const fewest = 3;
const mostWords = 4;

interface Limits {
  readonly least: number;
  readonly leastNamed: number;
  /** Of known words, only these may be a trigger. */
  readonly known?: readonly string[];
}

function tagTriggers(folder: FolderTags, { least, leastNamed, known }: Limits, outputName: string): string[] {
  const { name, tags, pictures } = folder;
  const candidates = tags.flatMap(([tag, count], i) =>
    count >= leastNamed ? [{ tag, count, i, plain: plainTag(tag) }] : [],
  );
  const special = candidates.filter(({ plain }) => plain.length > 1 && !isGeneral(plain));
  const named = candidates.filter(({ plain }) => !isAllGeneral(plain) && isNamed(plain, name, outputName));
  const often = pictures < fewest ? [] : special.filter(({ count }) => count >= least);
  const lead = leadOf(folder);
  const first = often.filter(({ i }) => i < lead);
  if (named.length > 0) {
    // What stands with it in front belongs to it: `zorbi, zorbi hat`.
    const beside = first.filter(({ plain }) => isMadeUp(plain));
    return candidates.filter(one => named.includes(one) || beside.includes(one)).map(({ tag }) => tag);
  }
  const unusual = often.filter(({ plain }) => isMadeUp(plain));
  const chosen = [
    first.filter(one => unusual.includes(one)),
    known ? often.filter(({ tag }) => known.includes(tag)) : first.slice(0, Math.max(1, folder.keepTags)),
    unusual,
  ].find(list => list.length > 0);
  return (chosen ?? []).map(({ tag }) => tag);
}

/** A folder without captions was trained with its own name as caption. */
function folderTrigger({ name, tags }: FolderTags): string[] {
  const concept = conceptOf(name);
  return tags.length === 0 && concept !== '' && isMadeUp(concept) ? [concept] : [];
}

function triggersOfFolder(folder: FolderTags, outputName: string): string[] {
  const { tags, pictures, prefix } = folder;
  const inFront = tagsOfWords(prefix).filter(tag => !isGeneral(plainTag(tag)));
  if (inFront.length > 0) return inFront.slice(0, mostWords);
  const [least, leastNamed] = [share.usual * pictures, share.named * pictures];
  if (tags.length === 0) return folderTrigger(folder);
  const limits = { least, leastNamed };
  if (!areSentences(tags)) return tagTriggers(folder, limits, outputName).slice(0, mostWords);
  // A tag in front of sentences: `ohwx man, a man in a park`. Behind them, captioners say how all were photographed.
  const known = tags.slice(0, folder.keepTags).map(([tag]) => tag);
  const short = { ...folder, tags: tags.filter(([tag, count]) => count >= leastNamed && tag.length <= 60) };
  const inTags = short.tags.length > 0 ? tagTriggers(short, { ...limits, known }, outputName) : [];
  return (inTags.length > 0 ? inTags : sentenceTriggers(folder, least, leastNamed, outputName)).slice(
    0,
    mostWords,
  );
}

/** Sets of trigger words of a training, one for each folder that has its own. */
export function triggersFromCaptions(metadata: Readonly<Record<string, string>>): TriggerSet[] {
  const outputName = metadata.ss_output_name ?? '';
  const sets = readFolderTags(metadata).map(folder => triggersOfFolder(folder, outputName).join(', '));
  const kept = withoutDoubles(sets.filter(words => words !== '').map(words => ({ name: '', words })));
  return nameSets(kept.map(({ words }) => ({ words })));
}
