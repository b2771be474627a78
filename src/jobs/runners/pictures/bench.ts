/** @file The workshop that stays open between picture jobs: the second picture of a base loads nothing. */
import type { SessionOptions } from '../../../engine/index.ts';
import { openWorkshop, type Workshop } from '../../../generation/index.ts';
import type { Checkpoint } from '../../../models/index.ts';
import { type DeviceName, describeLora, openDevice, openModelHash } from '../../../workbench/index.ts';
import type { JobContext } from '../../runner.ts';
import { openBase, stampOf } from '../open-base.ts';
import type { PictureFolders } from './folders.ts';

export interface Bench {
  readonly checkpoint: Checkpoint;
  readonly workshop: Workshop;
}

export interface PictureBench {
  /** The workshop of a base, opened unless it is the one that is open; a call of it looks into these folders. */
  open(context: JobContext, base: string, folders: PictureFolders): Promise<Bench>;
  release(): Promise<void>;
}

interface OpenedBench extends Bench {
  readonly path: string;
  readonly stamp: string;
  release(): Promise<void>;
}

/** What the job at hand brings; jobs of a process draw one at a time. */
interface Current {
  folders: PictureFolders;
  note: (text: string) => void;
}

function openBench(
  context: JobContext,
  base: string,
  session: SessionOptions,
  current: Current,
): OpenedBench {
  const started = performance.now();
  const checkpoint = openBase(context, base);
  const modelHash = openModelHash(checkpoint);
  const workshop = openWorkshop({
    ...{ checkpoint, session, modelHash: modelHash.hash },
    get loras() {
      return current.folders.loras;
    },
    get embeddings() {
      return current.folders.embeddings;
    },
    onLora: lora => current.note(`LoRA ${describeLora(lora)}`),
  });
  context.note(`base ${checkpoint.name} opened in ${((performance.now() - started) / 1000).toFixed(2)} s`);
  return {
    ...{ checkpoint, workshop, path: context.names.base(base).path, stamp: stampOf(checkpoint) },
    async release() {
      modelHash.stop();
      await workshop.release();
    },
  };
}

/** Opens nothing yet. */
export function openPictureBench(device: DeviceName): PictureBench {
  let session: SessionOptions | undefined;
  let open: { readonly bench: OpenedBench; readonly current: Current } | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
  const close = async (): Promise<void> => {
    const old = open;
    open = undefined;
    await old?.bench.release();
  };
  return {
    release: () => inTurn(close),
    open: (context, base, folders) =>
      inTurn(async () => {
        const { path } = context.names.base(base);
        const { note } = context;
        if (open && (open.bench.path !== path || open.bench.stamp !== stampOf(open.bench.checkpoint)))
          await close(); // first, so that two do not lie in memory
        session ??= await openDevice(device, note);
        const current = { folders, note };
        open ??= { bench: openBench(context, base, session, current), current };
        Object.assign(open.current, current);
        return open.bench;
      }),
  };
}
