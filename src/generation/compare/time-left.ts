/** @file How long the rest of a grid takes, by what its first pictures took. */
import type { PictureSettings } from '../settings/schema.ts';

/** Runs of the UNet, each by its pixels: a measure of how long a picture takes beside another. */
export function workOf({ steps, width, height, guidance, hires }: PictureSettings): number {
  const batch = guidance === 1 ? 1 : 2;
  const second = hires ? hires.steps * hires.width * hires.height : 0;
  return batch * (steps * width * height + second);
}

export interface TimeLeft {
  begin(now: number): void;
  finished(index: number, now: number): void;
  /** Undefined until something has been finished. */
  secondsLeft(): number | undefined;
}

/** The first picture also opens the model, so it does not count once there is another. */
export function openTimeLeft(pictures: readonly PictureSettings[]): TimeLeft {
  const works = pictures.map(workOf);
  const left = new Set(works.keys());
  let last = 0;
  let counted = { work: 0, seconds: 0, pictures: 0 };
  return {
    begin(now) {
      last = now;
    },
    finished(index, now) {
      left.delete(index);
      const before = counted.pictures === 1 ? { work: 0, seconds: 0 } : counted;
      counted = {
        work: before.work + works[index],
        seconds: before.seconds + now - last,
        pictures: counted.pictures + 1,
      };
      last = now;
    },
    secondsLeft() {
      if (counted.pictures === 0) return undefined;
      const rest = [...left].reduce((sum, index) => sum + works[index], 0);
      return (rest * counted.seconds) / counted.work;
    },
  };
}
