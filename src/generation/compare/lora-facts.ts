/** @file What a plan needs to know of LoRA files: what is in them, and which of them can share a session. */
import { createHash } from 'node:crypto';
import { hashTensorData, openSafetensors } from '../../files/index.ts';
import { mainFile } from '../../lora/index.ts';

export interface LoraFileFacts {
  /** Of the tensor data (AutoV3). */
  readonly hash: string;
  /** Equal for files with the same tensors of the same shapes: they take turns in one graph at no cost. */
  readonly shapes: string;
}

/** Reads each file once. */
export async function lorasFacts(paths: Iterable<string>): Promise<ReadonlyMap<string, LoraFileFacts>> {
  const facts = new Map<string, LoraFileFacts>();
  for (const path of new Set(paths)) {
    const file = mainFile(path);
    const shapes = [...openSafetensors(file).tensors].map(([name, { shape }]) => `${name} ${shape}`);
    facts.set(path, {
      hash: await hashTensorData(file),
      shapes: createHash('sha256').update(shapes.sort().join('\n')).digest('hex'),
    });
  }
  return facts;
}
