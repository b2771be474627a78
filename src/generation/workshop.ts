/**
 * @file Settings in, finished picture files out. A workshop keeps its base model, LoRAs and encoders open between
 * pictures; the command line, comparisons and the server all draw through it.
 */
import type { SessionOptions } from '../engine/index.ts';
import { type Checkpoint, encoderUses, parameterCount } from '../models/index.ts';
import { openGenerator } from './generator.ts';
import { openGivenPictures } from './given-pictures.ts';
import { availableMemory, ownMemory } from './memory/available.ts';
import { planGeneration } from './memory/fitting.ts';
import { encodePicture, type PictureFormat } from './metadata/encode-picture.ts';
import { requireFormatHolds } from './metadata/format-limits.ts';
import { infotextOf } from './metadata/infotext-of.ts';
import { composedParts } from './prompt/composed.ts';
import type { DrawingStep, Picture } from './request.ts';
import { presets } from './settings/presets.ts';
import type { PictureSettings } from './settings/schema.ts';
import { batchesOf } from './workshop/batches.ts';
import { openPictureParts, type PartsOptions, type PictureParts } from './workshop/picture-parts.ts';
import { requestOf } from './workshop/request-of.ts';

export interface WorkshopOptions extends PartsOptions {
  readonly checkpoint: Checkpoint;
  readonly session?: SessionOptions | undefined;
  readonly format?: PictureFormat | undefined;
  /** Decode and encode in tiles whatever the size, which takes less memory. */
  readonly tiledVae?: boolean | undefined;
  /** Close the UNet before the last pictures of a call are decoded: nobody waits for the next ones. */
  readonly closesAtEnd?: boolean | undefined;
  /** Of JPEG and WebP. */
  readonly quality?: number | undefined;
  /** Say in each picture that it is generated (IPTC). */
  readonly mark?: boolean | undefined;
  /** sha256 of the checkpoint, where it is known. */
  readonly modelHash?: (() => Promise<string | undefined>) | undefined;
}

export interface FinishedPicture {
  readonly width: number;
  readonly height: number;
  /** Interleaved RGB. */
  readonly data: Uint8Array;
  /** The file. */
  readonly bytes: Uint8Array;
  /** A1111's text in it. */
  readonly parameters: string;
  readonly settings: PictureSettings;
  /** What did not fit into the text encoder; empty when all did. */
  readonly truncated: { readonly prompt: string; readonly negativePrompt: string };
  readonly findings: readonly string[];
}

/** What kind of files. */
export interface FileWish {
  readonly format?: PictureFormat | undefined;
  /** Of JPEG and WebP. */
  readonly quality?: number | undefined;
}

export interface DrawHooks {
  /** In place of the workshop's own. */
  readonly file?: FileWish | undefined;
  /** Pictures made at once, where they differ in prompts, seeds and LoRAs only; 1 unless said. */
  readonly batch?: number | undefined;
  /** `pictures` are places in the list of settings. */
  readonly onStep?: ((event: DrawingStep) => void) | undefined;
  /** Before the first step, when all is open. */
  readonly onBegin?: (() => void) | undefined;
  /** Each picture as soon as it is ready. */
  readonly onPicture: (index: number, picture: FinishedPicture) => Promise<void> | void;
  readonly signal?: AbortSignal | undefined;
}

export interface Workshop {
  /** Draws pictures in the order given. An abort ends it within one step; what was finished has been handed over. */
  draw(settings: readonly PictureSettings[], hooks: DrawHooks): Promise<void>;
  /**
   * Finds everything that settings name and reads it, so that what lacks is said before the first step. Throws
   * MEMORY_SHORT, with what would fit, for pictures that take more memory than there is, and OUT_FORMAT for those that
   * the format cannot hold.
   */
  prepare(settings: readonly PictureSettings[], batch?: number, file?: FileWish): Promise<void>;
  release(): Promise<void>;
}

/** Small models need no thought of memory, unless the pictures are large. */
const largeParameters = 50_000_000;
const mostUnthoughtPixels = 512 ** 2;

