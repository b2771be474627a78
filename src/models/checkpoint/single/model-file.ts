/** @file Opens a file that should hold model weights: what people give by mistake is told by name. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { badInput, type LoraError } from '../../../errors.ts';
import { openSafetensors, type SafetensorsFile } from '../../../files/index.ts';

const fetchAgain = 'Fetch it again.';
const pickleHint = 'Pickle files can run code and are never opened; get or make a .safetensors file of it.';

/** Ends of names → what such a file is. */
const refusedEnds: readonly { ends: readonly string[]; code: string; is: string; hint: string }[] = [
  {
    ends: ['.part', '.crdownload', '.download', '.partial', '.incomplete', '.tmp', '.aria2', '.!qb'],
    ...{ code: 'CHECKPOINT_INCOMPLETE', is: 'a download that has not ended' },
    hint: 'Wait for it to end; the finished file has another name.',
  },
  {
    ends: ['.ckpt', '.pt', '.pth', '.bin', '.pkl', '.pickle'],
    ...{ code: 'FORMAT_PICKLE', is: 'a pickle file', hint: pickleHint },
  },
  {
    ends: ['.gguf', '.onnx', '.zip', '.7z', '.rar', '.tar', '.gz'],
    ...{ code: 'CHECKPOINT_FORMAT', is: 'a file of another format' },
    hint: 'Checkpoints are read from .safetensors files and from folders in the Diffusers layout.',
  },
];

/** How a file begins → what it is. */
const refusedStarts: readonly { start: RegExp; code: string; is: string; hint: string }[] = [
  {
    start: /^\s*<(?:!doctype|html|\?xml|head|body)/i,
    ...{ code: 'FORMAT_HTML', is: 'a web page' },
    hint: 'The site sent a page (a login, perhaps) in place of the file; fetch it in a browser.',
  },
  {
    start: /^version https:\/\/git-lfs/,
    ...{ code: 'FORMAT_LFS_POINTER', is: 'a Git LFS pointer' },
    hint: 'Only the note about the file was fetched: run `git lfs pull`.',
  },
];

function startOf(path: string): string {
  const handle = openSync(path, 'r');
  try {
    const head = Buffer.alloc(256);
    return head.toString('latin1', 0, readSync(handle, head, 0, head.length, 0));
  } finally {
    closeSync(handle);
  }
}

/** The error for a file that does not hold weights at all, as far as its name and its first bytes tell. */
function refusal(path: string): LoraError | undefined {
  const name = basename(path).toLowerCase();
  const byName = refusedEnds.find(({ ends }) => ends.some(end => name.endsWith(end)));
  if (byName) return badInput(byName.code, `${path} is ${byName.is}`, byName.hint);
  if (statSync(path).size === 0) return badInput('FORMAT_EMPTY', `${path} is empty (0 bytes)`, fetchAgain);
  const head = startOf(path);
  const byStart = refusedStarts.find(({ start }) => start.test(head));
  if (!byStart) return undefined;
  const size = /^size (\d+)$/m.exec(head)?.[1];
  const note = size && byStart.code === 'FORMAT_LFS_POINTER' ? `; the file itself has ${size} bytes` : '';
  return badInput(byStart.code, `${path} is ${byStart.is}${note}`, byStart.hint);
}

/** Opens a .safetensors file; throws CHECKPOINT_*, FORMAT_* errors that say what the file is instead. */
export function openModelFile(path: string): SafetensorsFile {
  if (!existsSync(path)) throw badInput('CHECKPOINT_NOT_FOUND', `${path} does not exist`, 'Check the path.');
  const error = statSync(path).isFile() ? refusal(path) : undefined;
  if (error) throw error;
  const file = openSafetensors(path);
  if (file.tensors.size > 0) return file;
  throw badInput('FORMAT_EMPTY', `${path} holds no tensor`, fetchAgain);
}

/** The name that a file is shown by. */
export const modelName = (path: string): string => basename(path, extname(path));
