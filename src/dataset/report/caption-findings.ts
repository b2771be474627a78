/** @file Findings about captions: missing, empty, equal, cut off, and words that nearly all of them have. */
import type { DatasetWarning } from '../findings.ts';
import type { ScannedPicture } from '../scan.ts';
import type { CaptionFacts } from './captions.ts';
import { type Finding, finding } from './finding.ts';
import { thresholds } from './thresholds.ts';
import { sharedWords } from './words.ts';

/** A caption file that `lora train` stops at. */
export interface CaptionFault {
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

export interface CaptionedPicture {
  readonly picture: ScannedPicture;
  readonly caption: CaptionFacts;
  /** Number of the group of nearly the same pictures. */
  readonly group: number;
}

const paths = (pictures: readonly CaptionedPicture[]): string[] =>
  pictures.map(({ picture }) => picture.path);
const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

function faultFindings(faults: readonly CaptionFault[]): Finding[] {
  return faults.map(({ path, message }) =>
    finding({
      code: 'CAPTION_UNUSABLE',
      pictures: [path],
      text: `${message}. \`lora train\` stops here.`,
      action: 'Save the caption as UTF-8 text, or remove the file.',
    }),
  );
}

const isUncaptioned = ({ picture }: CaptionedPicture): boolean =>
  picture.captionSource === 'none' || picture.captionSource === 'trigger';

/** Pictures whose caption file has no text, by the scan's warnings. */
export function emptyCaptions(warnings: readonly DatasetWarning[]): Set<string> {
  return new Set(warnings.flatMap(({ code, path }) => (code === 'CAPTION_FALLBACK' && path ? [path] : [])));
}

function missingFindings(pictures: readonly CaptionedPicture[], empty: ReadonlySet<string>): Finding[] {
  const withEmpty = pictures.filter(({ picture }) => empty.has(picture.path));
  const without = pictures.filter(one => isUncaptioned(one) && !empty.has(one.picture.path));
  const found: Finding[] = [];
  if (without.length > 0) {
    const all =
      without.length === pictures.length
        ? 'No picture has'
        : counted(without.length, 'picture has', 'pictures have');
    found.push(
      finding({
        code: 'CAPTION_MISSING',
        pictures: paths(without),
        numbers: { count: without.length },
        text: `${all} ${without.length === pictures.length ? 'a caption' : 'no caption'}: all that they show is learnt for the empty prompt or for the trigger word alone.`,
        action: 'Write a .txt file beside each, or give --caption for all.',
      }),
    );
  }
  if (withEmpty.length > 0) {
    found.push(
      finding({
        code: 'CAPTION_EMPTY',
        pictures: paths(withEmpty),
        numbers: { count: withEmpty.length },
        text: `${counted(withEmpty.length, 'caption file is', 'caption files are')} empty.`,
        action: 'Write what the picture shows, or remove the file so that other captions apply.',
      }),
    );
  }
  return found;
}

function truncatedFinding(pictures: readonly CaptionedPicture[]): Finding[] {
  const cut = pictures.filter(({ caption }) => caption.cut !== '');
  if (cut.length === 0) return [];
  const most = Math.max(...cut.map(({ caption }) => caption.limit));
  return [
    finding({
      code: 'CAPTION_TRUNCATED',
      pictures: paths(cut),
      numbers: { count: cut.length, limit: most },
      text: `${counted(cut.length, 'caption is', 'captions are')} longer than the ${most} tokens that are read; the rest has no effect.`,
      action: 'Shorten them, the important words first.',
    }),
  ];
}

const ownSources = new Set(['given', 'folder', 'trigger', 'none']);

/** Captions that were written for their picture. */
export const hasOwnCaption = ({ picture }: CaptionedPicture): boolean =>
  !ownSources.has(picture.captionSource);

const normalized = (caption: string): string => caption.toLowerCase().replace(/\s+/g, ' ').trim();

function equalFinding(pictures: readonly CaptionedPicture[]): Finding[] {
  const own = pictures.filter(hasOwnCaption).filter(({ picture }) => picture.caption !== '');
  if (new Set(own.map(({ group }) => group)).size < 3) return [];
  const alike = [...Map.groupBy(own, ({ picture }) => normalized(picture.caption)).values()].filter(
    // Copies of one picture have the same caption rightly.
    those => new Set(those.map(({ group }) => group)).size > 1,
  );
  const members = alike.flat();
  if (members.length < thresholds.equalCaptions * own.length) return [];
  const most = alike.reduce((a, b) => (b.length > a.length ? b : a));
  return [
    finding({
      code: 'CAPTIONS_EQUAL',
      pictures: paths(members),
      numbers: { count: members.length, of: own.length, captions: alike.length, most: most.length },
      text: `${members.length} of ${own.length} pictures share their caption with another one ("${most[0].picture.caption.slice(0, 60)}" is there ${most.length} times): what tells them apart has no word, and goes to the trigger word.`,
      action: 'Write in each caption what is special in its picture: place, pose, clothes, light.',
    }),
  ];
}

function wordFindings(pictures: readonly CaptionedPicture[], trigger: string): Finding[] {
  const own = pictures.filter(hasOwnCaption).filter(({ picture }) => picture.caption !== '');
  if (own.length < thresholds.fewestForShares) return [];
  const captions = own.map(({ picture }) => picture.caption);
  // With one caption for all there are no words to compare.
  if (new Set(captions.map(normalized)).size === 1) return [];
  const shared = sharedWords(captions, thresholds.wordShare, trigger);
  const isLearnt = ({ isPassing, members }: (typeof shared)[number]): boolean =>
    isPassing || members.length < own.length;
  const learnt = shared.filter(isLearnt);
  const constant = shared.filter(one => !isLearnt(one));
  const found = learnt.slice(0, mostWordFindings).map(({ text, members, isPassing }) =>
    finding({
      code: 'WORD_IN_MOST',
      severity: isPassing ? 'medium' : 'low',
      pictures: members.map(i => own[i].picture.path),
      numbers: { count: members.length, of: own.length },
      text: `${members.length} of ${own.length} captions have "${text}": it will be learnt as part of what you train.`,
      action: isPassing
        ? `Add pictures without "${text}", or leave some of these out.`
        : `If "${text}" belongs to it, take the words out of all captions, so that the trigger word gets them; else add pictures without.`,
    }),
  );
  if (constant.length > 0) {
    const list = constant.slice(0, 5).map(({ text }) => `"${text}"`);
    found.push(
      finding({
        code: 'WORD_IN_ALL',
        pictures: [],
        numbers: { words: constant.length },
        text: `Every caption has ${list.join(', ')}. That is right for the trigger word and for what the subject is; it then needs these words in every prompt.`,
      }),
    );
  }
  return found;
}

const mostWordFindings = 5;

export function captionFindings(
  pictures: readonly CaptionedPicture[],
  warnings: readonly DatasetWarning[],
  faults: readonly CaptionFault[],
  trigger: string,
): Finding[] {
  const unusable = new Set(faults.map(({ path }) => path));
  return [
    ...faultFindings(faults),
    ...missingFindings(
      pictures.filter(({ picture }) => !unusable.has(picture.path)),
      emptyCaptions(warnings),
    ),
    ...truncatedFinding(pictures),
    ...equalFinding(pictures),
    ...wordFindings(pictures, trigger),
  ];
}
