/** @file Pictures for the examination of a finished LoRA, drawn as `lora generate` draws them. */
import { resolveSampler } from '../../diffusion/index.ts';
import type { SessionOptions } from '../../engine/index.ts';
import { openGenerator } from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import type { OpenDrawing } from '../../training/index.ts';

/** Enough to see what is drawn. */
const drawing = { sampler: resolveSampler('DDIM'), steps: 12, guidance: 4.5 } as const;

export function drawExamined(checkpoint: Checkpoint, session: SessionOptions): OpenDrawing {
  return lora => {
    const generator = openGenerator(checkpoint, session);
    const side = checkpoint.resolution;
    return {
      async draw(prompt, seed, withLora) {
        const [picture] = await generator.generate({
          ...{ ...drawing, width: side, height: side, merge: false },
          pictures: [{ prompt, negativePrompt: '', seed }],
          loras: withLora ? [{ lora, strength: 1 }] : [],
        });
        return picture;
      },
      release: () => generator.release(),
    };
  };
}
