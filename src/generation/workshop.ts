/**
 * @file Settings in, finished picture files out. A workshop keeps its base model, LoRAs and encoders open between
 * pictures; the command line, comparisons and the server all draw through it.
 */
import { resolveSampler } from '../diffusion/index.ts';
import type { SessionOptions } from '../engine/index.ts';
import { usageError } from '../errors.ts';
import { hashTensorData } from '../files/index.ts';
import { mainFile } from '../lora/index.ts';
import { type Checkpoint, encoderUses, parameterCount } from '../models/index.ts';
import { type MentionedEmbedding, mentionedEmbeddings } from './embeddings/mentioned-embeddings.ts';
import type { Embeddings } from './embeddings/open-embeddings.ts';
import type { TextWidths } from './embeddings/read-embedding.ts';
import type { LoraFolders } from './find-lora/lora-folders.ts';
import { openGenerator } from './generator.ts';
import { openGivenPictures, type PreparedStart } from './given-pictures.ts';
import { type LoadedLora, type LoadOptions, openLoraShelf } from './load-lora.ts';
import type { ChosenLora } from './lora-sets.ts';
import { planGeneration } from './memory/fitting.ts';
import { encodePicture, type PictureFormat } from './metadata/encode-picture.ts';
import { infotextOf, type NamedHash } from './metadata/infotext-of.ts';
import { extractLoraTags, negativeTagFindings } from './prompt/lora-tags.ts';
import { stepRange } from './prompt/step-range.ts';
import type { DrawingStep, GenerateRequest, PictureRequest, SecondPass } from './request.ts';
import { presets, rulesOf } from './settings/presets.ts';
import type { PictureSettings } from './settings/schema.ts';

