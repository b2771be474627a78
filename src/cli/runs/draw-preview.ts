/** @file Draws previews with the very code of `lora generate`, so that they are what the finished file draws. */
import type { SessionOptions } from '../../engine/index.ts';
import { encodePng } from '../../files/index.ts';
import { type Generator, openGenerator, openPictureText } from '../../generation/index.ts';
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

/** The text of a picture; without the hash of the LoRA, which is no file yet. */
async function textOf(
  checkpoint: Checkpoint,
  request: PreviewRequest,
  name: string | undefined,
): Promise<string> {
  const prompt = name === undefined ? request.prompt : `${request.prompt} <lora:${name}:1>`;
  const write = await openPictureText({ ...request, checkpoint, prompt, loras: [] });
  return write(request.seed);
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
          const text = { parameters: await textOf(checkpoint, request, lora && name) };
          pngs.push(encodePng({ ...picture, channels: 3 }, text));
        }
      } finally {
        if (between === 'release') await release();
      }
      return pngs;
    },
  };
}
