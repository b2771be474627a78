/** @file Files that jobs made: pictures to look at, everything to be saved. */
import { createReadStream, existsSync } from 'node:fs';
import { basename } from 'node:path';
import { LoraError } from '../../../errors.ts';
import { resolveInside } from '../../../files/index.ts';
import type { Artefact, Job } from '../../../jobs/index.ts';
import { type ServedSize, servedPicture } from '../../../library/index.ts';
import type { StudioContext } from '../../context.ts';
import { Reply } from '../../route.ts';
import { pictureReply } from '../params.ts';

export function artefactOf({ artefacts, title }: Job, name: string): Artefact {
  const found = artefacts.find(artefact => artefact.name === name);
  if (found) return found;
  const hint = `There are ${artefacts.map(artefact => artefact.name).join(', ') || 'none yet'}.`;
  throw new LoraError('ARTEFACT_UNKNOWN', `${title} made nothing that is called so`, { hint });
}

const looksLikePicture = ({ type, path }: Artefact): boolean =>
  (type === 'picture' || type === 'sheet') && /\.(?:png|jpe?g|webp)$/i.test(path);

export interface ArtefactWanted {
  readonly size: ServedSize;
  readonly v?: string | undefined;
  readonly download?: boolean | undefined;
}

/** Pictures are encoded anew to be looked at; files are handed out only to be saved. */
export async function serveArtefact(
  { data }: StudioContext,
  artefact: Artefact,
  { size, v, download = false }: ArtefactWanted,
  signal: AbortSignal,
): Promise<Reply> {
  const path = resolveInside(data.path, artefact.path);
  if (!existsSync(path))
    throw new LoraError('ARTEFACT_MISSING', `the file ${basename(path)} is not there any more`);
  if (looksLikePicture(artefact) && !download)
    return pictureReply(await servedPicture(data, path, size, signal), v ?? artefact.sha256);
  return new Reply(createReadStream(path), 'application/octet-stream', { fileName: basename(path) });
}
