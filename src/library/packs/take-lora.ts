/** @file Takes a single LoRA file that was received into a folder of the library: looked at first, never over another file. */
import { stat } from 'node:fs/promises';
import { badInput, LoraError } from '../../errors.ts';
import { ensureWritableFolder, hashFile, openSafetensors } from '../../files/index.ts';
import { identify } from '../../lora/index.ts';
import { findSame, modelEnding, placeFiles } from './place.ts';
import type { UnpackedModel } from './unpack-lora.ts';

/** What its tensors are, in the name that it came under. */
function whatIs(path: string, name: string): string {
  try {
    const { is, text } = identify(openSafetensors(path));
    if (is === 'lora') return text;
    const hint = 'Put it into a folder of the library, where it is used in place.';
    throw badInput('UPLOAD_NOT_A_LORA', `${name} is ${text}, no LoRA`, hint);
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
    throw badInput(error.code, error.message.replaceAll(path, name), error.hint, error);
  }
}

/**
 * Gives the file at `path` its name in `folder`: `stem`, or `stem-2` where that is taken. Throws UPLOAD_NOT_A_LORA and
 * FORMAT_…, and leaves nothing.
 */
export async function takeLora(path: string, stem: string, folder: string): Promise<UnpackedModel> {
  const what = whatIs(path, `${stem}${modelEnding}`);
  await ensureWritableFolder(folder);
  const sha256 = await hashFile(path);
  const { size } = await stat(path);
  const same = await findSame(folder, stem, size, sha256);
  if (same !== undefined) return { path: same, files: [same], what, sha256, wasThere: true };
  const { paths } = await placeFiles(folder, stem, new Map([[modelEnding, path]]));
  return { path: paths[0], files: paths, what, sha256, wasThere: false };
}
