/** @file Draws what a grid lacks: each picture is kept as soon as it is ready, the sheets follow from time to time. */
import type { PictureSettings } from '../settings/schema.ts';
import type { GridFolder } from './grid-folder.ts';
import { openTimeLeft } from './time-left.ts';

export interface DrawnPicture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
}

/** Draws pictures one after the other, or several at once; says each as soon as it is ready. */
export type DrawPictures = (
  settings: readonly PictureSettings[],
  hooks: {
    readonly signal?: AbortSignal;
    readonly onStep?: (step: number, steps: number) => void;
    readonly onPicture: (index: number, picture: DrawnPicture) => Promise<void>;
  },
) => Promise<void>;

export interface GridProgress {
  /** Pictures of this run that are ready, and all that it has to draw. */
  readonly done: number;
  readonly total: number;
  /** Of the picture that is drawn. */
  readonly step: number;
  readonly steps: number;
  /** Known after the first pictures. */
  readonly secondsLeft: number | undefined;
}

export interface DrawGridOptions {
  readonly draw: DrawPictures;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: GridProgress) => void;
  /** Draws the sheets of what is there. */
  readonly drawSheets: () => Promise<void>;
}

/** Sheets are drawn again after so long, or longer where drawing them takes more than a twentieth of the time. */
const secondsBetweenSheets = 30;
const mostShare = 0.05;

/** When the next sheet is due; `now` in seconds. */
export function openSheetPace(now: () => number): { isDue(): boolean; drawn(seconds: number): void } {
  let last = now();
  let pause = secondsBetweenSheets;
  return {
    isDue: () => now() - last >= pause,
    drawn(seconds) {
      last = now();
      pause = Math.max(secondsBetweenSheets, seconds / mostShare);
    },
  };
}

/**
 * Draws the missing pictures of a grid, then its sheets. Whatever ends it, Ctrl-C or an error, what is finished is kept and
 * on the sheets.
 */
export async function drawGrid(folder: GridFolder, options: DrawGridOptions): Promise<void> {
  const { draw, signal, onProgress, drawSheets } = options;
  const missing = folder.missing();
  const now = (): number => performance.now() / 1000;
  const pace = openSheetPace(now);
  const left = openTimeLeft(missing.map(({ settings }) => settings));
  let done = 0;
  const update = async (): Promise<void> => {
    const started = now();
    await folder.record();
    await drawSheets();
    pace.drawn(now() - started);
  };
  if (missing.length > 0) {
    const hooks = {
      ...(signal ? { signal } : {}),
      onStep: (step: number, steps: number) =>
        onProgress?.({ done, total: missing.length, step, steps, secondsLeft: left.secondsLeft() }),
      async onPicture(index: number, { png }: DrawnPicture) {
        await folder.keep(missing[index], png);
        left.finished(index, now());
        done++;
        if (done < missing.length && pace.isDue()) await update();
      },
    };
    left.begin(now());
    try {
      await draw(
        missing.map(({ settings }) => settings),
        hooks,
      );
    } catch (error) {
      await update().catch(() => undefined); // the first error says more
      throw error;
    }
  }
  await update();
}