export interface WorkshopOptions {
  readonly checkpoint: Checkpoint;
  readonly session?: SessionOptions | undefined;
  /** Where names in `<lora:name>` are looked for. */
  readonly loras: LoraFolders;
  readonly embeddings: Embeddings;
  readonly load?: LoadOptions | undefined;
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
  /** Hears of each LoRA file when it is read. */
  readonly onLora?: ((lora: LoadedLora) => void) | undefined;
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

export interface DrawHooks {
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
   * MEMORY_SHORT, with what would fit, for pictures that take more memory than there is.
   */
  prepare(settings: readonly PictureSettings[], batch?: number): Promise<void>;
  release(): Promise<void>;
}

/** Small models need no thought of memory, unless the pictures are large. */
const largeParameters = 50_000_000;
const mostUnthoughtPixels = 512 ** 2;

/** What differs between the pictures of a batch; all else is shared. */
function sharedKey({ hires, ...settings }: PictureSettings): string {
  const {
    prompt: _p,
    negativePrompt: _n,
    templates: _t,
    loras: _l,
    seed: _s,
    variation: _v,
    ...shared
  } = settings;
  const { prompt: _hp, negativePrompt: _hn, ...hiresShared } = hires ?? {};
  return JSON.stringify([shared, hiresShared]);
}

/** Neighbours that can share a batch, by their places. */
function batchesOf(settings: readonly PictureSettings[], most: number): number[][] {
  const batches: number[][] = [];
  for (const i of settings.keys()) {
    const last = batches.at(-1);
    const fits = last && last.length < most && sharedKey(settings[last[0]]) === sharedKey(settings[i]);
    if (fits) last.push(i);
    else batches.push([i]);
  }
  return batches;
}

/** Everything a picture needs beside what its batch shares. */
interface PreparedPicture {
  readonly request: PictureRequest;
  readonly loras: readonly LoadedLora[];
  readonly hashes: readonly NamedHash[];
  readonly embeddings: readonly MentionedEmbedding[];
  readonly findings: readonly string[];
}

export function openWorkshop(options: WorkshopOptions): Workshop {
  const { checkpoint, session = {}, load = {}, format = 'png', quality, mark = true } = options;
  const wholeUpTo = options.tiledVae ? { wholeUpTo: 0 } : {};
  const generator = openGenerator(checkpoint, { ...session, ...wholeUpTo });
  const isLarge = parameterCount(checkpoint.unet.weights) > largeParameters;
  const givenPictures = openGivenPictures(checkpoint);
  const readLora = openLoraShelf(checkpoint, { ...load, embeddings: true }, options.onLora);
  const widths: TextWidths = Object.fromEntries(
    encoderUses(checkpoint).map(({ name, part }) => [name, part.config.hiddenSize]),
  );
  const hashes = new Map<string, Promise<string>>();
  const hashOf = (path: string): Promise<string> => {
    const hash = hashes.get(path) ?? hashTensorData(mainFile(path));
    hashes.set(path, hash);
    return hash;
  };
  /** Words of their own, as LoRAs without layers; the same object each time, by which the text encoder knows them. */
  const wordCarriers = new Map<string, ChosenLora>();
  const carrierOf = (embedding: MentionedEmbedding): ChosenLora => {
    const key = `${embedding.hash} ${embedding.word}`;
    const carrier = wordCarriers.get(key) ?? {
      lora: { modules: [], metadata: {}, embeddings: [embedding] },
      strength: 1,
    };
    wordCarriers.set(key, carrier);
    return carrier;
  };

  const preparePicture = (
    settings: PictureSettings,
  ): Omit<PreparedPicture, 'hashes'> & { names: string[] } => {
    const { negativePrompt, seed, variation, hires } = settings;
    const { prompt, loras: tags, findings } = extractLoraTags(settings.prompt);
    const tagged = tags.map(tag => ({ ...tag, path: options.loras.find(tag.name) }));
    const given = [...settings.loras, ...tagged];
    const loras = given.map(readLora);
    const second =
      hires?.prompt === undefined && hires?.negativePrompt === undefined
        ? undefined
        : {
            prompt: extractLoraTags(hires.prompt ?? prompt).prompt,
            negativePrompt: hires.negativePrompt ?? negativePrompt,
          };
    const known = loras.flatMap(({ lora }) => (lora.embeddings ?? []).map(({ word }) => word));
    const texts = [prompt, negativePrompt, ...(second ? [second.prompt, second.negativePrompt] : [])];
    const { syntax } = rulesOf(settings);
    const mentioned = mentionedEmbeddings(texts, options.embeddings, { syntax, widths, known });
    const chosen = loras.map((lora, i): ChosenLora => {
      const { start, stop } = given[i];
      const isWhole = start === undefined && stop === undefined;
      return isWhole ? lora : { ...lora, steps: stepRange(start, stop, settings.steps) };
    });
    return {
      request: {
        ...{ prompt, negativePrompt, seed, variation, second },
        loras: [...chosen, ...mentioned.embeddings.map(carrierOf)],
      },
      ...{ loras, names: given.map(({ name }) => name), embeddings: mentioned.embeddings },
      findings: [...findings, ...negativeTagFindings(negativePrompt), ...mentioned.findings],
    };
  };

  /** Whether the UNet may stay open while pictures are decoded, for each size once. */
  const keeping = new Map<string, boolean>();
  const keepsUnetFor = ({ width, height, guidance, hires }: PictureSettings, pictures: number): boolean => {
    if (!isLarge && pictures * width * height <= mostUnthoughtPixels && !hires) return true;
    const rowsPerPicture = guidance === 1 ? 1 : 2;
    const size = hires ?? { width, height };
    const key = JSON.stringify([size.width, size.height, rowsPerPicture, pictures]);
    const known = keeping.get(key);
    if (known !== undefined) return known;
    const { keepsUnet } = planGeneration(checkpoint, {
      ...{ width: size.width, height: size.height, rows: pictures * rowsPerPicture, rowsPerPicture },
      ...{ tokens: checkpoint.textEncoder.tokenizer.maxTokens, ...wholeUpTo },
    });
    keeping.set(key, keepsUnet);
    return keepsUnet;
  };

  const withHashes = async (settings: PictureSettings): Promise<PreparedPicture> => {
    const { names, ...prepared } = preparePicture(settings);
    const named: NamedHash[] = [];
    for (const [i, { path }] of prepared.loras.entries())
      named.push({ name: names[i], hash: await hashOf(path) });
    return { ...prepared, hashes: named };
  };

  const finish = async (
    settings: PictureSettings,
    { hashes: loras, embeddings }: PreparedPicture,
    raster: Pick<FinishedPicture, 'width' | 'height' | 'data'>,
  ): Promise<Pick<FinishedPicture, 'bytes' | 'parameters'>> => {
    const parameters = infotextOf(settings, {
      modelHash: await options.modelHash?.(),
      ...{ loras, embeddings, isInpaintModel: checkpoint.variant === 'inpaint' },
    });
    const device = session.provider ?? 'cpu';
    return {
      parameters,
      bytes: await encodePicture(raster, { format, quality, parameters, settings, device, mark }),
    };
  };

  const drawBatch = async (
    all: readonly PictureSettings[],
    places: readonly number[],
    { onBegin, onStep, onPicture, signal }: DrawHooks,
    isLast: boolean,
  ): Promise<void> => {
    const [first] = places.map(place => all[place]);
    const prepared = places.map(place => withHashes(all[place]));
    const pictures = await Promise.all(prepared);
    const start = await givenPictures(first);
    const drawn = await generator.generate({
      ...requestOf(first, start),
      pictures: pictures.map(({ request }) => request),
      ...{ loras: [], signal, onBegin },
      keepsUnet: keepsUnetFor(first, places.length) && !(isLast && options.closesAtEnd),
      onStep: event => onStep?.({ ...event, pictures: event.pictures.map(i => places[i]) }),
    });
    for (const [i, picture] of drawn.entries()) {
      const settings = all[places[i]];
      const raster = start.finish(picture);
      const { width, height, data } = raster;
      await onPicture(places[i], {
        ...{ width, height, data, settings, truncated: picture.truncated },
        ...(await finish(settings, pictures[i], raster)),
        findings: [...start.findings, ...pictures[i].findings, ...picture.findings],
      });
    }
  };

  return {
    async prepare(settings, batch = 1) {
      for (const one of settings) {
        preparePicture(one);
        await givenPictures(one);
      }
      for (const [first, ...more] of batchesOf(settings, batch))
        keepsUnetFor(settings[first], 1 + more.length);
    },
    async draw(settings, hooks) {
      const batches = batchesOf(settings, hooks.batch ?? 1);
      for (const [i, batch] of batches.entries()) {
        hooks.signal?.throwIfAborted();
        await drawBatch(settings, batch, hooks, i === batches.length - 1);
      }
    },
    release: () => generator.release(),
  };
}

/** What all pictures of a batch share. */
function requestOf(
  settings: PictureSettings,
  start: PreparedStart,
): Omit<GenerateRequest, 'pictures' | 'loras'> {
  const { merge, samplerOptions, steps, guidance, guidanceRescale, width, height, noiseSize } = settings;
  return {
    ...{ merge, samplerOptions, steps, guidance, guidanceRescale, width, height, noiseSize },
    sampler: resolveSampler(settings.sampler, settings.scheduler, presets[settings.preset].schedules),
    rules: rulesOf(settings),
    ...{ init: start.init, inpaint: start.inpaint },
    second: secondPassOf(settings),
  };
}

function secondPassOf({
  hires,
  sampler,
  scheduler,
  guidance,
  inpaint,
  preset,
}: PictureSettings): SecondPass | undefined {
  if (!hires) return undefined;
  if (inpaint)
    throw usageError(
      'HIRES_INPAINT',
      'a second pass redraws the whole picture',
      'Leave out --mask or --hires.',
    );
  const { width, height, upscaler, steps, strength } = hires;
  return {
    ...{ width, height, upscaler, steps, strength },
    sampler: resolveSampler(
      hires.sampler ?? sampler,
      hires.scheduler ?? scheduler,
      presets[preset].schedules,
    ),
    guidance: hires.guidance ?? guidance,
  };
}
