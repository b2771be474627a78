/** @file What a checkpoint is, in lines for people. */
import type { CheckpointFacts, PartFacts } from '../models/index.ts';
import { showBytes } from '../workbench/index.ts';

const variants: Readonly<Record<CheckpointFacts['variant'], string>> = {
  base: 'base model',
  inpaint: 'inpainting model',
  ip2p: 'editing model (InstructPix2Pix)',
  depth: 'depth-to-image model',
  refiner: 'refiner',
  'ssd-1b': 'base model',
  vega: 'base model',
};

function describePart({ name, at, tensors, parameters, bytes, dtypes }: PartFacts, width: number): string {
  const count = `${(parameters / 1e6).toFixed(1)} M`.padStart(9);
  const where = at ? ` at ${at}` : '';
  return `    ${name.padEnd(width)} ${count} in ${tensors} tensors, ${dtypes.join(' + ')}, ${showBytes(bytes)}${where}`;
}

function describeUse({ refusal, missing, model }: CheckpointFacts): string {
  if (refusal) return `  use        no: it is ${refusal.why}. ${refusal.hint}`;
  const needs = missing.length > 0 ? `, once given ${missing.join(' and ')}` : '';
  return `  use        can be trained and drawn with${needs}; takes LoRAs made for ${model}`;
}

export function describeCheckpoint(facts: CheckpointFacts): string {
  const { path, model, variant, layout, prediction, resolution, fileBytes, parts, averaged } = facts;
  const width = Math.max(...parts.map(({ name }) => name.length));
  const predicts = prediction.type === 'epsilon' ? 'noise (epsilon)' : 'velocity (v)';
  const entries = Object.keys(facts.metadata).length;
  return [
    path,
    `  model      ${model}, ${variants[variant]}, for pictures of ${resolution}×${resolution}`,
    `  file       ${layout}, ${showBytes(fileBytes)}`,
    `  predicts   ${predicts}${prediction.zeroSnr ? ', zero terminal SNR' : ''}: ${prediction.from}`,
    describeUse(facts),
    ...facts.findings.map(finding => `  NOTE       ${finding}`),
    '  parts',
    ...parts.map(part => describePart(part, width)),
    ...(averaged > 0 ? [`    ${averaged} averaged (EMA) tensors beside them are not used`] : []),
    ...(entries > 0
      ? [`  metadata   ${entries} ${entries === 1 ? 'entry' : 'entries'}; --json prints them`]
      : []),
  ].join('\n');
}
