/** @file Uploads into data sets: they go on while other pages are looked at. */
import { signal } from '@preact/signals';
import { ApiError } from '../../api/client.ts';
import { sendToDataset } from './dataset-api.ts';
import type { LeftOut, NewPicture } from './dropped-files.ts';
import { openSender, type Sender, type Sending } from './uploads.ts';

export interface UploadState {
  readonly sendings: readonly Sending<NewPicture>[];
  readonly leftOut: readonly LeftOut[];
}

/** By data set. */
export const uploads = signal<ReadonlyMap<string, UploadState>>(new Map());
const senders = new Map<string, { sender: Sender<NewPicture>; stop: AbortController }>();

function change(dataset: string, to: Partial<UploadState>): void {
  const old = uploads.peek().get(dataset) ?? { sendings: [], leftOut: [] };
  uploads.value = new Map(uploads.peek()).set(dataset, { ...old, ...to });
}

function reasonOf(fault: unknown): string {
  if (fault instanceof ApiError) return [fault.message, fault.hint].filter(Boolean).join(' ');
  return fault instanceof Error ? fault.message : String(fault);
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const captionName = (path: string): string => `${nameOf(path).replace(/\.[^.]+$/, '')}.txt`;

/** A picture and then its caption, under the name that the picture got. */
async function send(
  dataset: string,
  { path, file, caption }: NewPicture,
  onShare: (share: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const name = await sendToDataset(dataset, file, nameOf(path), onShare, signal);
  if (caption) await sendToDataset(dataset, caption, captionName(name), () => undefined, signal);
}

function senderOf(dataset: string): { sender: Sender<NewPicture>; stop: AbortController } {
  const found = senders.get(dataset);
  if (found && !found.stop.signal.aborted) return found;
  const stop = new AbortController();
  const sender = openSender<NewPicture>({
    send: (what, onShare, own) => send(dataset, what, onShare, own),
    reasonOf,
    // One that was stopped may still hear of what it had on its way.
    onChange: sendings => {
      if (senders.get(dataset)?.stop === stop) change(dataset, { sendings });
    },
    signal: stop.signal,
    before: found ? uploads.peek().get(dataset)?.sendings : undefined,
  });
  const made = { sender, stop };
  senders.set(dataset, made);
  return made;
}

/** Sends pictures; resolves when all that are on their way have come or failed. */
export async function uploadTo(
  dataset: string,
  pictures: readonly NewPicture[],
  leftOut: readonly LeftOut[],
): Promise<void> {
  change(dataset, { leftOut });
  const { sender } = senderOf(dataset);
  const round = Date.now();
  sender.add(pictures.map(what => ({ key: `${what.path} ${round}`, what })));
  await sender.finished();
}

export async function retryUploads(dataset: string): Promise<void> {
  const { sender } = senderOf(dataset);
  sender.retry();
  await sender.finished();
}

export const stopUploads = (dataset: string): void => senders.get(dataset)?.stop.abort();

/** Puts the list of what was sent away. */
export function forgetUploads(dataset: string): void {
  senders.delete(dataset);
  const next = new Map(uploads.peek());
  next.delete(dataset);
  uploads.value = next;
}
