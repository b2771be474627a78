/** @file The pictures and masks that settings name, read once, checked against their hashes and made ready to be encoded. */
import { badInput } from '../errors.ts';
import type { Checkpoint } from '../models/index.ts';
import { prepareInit } from './pictures/prepare-init.ts';
import { prepareInpaint } from './pictures/prepare-inpaint.ts';
import type { PictureFinding, Raster } from './pictures/raster.ts';
import { readMask } from './pictures/read-mask.ts';
import { readPicture } from './pictures/read-picture.ts';
import type { GenerateRequest } from './request.ts';
import type { PictureSettings } from './settings/schema.ts';

/** What a request needs of given pictures, and what becomes of the result. */
export interface PreparedStart extends Pick<GenerateRequest, 'init' | 'inpaint'> {
  /** Puts the drawn part back into the picture it is of. */
  finish(result: Raster): Raster;
  readonly findings: readonly string[];
}

type StartSettings = Pick<PictureSettings, 'init' | 'inpaint' | 'width' | 'height'>;

const textsOf = (findings: readonly PictureFinding[]): string[] => findings.map(({ message }) => message);

/** The file as it was when the settings were made; a hash may be a beginning. */
function checkHash(path: string, found: string, wanted: string): void {
  if (found.startsWith(wanted)) return;
  const message = `${path} is not the picture that was used: its sha256 begins with ${found.slice(0, 12)}, not ${wanted.slice(0, 12)}`;
  throw badInput(
    'PICTURE_CHANGED',
    message,
    'Give the picture that was used, or make a new one without its hash.',
  );
}

async function prepare(
  { init, inpaint, width, height }: StartSettings,
  { latentScale }: Pick<Checkpoint, 'latentScale'>,
): Promise<PreparedStart> {
  if (!init) return { finish: result => result, findings: [] };
  const picture = await readPicture(init.picture.path);
  checkHash(init.picture.path, picture.sha256, init.picture.sha256);
  const { strength, resize } = init;
  if (!inpaint) {
    const { pixels, findings } = prepareInit({ picture, settings: init, width, height });
    return {
      init: { pixels, strength },
      finish: result => result,
      findings: textsOf([...picture.findings, ...findings]),
    };
  }
  const mask = await readMask(inpaint.mask.path);
  checkHash(inpaint.mask.path, mask.sha256, inpaint.mask.sha256);
  const prepared = prepareInpaint({ picture, mask, settings: inpaint, width, height, resize, latentScale });
  return {
    init: { pixels: prepared.pixels, strength },
    inpaint: { mask: prepared.mask, latentMask: prepared.latentMask, content: inpaint.content },
    finish: prepared.finish,
    findings: textsOf([...picture.findings, ...mask.findings, ...prepared.findings]),
  };
}

/** Prepares what settings start from; the last is kept, so that pictures that start from the same share its latents. */
export function openGivenPictures(
  checkpoint: Pick<Checkpoint, 'latentScale'>,
): (settings: StartSettings) => Promise<PreparedStart> {
  let last: { readonly key: string; readonly prepared: PreparedStart } | undefined;
  return async settings => {
    const { init, inpaint, width, height } = settings;
    const key = JSON.stringify([{ ...init, strength: 0 }, inpaint, width, height]);
    if (last?.key !== key) last = { key, prepared: await prepare(settings, checkpoint) };
    const { prepared } = last;
    return init && prepared.init
      ? { ...prepared, init: { ...prepared.init, strength: init.strength } }
      : prepared;
  };
}
