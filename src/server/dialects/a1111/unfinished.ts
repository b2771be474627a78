/** @file What a picture was when somebody interrupted it: its last live preview, in its full size. A1111 answers so too. */
import sharp from 'sharp';
import { writeInfotext } from '../../../generation/index.ts';
import type { GeneratePayload, Job } from '../../../jobs/index.ts';
import type { StudioContext } from '../../context.ts';
import type { DrawnPicture } from '../drawing.ts';
import { withPngText } from './png-text.ts';
import { seedPlus } from './seeds.ts';

/** Pictures of the job of which there is a preview; finished ones among them are previews too, of up to 512 pixels. */
export const unfinishedPictures =
  (context: StudioContext) =>
  async (payload: GeneratePayload, { id }: Job): Promise<DrawnPicture[]> => {
    const { width = 512, height = 512, prompt, negativePrompt, steps, guidance, sampler } = payload;
    const found: DrawnPicture[] = [];
    for (let i = 0; i < payload.count; i++) {
      const preview = context.previewOf(id, `preview-${i}`);
      if (!preview) continue;
      const seed = payload.variation ? (payload.seed ?? 0) : seedPlus(payload.seed ?? 0, i);
      const fields = {
        ...{ Steps: steps, Sampler: sampler, 'CFG scale': guidance, Seed: seed },
        ...{ Size: `${width}x${height}`, Interrupted: 'a live preview' },
      };
      const parameters = writeInfotext({ prompt, negativePrompt, fields });
      const png = await sharp(preview).resize(width, height, { fit: 'fill' }).png().toBuffer();
      found.push({
        ...{ name: `preview-${i}`, file: '', seed, width, height, parameters, findings: [] },
        settings: { prompt, negativePrompt, sampler, steps, guidance, scheduler: payload.scheduler },
        bytes: withPngText(png, { parameters }),
      });
    }
    return found;
  };
