/** @file The trigger words of a model and who says so: its user, side files, the file, or the captions that it was trained on. */
import type { TriggerOrigin, TriggerSet } from '../card.ts';
import { asWritten, withoutDoubles } from '../side-files/trigger-sets.ts';
import { triggersFromCaptions } from './from-captions.ts';
import { triggersFromMetadata } from './from-metadata.ts';

export interface TriggerSources {
  /** What the user wrote here; an empty list is an answer, too: it has none. */
  readonly user?: readonly TriggerSet[] | null | undefined;
  readonly side?: readonly TriggerSet[] | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface Triggers {
  readonly triggers: readonly TriggerSet[];
  readonly origin?: TriggerOrigin | undefined;
}

/** The most trusted source that says something. */
export function triggersOf({ user, side = [], metadata = {} }: TriggerSources): Triggers {
  if (user) return { triggers: asWritten(user), origin: 'user' };
  const ways: readonly (readonly [TriggerOrigin, () => readonly TriggerSet[]])[] = [
    ['side-file', () => asWritten(side)],
    ['metadata', () => withoutDoubles(triggersFromMetadata(metadata))],
    ['captions', () => triggersFromCaptions(metadata)],
  ];
  for (const [origin, read] of ways) {
    const triggers = read();
    if (triggers.length > 0) return { triggers, origin };
  }
  return { triggers: [] };
}
