/** @file `--continue` and `--base-lora`: the LoRAs that a training run starts from. */
import { loadGiven, loadLoraFor, parseLoraOption } from '../generation/index.ts';
import type { LoraWeights, StrongLora } from '../lora/index.ts';
import type { Checkpoint } from '../models/index.ts';
import { describeLoad } from './lora-report.ts';

type Note = (text: string) => void;

/** LoRAs that are part of the base of a run, at their strengths: `file.safetensors:0.8:te=0.5`. */
export function readBaseLoras(checkpoint: Checkpoint, options: readonly string[], note: Note): StrongLora[] {
  return options.map(text => {
    const lora = loadGiven(checkpoint, parseLoraOption(text, ['.']));
    note(`the base has ${lora.path} at ${lora.strength}: ${describeLoad(lora.report)}`);
    return lora;
  });
}

/** The LoRA that a run goes on from; every tensor of it must be used. */
export function readContinued(checkpoint: Checkpoint, path: string, note: Note): LoraWeights {
  const { lora, report } = loadLoraFor(checkpoint, path, { strict: true });
  note(`goes on from ${path}: ${describeLoad(report)}`);
  return lora;
}
