/** @file Draws previews with the very code of `lora generate`, so that they are what the finished file draws. */
import type { SessionOptions } from '../../engine/index.ts';
import {
  encodePicture,
  type Generator,
  infotextOf,
  openGenerator,
  type Picture,
  plainSettings,
} from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';
import type { DrawPreview, PreviewRequest } from '../../training/index.ts';

export interface PreviewDrawerOptions {
  readonly checkpoint: Checkpoint;
  readonly session?: SessionOptions;
  /** What the LoRA is called in the pictures' texts. */
  readonly name: string;
  /**
   * `keep` the sessions between previews, which costs memory, or `release` them after each, which costs the time of
   * opening them again.
   */
  readonly between: 'keep' | 'release';
}

export interface PreviewDrawer {
  readonly draw: DrawPreview;
  release(): Promise<void>;
}

/** The picture with how it was made; without the hash of the LoRA, which is no file yet. */
async function pngOf(
  checkpoint: Checkpoint,
  picture: Picture,
  request: PreviewRequest,
  name: string | undefined,
): Promise<Uint8Array> {
  const prompt = name === undefined ? request.prompt : `${request.prompt} <lora:${name}:1>`;
  const settings = plainSettings(checkpoint, { ...request, prompt });
  const parameters = infotextOf(settings, {});
  return encodePicture(picture, { format: 'png', parameters, settings, mark: true });
}

export function openPreviewDrawer(options: PreviewDrawerOptions): PreviewDrawer {
  const { checkpoint, session = {}, name, between } = options;
  let generator: Generator | undefined;
  const release = async (): Promise<void> => {
    const old = generator;
    generator = undefined;
    await old?.release();
  };
  return {
    release,
    async draw(requests, lora, { signal }) {
      generator ??= openGenerator(checkpoint, session);
      const pngs: Uint8Array[] = [];
      try {
        for (const request of requests) {
          signal?.throwIfAborted();
          const { prompt, negativePrompt, seed, ...settings } = request;
          const [picture] = await generator.generate({
            ...settings,
            pictures: [{ prompt, negativePrompt, seed }],
            loras: lora ? [{ lora, strength: 1 }] : [],
            merge: false,
            ...(signal ? { signal } : {}),
          });
          pngs.push(await pngOf(checkpoint, picture, request, lora && name));
        }
      } finally {
        if (between === 'release') await release();
      }
      return pngs;
    },
  };
}
