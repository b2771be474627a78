/** @file What a picture of any program says about how it was made. */
import { badInput, LoraError } from '../../errors.ts';
import { type PictureTexts, readPictureTexts } from '../../files/index.ts';
import { readPictureFile } from '../pictures/read-picture.ts';
import { type A1111Program, readA1111 } from './dialects/a1111.ts';
import { readComfy } from './dialects/comfy.ts';
import { graphOfApi, graphOfWorkflow } from './dialects/comfy-graph.ts';
import { isDrawThings, readDrawThings } from './dialects/draw-things.ts';
import { isEasyDiffusion, readEasyDiffusion } from './dialects/easy-diffusion.ts';
import { isFooocus, readFooocus } from './dialects/fooocus.ts';
import { readDream, readInvoke, readInvokeImage } from './dialects/invoke.ts';
import { readNovelAi } from './dialects/novelai.ts';
import { readSwarm } from './dialects/swarm.ts';
import { ownKeyword } from './encode-picture.ts';
import { type Candidates, type Finding, type Found, validateFound } from './found-settings.ts';
import { isObject, type JsonObject, parseLooseJson } from './json-values.ts';
import { type PictureRecord, parsePictureText } from './picture-json.ts';
import { readStealth } from './stealth.ts';
import { commentInXmp, jsonInXmp } from './xmp.ts';

export type Program = A1111Program | 'invokeai' | 'swarmui' | 'novelai' | 'easydiffusion' | 'drawthings';

export interface PictureText extends Found {
  readonly program: Program;
  /** The text as it stands, where it is A1111's. */
  readonly parameters?: string | undefined;
  /** Of our own pictures: every setting, so that it can be made again. */
  readonly record?: PictureRecord | undefined;
}

type Read = Candidates & { readonly program: Program; readonly parameters?: string };

const objectIn = (text: string | undefined): JsonObject | undefined => {
  const json = text?.trimStart().startsWith('{') ? parseLooseJson(text) : undefined;
  return isObject(json) ? json : undefined;
};

/** A1111's place for text holds the JSON of other programs as well. */
function readParameters(text: string): Read {
  const json = objectIn(text);
  if (json && isObject(json.sui_image_params)) return { program: 'swarmui', ...readSwarm(json) };
  if (json && isFooocus(json)) return { program: 'fooocus', ...readFooocus(json) };
  if (json && isEasyDiffusion(json)) return { program: 'easydiffusion', ...readEasyDiffusion(json) };
  return { ...readA1111(text), parameters: text };
}

/** ComfyUI's WebP files have `prompt:{…}` and `workflow:{…}` in Exif tags. */
function comfyTexts({ chunks, exif }: PictureTexts): { prompt?: string; workflow?: string } {
  if (chunks.prompt !== undefined || chunks.workflow !== undefined) return chunks;
  const tags = Object.values(exif);
  const find = (name: string) => tags.find(text => text?.startsWith(`${name}:`))?.slice(name.length + 1);
  const [prompt, workflow] = [find('prompt') ?? find('Prompt'), find('workflow') ?? find('Workflow')];
  return { ...(prompt === undefined ? {} : { prompt }), ...(workflow === undefined ? {} : { workflow }) };
}

function readComfyTexts(texts: PictureTexts): Read | undefined {
  const { prompt, workflow } = comfyTexts(texts);
  const graph = graphOfApi(objectIn(prompt));
  if (graph.size > 0) return { program: 'comfyui', ...readComfy(graph) };
  const page = graphOfWorkflow(objectIn(workflow));
  return page.size > 0 ? { program: 'comfyui', ...readComfy(page) } : undefined;
}

function readInvokeTexts({ chunks }: PictureTexts): Read | undefined {
  const program = 'invokeai';
  const json = objectIn(chunks.invokeai_metadata);
  if (json) return { program, ...readInvoke(json) };
  const image = objectIn(chunks['sd-metadata']);
  if (image) return { program, ...readInvokeImage(image) };
  return chunks.Dream === undefined ? undefined : { program, ...readDream(chunks.Dream) };
}

/** Cameras and editors write comments too. */
const isParameters = (text: string | undefined): text is string =>
  text !== undefined && (/\bSteps: \d/.test(text) || objectIn(text) !== undefined);

