/** @file What the UNet reads of a prompt over a run: parts that are added up, each changing with the steps. */
import type { EncodedText } from '../../models/index.ts';

/** The state of the text for steps before `until`, counted from 0; the last has Infinity. */
export interface TextPhase {
  readonly until: number;
  readonly state: EncodedText;
}

/** One of the prompts that `AND` joins. */
export interface ConditioningPart {
  readonly weight: number;
  readonly schedule: readonly TextPhase[];
}

/** All states of a batch have the same number of tokens. */
export interface Conditioning {
  readonly parts: readonly ConditioningPart[];
}

/** A picture's prompts; there is a negative one where the picture is guided. */
export interface PictureTexts {
  readonly positive: Conditioning;
  readonly negative: Conditioning | undefined;
}

/** A row of the batch that the UNet reads: whose picture it is for, and as what. */
export interface TextRow {
  readonly picture: number;
  readonly part: ConditioningPart;
}

/** Rows of a whole batch. */
export interface TextRows {
  /** One a guided picture; they come first in the batch. */
  readonly negative: readonly TextRow[];
  readonly positive: readonly TextRow[];
}

export function textRows(texts: readonly PictureTexts[]): TextRows {
  return {
    negative: texts.flatMap(({ negative }, picture) =>
      negative ? [{ picture, part: negative.parts[0] }] : [],
    ),
    positive: texts.flatMap(({ positive }, picture) => positive.parts.map(part => ({ picture, part }))),
  };
}

/** The state that a row has in a step. */
export function stateAt({ part }: TextRow, step: number): EncodedText {
  const phase = part.schedule.find(({ until }) => step < until) ?? part.schedule[part.schedule.length - 1];
  return phase.state;
}
