/** @file `--preview`: what the pictures are becoming, in a file beside them that is gone when they are done. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { LoraError } from '../../errors.ts';
import { encodePng, writeFileAtomic } from '../../files/index.ts';
import { type DrawingStep, latentPreview } from '../../generation/index.ts';
import type { Checkpoint } from '../../models/index.ts';

export interface PreviewFile {
  step(event: Pick<DrawingStep, 'step' | 'denoised'>): void;
  /** Waits for the last one to be written, and takes it away. */
  end(): Promise<void>;
}

export interface PreviewOptions {
  readonly folder: string;
  /** Steps from one to the next; none where undefined. */
  readonly every: number | undefined;
  readonly note: (text: string) => void;
}

/** preview.png, preview-2.png …: a file of another process, or of the user, stays. */
const nameOf = (attempt: number): string => (attempt === 0 ? 'preview.png' : `preview-${attempt + 1}.png`);

/** Of several pictures at once the first is shown. A preview that cannot be written is said once, and costs no picture. */
export function openPreviewFile(
  { family, latentScale }: Pick<Checkpoint, 'family' | 'latentScale'>,
  { folder, every, note }: PreviewOptions,
): PreviewFile {
  let own: string | undefined;
  let hasFailed = false;
  let writing: Promise<void> = Promise.resolve();

  /** The first write finds a name that is free. */
  const claim = async (png: Uint8Array): Promise<string> => {
    for (let attempt = 0; ; attempt++) {
      const path = join(folder, nameOf(attempt));
      try {
        await writeFileAtomic(path, png, { keepExisting: true });
        return path;
      } catch (error) {
        const isTaken = error instanceof LoraError && error.code === 'WRITE_EXISTS';
        if (!isTaken || attempt === 99) throw error;
      }
    }
  };
  const write = async (png: Uint8Array): Promise<void> => {
    if (hasFailed) return;
    try {
      if (own !== undefined) return await writeFileAtomic(own, png);
      own = await claim(png);
      note(`preview: ${own}`);
    } catch (error) {
      hasFailed = true;
      note(`no preview: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return {
    step({ step, denoised }) {
      if (every === undefined || step % every !== 0) return;
      const [, ...shape] = denoised.shape;
      const size = shape.reduce((product, side) => product * side, 1);
      const latent = { shape, data: denoised.data.slice(0, size) };
      const png = encodePng(latentPreview(latent, family, { scale: latentScale }));
      writing = writing.then(() => write(png));
    },
    async end() {
      await writing;
      if (own !== undefined) rmSync(own, { force: true });
    },
  };
}
