/** @file What a data set is for and its word, as they were said last in this browser. */

export interface Purpose {
  readonly goal?: string | undefined;
  readonly trigger?: string | undefined;
}

const keyOf = (dataset: string): string => `lora-studio:purpose:${dataset}`;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Nothing where nothing was said, or where the browser keeps nothing. */
export function keptPurpose(dataset: string): Purpose {
  try {
    const { goal, trigger } = JSON.parse(localStorage.getItem(keyOf(dataset)) ?? '{}');
    return { goal: textOf(goal), trigger: textOf(trigger) };
  } catch {
    return {};
  }
}

export function keepPurpose(dataset: string, purpose: Purpose): void {
  try {
    localStorage.setItem(keyOf(dataset), JSON.stringify(purpose));
  } catch {
    // A browser that keeps nothing forgets it with the page.
  }
}
