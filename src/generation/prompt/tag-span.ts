/** @file Where a tag of the form `<word:…>` ends, in time linear in the prompt. */

export interface TagSpan {
  /** `lora` of `<lora:name>`, as written. */
  readonly word: string;
  /** What stands between the colon and `>`. */
  readonly inside: string;
  /** The first character behind it. */
  readonly end: number;
}

const opening = /<(\w{1,64}):/y;
/** A quoted item: it may hold colons and `>`. Sticky, with a bound, so that a lone quote costs no second look. */
const quotedItem = /\s{0,16}"[^"\n]{0,512}"\s{0,16}(?=[:>])/y;

/** The tag that begins at `start`, as A1111's `<(\w+):([^>]+)>` finds it; a name may be quoted, and a tag be empty. */
export function tagAt(text: string, start: number): TagSpan | undefined {
  opening.lastIndex = start;
  const head = opening.exec(text);
  if (!head) return undefined;
  const from = opening.lastIndex;
  quotedItem.lastIndex = from;
  const search = quotedItem.test(text) ? quotedItem.lastIndex : from;
  const close = text.indexOf('>', search);
  return close < 0 ? undefined : { word: head[1], inside: text.slice(from, close), end: close + 1 };
}

/** All tags of a text, in order, with their positions. */
export function* tagsOf(text: string): Generator<TagSpan & { readonly start: number }> {
  const last = text.lastIndexOf('>');
  for (let start = text.indexOf('<'); start >= 0 && start < last; ) {
    const tag = tagAt(text, start);
    if (tag) yield { ...tag, start };
    start = text.indexOf('<', tag ? tag.end : start + 1);
  }
}