/** By where each program writes, the surest place first. */
function readKnownPlaces(texts: PictureTexts): Read | undefined {
  const { chunks, exif, xmp, comment } = texts;
  if (chunks.parameters !== undefined) return readParameters(chunks.parameters);
  if (isEasyDiffusion(chunks)) return { program: 'easydiffusion', ...readEasyDiffusion(chunks) };
  const found = readInvokeTexts(texts) ?? readComfyTexts(texts);
  if (found) return found;
  if (chunks.Software === 'NovelAI' && chunks.Comment !== undefined)
    return { program: 'novelai', ...readNovelAi(chunks) };
  const legacySwarm = objectIn(exif.Model);
  if (legacySwarm && isObject(legacySwarm.sui_image_params))
    return { program: 'swarmui', ...readSwarm(legacySwarm) };
  if (isParameters(exif.UserComment)) return readParameters(exif.UserComment);
  const fooocus = objectIn(comment ?? chunks.Comment);
  if (fooocus && isFooocus(fooocus)) return { program: 'fooocus', ...readFooocus(fooocus) };
  const drawThings = objectIn(xmp === undefined ? undefined : commentInXmp(xmp));
  if (drawThings && isDrawThings(drawThings)) return { program: 'drawthings', ...readDrawThings(drawThings) };
  return isParameters(comment) ? readParameters(comment) : undefined;
}

function readHidden(text: string): Read {
  const json = objectIn(text);
  return json && (json.Comment !== undefined || json.Description !== undefined)
    ? { program: 'novelai', ...readNovelAi(json) }
    : readParameters(text);
}

/** Our record, or why it cannot be read. */
function ownRecord({ chunks, xmp }: PictureTexts): { record?: PictureRecord; findings: Finding[] } {
  const text = chunks[ownKeyword] ?? (xmp === undefined ? undefined : jsonInXmp(xmp));
  if (text === undefined) return { findings: [] };
  try {
    return { record: parsePictureText(text), findings: [] };
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    return { findings: [{ code: error.code, message: error.message }] };
  }
}

/**
 * Reads how a picture was made: our own record, A1111 and its relatives, ComfyUI, InvokeAI, SwarmUI, NovelAI, Fooocus, Easy
 * Diffusion, Draw Things.
 * Throws PICTURE_HAS_NO_TEXT, PICTURE_FORMAT_UNKNOWN, PICTURE_NOT_FOUND, PICTURE_UNREADABLE, PICTURE_TOO_LARGE and, for damaged files,
 * PNG_*, JPEG_*, WEBP_*, GIF_*. Texts that are not understood are findings.
 */
export async function readPictureText(
  source: string | Uint8Array,
  name = 'the picture',
): Promise<PictureText> {
  const path = typeof source === 'string' ? source : name;
  const bytes = typeof source === 'string' ? await readPictureFile(source) : source;
  const texts = readPictureTexts(bytes, path);
  const { record, findings } = ownRecord(texts);
  const isLossless = texts.format === 'png' || texts.format === 'webp';
  const hidden = async (): Promise<Read | undefined> => {
    const text = isLossless ? await readStealth(bytes) : undefined;
    return text === undefined ? undefined : readHidden(text);
  };
  const read = readKnownPlaces(texts) ?? (record ? undefined : await hidden());
  const damaged = texts.damaged.map(({ code, message }) => ({ code, message }));
  if (!read && !record) {
    const why = [...damaged, ...findings].map(({ message }) => message).join('; ');
    const hint = 'Sites and chat programs remove such text; ask for the original file.';
    throw badInput('PICTURE_HAS_NO_TEXT', `${path} does not say how it was made${why && `: ${why}`}`, hint);
  }
  const { program, parameters, ...candidates } = read ?? {
    ...{ program: 'lora-studio' as const, values: {}, other: {}, findings: [], parameters: undefined },
  };
  const found = validateFound(candidates);
  return {
    program: record ? 'lora-studio' : program,
    ...found,
    findings: [...damaged, ...findings, ...found.findings],
    ...(parameters === undefined ? {} : { parameters }),
    ...(record ? { record } : {}),
  };
}
