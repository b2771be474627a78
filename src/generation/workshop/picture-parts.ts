/** @file What the settings of one picture name, found and read: prompts without tags, LoRAs, words of their own. */
import { hashTensorData } from '../../files/index.ts';
import { mainFile } from '../../lora/index.ts';
import { type Checkpoint, encoderUses } from '../../models/index.ts';
import { type MentionedEmbedding, mentionedEmbeddings } from '../embeddings/mentioned-embeddings.ts';
import type { Embeddings } from '../embeddings/open-embeddings.ts';
import type { TextWidths } from '../embeddings/read-embedding.ts';
import type { LoraFolders } from '../find-lora/lora-folders.ts';
import { fileStamp, type LoadedLora, type LoadOptions, openLoraShelf } from '../load-lora.ts';
import type { ChosenLora } from '../lora-sets.ts';
import type { NamedHash } from '../metadata/infotext-of.ts';
import { extractLoraTags, type LoraTag, negativeTagFindings } from '../prompt/lora-tags.ts';
import { stepRange } from '../prompt/step-range.ts';
import type { PictureRequest } from '../request.ts';
import { rulesOf } from '../settings/presets.ts';
import type { LoraSettings, PictureSettings } from '../settings/schema.ts';

export interface PartsOptions {
  readonly checkpoint: Checkpoint;
  readonly loras: LoraFolders;
  readonly embeddings: Embeddings;
  readonly load?: LoadOptions | undefined;
  readonly onLora?: ((lora: LoadedLora) => void) | undefined;
}

/** Everything a picture needs beside what its batch shares. */
export interface PictureParts {
  readonly request: PictureRequest;
  readonly embeddings: readonly MentionedEmbedding[];
  readonly findings: readonly string[];
  /** Of all its LoRAs: those given beside the prompt, then those of tags, by the names they have there. */
  hashes(): Promise<NamedHash[]>;
}

type NamedLora = Pick<LoraSettings, 'name' | 'path' | 'strength'> & Partial<LoraSettings>;

/** Hashes of files, each made once as long as the file stays the same. */
function openHashes(): (path: string) => Promise<string> {
  const known = new Map<string, Promise<string>>();
  return path => {
    const stamp = fileStamp(path);
    const hash = known.get(stamp) ?? hashTensorData(mainFile(path));
    known.set(stamp, hash);
    hash.catch(() => known.delete(stamp));
    return hash;
  };
}

/** Words of their own, as LoRAs without layers; the same object each time, by which the text encoder knows them. */
function openCarriers(): (embedding: MentionedEmbedding) => ChosenLora {
  const known = new Map<string, ChosenLora>();
  return embedding => {
    const key = `${embedding.hash} ${embedding.word}`;
    const carrier = known.get(key) ?? {
      lora: { modules: [], metadata: {}, embeddings: [embedding] },
      strength: 1,
    };
    known.set(key, carrier);
    return carrier;
  };
}

export function openPictureParts(options: PartsOptions): (settings: PictureSettings) => PictureParts {
  const { checkpoint, load = {} } = options;
  const readLora = openLoraShelf(checkpoint, { ...load, embeddings: true }, options.onLora);
  const hashOf = openHashes();
  const carrierOf = openCarriers();
  const widths: TextWidths = Object.fromEntries(
    encoderUses(checkpoint).map(({ name, part }) => [name, part.config.hiddenSize]),
  );
  const found = (tags: readonly LoraTag[]): NamedLora[] =>
    tags.map(tag => ({ ...tag, path: options.loras.find(tag.name) }));
  const choose = (given: readonly NamedLora[], steps: number): ChosenLora[] =>
    given.map(lora => {
      const { start, stop } = lora;
      const loaded = readLora(lora);
      const isWhole = start === undefined && stop === undefined;
      return isWhole ? loaded : { ...loaded, steps: stepRange(start, stop, steps, lora.name) };
    });

  return settings => {
    const { negativePrompt, seed, variation, hires, steps } = settings;
    const { prompt, loras: tags, findings, positionOf } = extractLoraTags(settings.prompt);
    const given: NamedLora[] = [...settings.loras, ...found(tags)];
    const chosen = choose(given, steps);
    // A prompt of the second pass has its own LoRAs there, if it names any.
    const later = hires?.prompt === undefined ? undefined : extractLoraTags(hires.prompt);
    const own = later && later.loras.length > 0 ? [...settings.loras, ...found(later.loras)] : undefined;
    const texts = [prompt, negativePrompt, later?.prompt ?? '', hires?.negativePrompt ?? ''];
    const known = [...chosen, ...(own ? choose(own, steps) : [])].flatMap(({ lora }) =>
      (lora.embeddings ?? []).map(({ word }) => word),
    );
    const { syntax } = rulesOf(settings);
    const mentioned = mentionedEmbeddings(texts, options.embeddings, { syntax, widths, known });
    const words = mentioned.embeddings.map(carrierOf);
    const second =
      hires?.prompt === undefined && hires?.negativePrompt === undefined
        ? undefined
        : {
            prompt: later?.prompt ?? prompt,
            positionOf: later ? later.positionOf : positionOf,
            negativePrompt: hires.negativePrompt ?? negativePrompt,
            loras: own && [...choose(own, steps), ...words],
          };
    const tagFindings = [negativePrompt, hires?.negativePrompt ?? ''].flatMap(negativeTagFindings);
    const all = [...given, ...(own ?? []).slice(settings.loras.length)];
    return {
      request: {
        ...{ prompt, negativePrompt, seed, variation, second, positionOf },
        loras: [...chosen, ...words],
      },
      embeddings: mentioned.embeddings,
      findings: [...findings, ...(later?.findings ?? []), ...tagFindings, ...mentioned.findings],
      hashes: () => Promise.all(all.map(async ({ name, path }) => ({ name, hash: await hashOf(path) }))),
    };
  };
}
