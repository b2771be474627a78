/** @file Words and tags of captions: what nearly all of them have in common. */

/** Words that say nothing of the picture. */
const smallWords = new Set(
  'a an the of in on at to and or with by for from is are was its it his her their this that as into over under near before behind between beside above below'.split(
    ' ',
  ),
);

/** Kinds of picture and of subject, which belong into every caption: they tell the trigger word what it is. */
const kindWords = new Set(
  `photo photograph photography picture image drawing painting illustration sketch artwork art render portrait man woman
   person people boy girl child baby guy lady male female dog cat animal character toy object thing solo 1girl 1boy`.split(
    /\s+/,
  ),
);

/** What a picture's subject has for the moment only; in every caption it is learnt as part of the subject. */
const passingWords = new Set(
  `background backdrop wall sky grass beach sea snow forest street city room kitchen studio indoors outdoors night day
   red orange yellow green blue purple pink brown black white grey gray smile smiling laughing standing sitting lying
   walking running jumping looking facing closeup close-up close full-body upper-body cowboy-shot from-above from-below
   side view profile hat cap glasses sunglasses shirt dress jacket coat t-shirt suit jeans scarf uniform holding wearing
   light lighting sunset sunrise shadow bokeh blurry`.split(/\s+/),
);

const wordPattern = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

export const wordsOf = (text: string): string[] => text.toLowerCase().match(wordPattern) ?? [];

/** The tags of a caption; a sentence is one. */
export const tagsOf = (caption: string): string[] =>
  caption
    .split(',')
    .map(tag => tag.trim().toLowerCase())
    .filter(tag => tag !== '');

/** Whether most captions are lists of tags. */
export function areTags(captions: readonly string[]): boolean {
  const lists = captions.filter(caption => {
    const tags = tagsOf(caption);
    return tags.length >= 3 && wordsOf(caption).length <= 4 * tags.length;
  });
  return captions.length > 0 && lists.length > captions.length / 2;
}

const mostWords = 3;

/** Runs of one to three words that neither begin nor end with a small word. */
function phrasesOf(caption: string): string[] {
  const found: string[] = [];
  for (const tag of tagsOf(caption)) {
    const words = wordsOf(tag);
    for (let start = 0; start < words.length; start++) {
      for (let length = 1; length <= mostWords && start + length <= words.length; length++) {
        const run = words.slice(start, start + length);
        if (smallWords.has(run[0]) || smallWords.has(run[run.length - 1])) continue;
        found.push(run.join(' '));
      }
    }
  }
  return found;
}

export interface SharedWord {
  readonly text: string;
  /** Indices of the captions that have it. */
  readonly members: readonly number[];
  /** Whether it names something that should be free to change. */
  readonly isPassing: boolean;
}

const holds = (words: readonly string[], set: ReadonlySet<string>): boolean =>
  words.some(word => set.has(word));

/** A longer phrase stands for a shorter one in it when it has nearly as many captions. */
const nearlyAll = 0.85;

const isPartOf = (part: SharedWord, whole: SharedWord): boolean =>
  part !== whole &&
  ` ${whole.text} `.includes(` ${part.text} `) &&
  whole.members.length >= nearlyAll * part.members.length;

/** Whether two phrases are pieces of one longer phrase. */
const overlaps = (a: SharedWord, b: SharedWord): boolean =>
  a.members.length === b.members.length && wordsOf(a.text).some(word => wordsOf(b.text).includes(word));

/**
 * Words, phrases or tags that at least `share` of the captions have, most first; those of the trigger and kinds of
 * picture or subject left out.
 */
export function sharedWords(captions: readonly string[], share: number, trigger = ''): SharedWord[] {
  const members = new Map<string, number[]>();
  const unitsOf = areTags(captions) ? tagsOf : phrasesOf;
  for (const [i, caption] of captions.entries()) {
    for (const unit of new Set(unitsOf(caption))) members.set(unit, [...(members.get(unit) ?? []), i]);
  }
  const ofTrigger = new Set(wordsOf(trigger));
  const shared = [...members]
    .filter(([, those]) => those.length >= share * captions.length)
    .filter(([text]) => {
      const telling = wordsOf(text).filter(word => !smallWords.has(word) && !ofTrigger.has(word));
      return telling.some(word => !kindWords.has(word)) && !wordsOf(text).some(word => ofTrigger.has(word));
    })
    .map(([text, those]) => ({ text, members: those, isPassing: holds(wordsOf(text), passingWords) }));
  const whole = shared
    .filter(one => !shared.some(other => isPartOf(one, other)))
    .sort((a, b) => b.members.length - a.members.length || b.text.length - a.text.length);
  return whole.filter((one, i) => !whole.slice(0, i).some(before => overlaps(one, before)));
}

/** Kinds of subject, as in "a photo of a zorbi dog": never a trigger word. */
export const isKindWord = (word: string): boolean => kindWords.has(word) || smallWords.has(word);