export function openWorkshop(options: WorkshopOptions): Workshop {
  const { checkpoint, session = {}, mark = true } = options;
  const own: FileWish = { format: options.format, quality: options.quality };
  const wholeUpTo = options.tiledVae ? { wholeUpTo: 0 } : {};
  const generator = openGenerator(checkpoint, { ...session, ...wholeUpTo });
  const isLarge = parameterCount(checkpoint.unet.weights) > largeParameters;
  const givenPictures = openGivenPictures(checkpoint);
  const partsOf = openPictureParts(options);

  /** Whether the UNet may stay open while pictures are decoded, for each size once. */
  const keeping = new Map<string, boolean>();
  const keepsUnetFor = (settings: PictureSettings, pictures: number): boolean => {
    const { prompt, width, height, guidance, hires, preset } = settings;
    if (!isLarge && pictures * width * height <= mostUnthoughtPixels && !hires) return true;
    const prompts = presets[preset].syntax === 'a1111' ? composedParts(prompt).length : 1;
    const rowsPerPicture = prompts + (guidance === 1 && prompts === 1 ? 0 : 1);
    const [size] = [{ width, height }, ...(hires ? [hires] : [])].sort(
      (a, b) => b.width * b.height - a.width * a.height,
    );
    const key = JSON.stringify([size.width, size.height, rowsPerPicture, pictures]);
    const known = keeping.get(key);
    if (known !== undefined) return known;
    const plan = {
      ...{ width: size.width, height: size.height, rows: pictures * rowsPerPicture, rowsPerPicture },
      ...{ tokens: checkpoint.textEncoder.tokenizer.maxTokens, ...wholeUpTo },
    };
    // The forecast is of the whole process: what it has already counts as there.
    const { keepsUnet } = planGeneration(checkpoint, plan, availableMemory() + ownMemory());
    keeping.set(key, keepsUnet);
    return keepsUnet;
  };

  const finish = async (
    settings: PictureSettings,
    { hashes, embeddings }: PictureParts,
    raster: Pick<FinishedPicture, 'width' | 'height' | 'data'>,
    { format = 'png', quality }: FileWish,
  ): Promise<Pick<FinishedPicture, 'bytes' | 'parameters'>> => {
    const loras = await hashes();
    const modelHash = await options.modelHash?.();
    // With hashes, by which the same files are found again whatever they are called.
    const recorded = {
      ...settings,
      model: { ...settings.model, ...(modelHash === undefined ? {} : { hash: modelHash }) },
      loras: settings.loras.map((lora, i) => ({ ...lora, hash: loras[i].hash })),
    };
    const parameters = infotextOf(recorded, {
      ...{ modelHash, loras, embeddings, isInpaintModel: checkpoint.variant === 'inpaint' },
    });
    const device = session.provider ?? 'cpu';
    return {
      parameters,
      bytes: await encodePicture(raster, { format, quality, parameters, settings: recorded, device, mark }),
    };
  };

  const drawBatch = async (
    all: readonly PictureSettings[],
    places: readonly number[],
    { onBegin, onStep, onPicture, signal, file = own }: DrawHooks,
    isLast: boolean,
  ): Promise<void> => {
    const [first] = places.map(place => all[place]);
    const pictures = places.map(place => partsOf(all[place]));
    const start = await givenPictures(first);
    const handOver = async (i: number, picture: Picture): Promise<void> => {
      const settings = all[places[i]];
      const raster = start.finish(picture);
      const { width, height, data } = raster;
      await onPicture(places[i], {
        ...{ width, height, data, settings, truncated: picture.truncated },
        ...(await finish(settings, pictures[i], raster, file)),
        findings: [...start.findings, ...pictures[i].findings, ...picture.findings],
      });
    };
    await generator.generate({
      ...requestOf(first, start),
      pictures: pictures.map(({ request }) => request),
      ...{ loras: [], signal, onBegin, onPicture: handOver },
      keepsUnet: keepsUnetFor(first, places.length) && !(isLast && options.closesAtEnd),
      onStep: event => onStep?.({ ...event, pictures: event.pictures.map(i => places[i]) }),
    });
  };

  let last: Promise<unknown> = Promise.resolve();
  /** Sessions serve one drawing at a time; others wait. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };

  return {
    prepare: (settings, batch = 1, { format = 'png' } = own) =>
      inTurn(async () => {
        for (const one of settings) {
          const { clipSkip, preset } = one;
          encoderUses(checkpoint, { clipSkip, sdxl: presets[preset].sdxlClipSkip }); // CLIP_SKIP_INVALID
          const parts = partsOf(one);
          await givenPictures(one);
          await requireFormatHolds(
            { ...{ format, settings: one, device: session.provider ?? 'cpu' }, mark },
            {
              loras: format === 'jpeg' ? await parts.hashes() : [],
              ...{ embeddings: parts.embeddings, isInpaintModel: checkpoint.variant === 'inpaint' },
            },
          );
        }
        for (const [first, ...more] of batchesOf(settings, batch))
          keepsUnetFor(settings[first], 1 + more.length);
      }),
    draw: (settings, hooks) =>
      inTurn(async () => {
        const batches = batchesOf(settings, hooks.batch ?? 1);
        for (const [i, batch] of batches.entries()) {
          hooks.signal?.throwIfAborted();
          await drawBatch(settings, batch, hooks, i === batches.length - 1);
        }
      }),
    release: () => inTurn(() => generator.release()),
  };
}
