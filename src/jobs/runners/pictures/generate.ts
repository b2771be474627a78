/** @file Picture jobs: what `lora generate` does, in a workshop that stays open. */
import { ensureFreeSpace } from '../../../files/index.ts';
import { type PictureSettings, settlePictures } from '../../../generation/index.ts';
import { openSecondsLeft } from '../../../workbench/index.ts';
import type { GeneratePayload } from '../../payloads/generate.ts';
import type { JobRunner } from '../../runner.ts';
import type { PictureBench } from './bench.ts';
import { openDrawnPictures } from './drawn-pictures.ts';
import { openPictureFolders } from './folders.ts';
import { keepChoice } from './kept-choice.ts';
import { openLivePreviews } from './live-previews.ts';
import { wishOf } from './wish.ts';

/** Bytes that a picture of noise takes at most. */
const bytesOf = ({ hires, width, height }: PictureSettings): number =>
  3 * (hires ? hires.width * hires.height : width * height) + 4096;

const describeStep = (pictures: readonly number[], count: number, step: number, steps: number): string => {
  const [from, to] = [pictures[0] + 1, (pictures.at(-1) ?? 0) + 1];
  return `${to > from ? `pictures ${from}–${to}` : `picture ${from}`} of ${count}, step ${step} of ${steps}`;
};

export const generateRunner =
  (benches: PictureBench): JobRunner<GeneratePayload> =>
  async (payload, context) => {
    const { signal, places, names } = context;
    const { count, batch } = payload;
    signal.throwIfAborted();
    context.progress({ share: 0, text: 'opening the model', detail: { pictures: count, done: 0 } });
    const folders = openPictureFolders(names);
    const choice = await keepChoice(context, payload);
    const { checkpoint, workshop } = await benches.open(context, payload.base, folders);
    const wish = wishOf(payload, { names, checkpoint, seeds: choice, count });
    const { settings, findings } = await settlePictures(wish, { checkpoint, wildcards: folders.wildcards });
    for (const finding of findings) context.note(finding);
    const file = { format: payload.format, quality: payload.quality };
    const drawn = await openDrawnPictures(context, choice, payload.format, count);
    const left = settings.map((_, i) => i).filter(i => !drawn.has(i));
    const toDraw = left.map(i => settings[i]);
    await ensureFreeSpace(
      places.work,
      toDraw.map(bytesOf).reduce((sum, bytes) => sum + bytes, 0),
    );
    await workshop.prepare(toDraw, batch, file);
    const previews = openLivePreviews(context, checkpoint, payload.previewEvery);
    const secondsLeft = openSecondsLeft();
    let done = count - left.length;
    let furthest = 0;
    /** Pictures of a batch become ready one after the other, when all their steps are done. */
    const tell = (
      share: number,
      text: string,
      detail: { readonly step: number; readonly steps: number },
    ): void => {
      furthest = Math.max(furthest, share);
      context.progress({
        ...{ share: furthest, text, secondsLeft: secondsLeft(furthest) },
        detail: { ...detail, pictures: count, done },
      });
    };
    try {
      await workshop.draw(toDraw, {
        ...{ batch, signal, file },
        onStep(event) {
          const { step, steps } = event;
          const pictures = event.pictures.map(i => left[i]);
          const share = (done + (step / steps) * pictures.length) / count;
          previews.step({ ...event, pictures });
          tell(share, describeStep(pictures, count, step, steps), { step, steps });
        },
        async onPicture(i, picture) {
          const told = await drawn.keep(left[i], picture);
          for (const finding of told.findings) context.note(`${told.name}: ${finding}`);
          previews.finished(left[i], picture.bytes);
          done++;
          tell(done / count, `${done} of ${count} pictures`, { step: 0, steps: picture.settings.steps });
        },
      });
    } finally {
      await previews.end();
    }
    const { files, pictures } = drawn.outcome();
    return { files, result: { pictures, findings } };
  };
