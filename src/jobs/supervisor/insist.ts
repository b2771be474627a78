/** @file Says something to the queue until it hears it: a disk may be full or locked for a while. */
import { setTimeout as delay } from 'node:timers/promises';

const tries = 9;

/** Throws what the last try threw; about half a minute later than the first. */
export async function insist<T>(say: () => Promise<T>, onFailure: (error: unknown) => void): Promise<T> {
  for (let i = 1; ; i++) {
    try {
      return await say();
    } catch (error) {
      onFailure(error);
      if (i === tries) throw error;
      await delay(100 * 2 ** (i - 1), undefined, { ref: false });
    }
  }
}
