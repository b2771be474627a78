/** @file What a checkpoint is: family, variant, prediction, parts and their types; headers only. */
import { statSync } from 'node:fs';
import type { DType } from '../../engine/index.ts';
import { elementCount } from '../../engine/index.ts';
import { isFolder, type SafetensorsFile } from '../../files/index.ts';
import { type Family, type OpenOptions, openCheckpoint, type Part, partList } from './checkpoint.ts';
import { partsOf } from './layout/parts.ts';
import { sampleSizeOf, type Variant } from './single/architectures.ts';
import { isUnusedAverage } from './single/find-parts.ts';
import { encoderInFile, encoderNames, vaeInFile } from './single/given-parts.ts';
import { findingsOf, type Recognised, recognise } from './single/open.ts';
import type { Prediction, PredictionType } from './single/prediction.ts';

export interface PartFacts {
  readonly name: string;
  /** In front of its tensors' names in a single file, or the folder it is in. */
  readonly at: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly dtypes: readonly DType[];
}

export interface CheckpointFacts {
  readonly path: string;
  readonly layout: string;
  /** As people say it: SD 1.x, SDXL … */
  readonly model: string;
  readonly family: Family;
  readonly variant: Variant;
  readonly prediction: Omit<Prediction, 'findings'>;
  /** Side of the pictures it was made for. */
  readonly resolution: number;
  readonly fileBytes: number;
  readonly parts: readonly PartFacts[];
  /** Parts that must be given beside it. */
  readonly missing: readonly string[];
  /** Tensors of averaged (EMA) weights that are not used. */
  readonly averaged: number;
  /** Why it can be neither trained nor drawn with. */
  readonly refusal: { readonly why: string; readonly hint: string } | undefined;
  readonly findings: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface Sized {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: number;
}

function sum(name: string, at: string, tensors: readonly Sized[]): PartFacts {
  return {
    ...{ name, at, tensors: tensors.length },
    parameters: tensors.reduce((count, { shape }) => count + elementCount(shape), 0),
    bytes: tensors.reduce((total, { bytes }) => total + bytes, 0),
    dtypes: [...new Set(tensors.map(({ dtype }) => dtype))],
  };
}

/** What all the names begin with. */
function commonStart(names: Iterable<string>): string {
  let start: string | undefined;
  for (const name of names) {
    if (start === undefined) start = name;
    while (!name.startsWith(start)) start = start.slice(0, -1);
  }
  return start?.replace(/[^.]*$/, '') ?? '';
}

function partOfFile({ tensors }: SafetensorsFile, name: string, used: ReadonlySet<string>): PartFacts {
  const entries = [...used].flatMap(tensor => tensors.get(tensor) ?? []);
  return sum(
    name,
    commonStart(used),
    entries.map(entry => ({ ...entry, bytes: entry.length })),
  );
}

function singleParts({ file, unet }: Recognised): Pick<CheckpointFacts, 'parts' | 'missing'> {
  const vae = vaeInFile(file, unet.architecture.latentFactor);
  const text = unet.architecture.text.map(kind => ({ kind, part: encoderInFile(file, kind) }));
  return {
    parts: [
      partOfFile(file, 'UNet', unet.weights.used),
      ...(vae ? [partOfFile(file, 'VAE', vae.weights.used)] : []),
      ...text.flatMap(({ kind, part }) =>
        part ? [partOfFile(file, encoderNames[kind], part.weights.used)] : [],
      ),
    ],
    missing: [
      ...(vae ? [] : ['a VAE (--vae)']),
      ...text.flatMap(({ kind, part }) => (part ? [] : [`${encoderNames[kind]} (--text-encoder)`])),
    ],
  };
}

function factsOfFile(path: string, given: PredictionType | undefined): CheckpointFacts {
  const recognised = recognise(path, given);
  const { file, unet, prediction, refusal } = recognised;
  const { family, name: model } = unet.architecture;
  const { type, zeroSnr, from } = prediction;
  return {
    ...{ path, model, family, variant: unet.variant, resolution: 8 * sampleSizeOf(family, type) },
    layout: `single file, ${unet.place.layout} names`,
    prediction: { type, zeroSnr, from },
    fileBytes: file.fileSize,
    ...singleParts(recognised),
    averaged: [...file.tensors.keys()].filter(name => isUnusedAverage(name, unet.weights.used)).length,
    refusal: refusal && { why: refusal.why, hint: refusal.hint },
    findings: findingsOf(recognised),
    metadata: file.metadata,
  };
}

function partOfFolder(name: string, at: string, { weights }: Pick<Part<unknown>, 'weights'>): PartFacts {
  const tensors = [...weights.names()].flatMap(tensor => {
    const place = weights.bytes(tensor);
    return 'path' in place ? [{ dtype: place.dtype, bytes: place.length, shape: weights.shape(tensor) }] : [];
  });
  return sum(name, at, tensors);
}

/** Names as in the folder; the same order as `partList`. */
const folderParts = [
  ['UNet', 'unet'],
  ['VAE', 'vae'],
  ['text encoder', 'text_encoder'],
  ['text encoder 2', 'text_encoder_2'],
] as const;

function factsOfFolder(path: string, options: OpenOptions): CheckpointFacts {
  const checkpoint = openCheckpoint(path, options);
  const { scheduler, family, variant, resolution } = checkpoint;
  const parts = partList(checkpoint);
  return {
    ...{ path, family, variant, resolution, layout: 'folder, Diffusers layout' },
    model: partsOf(checkpoint)?.architecture.name ?? 'the embedded model',
    prediction: {
      type: scheduler.predictionType,
      zeroSnr: scheduler.rescaleZeroTerminalSnr,
      from: options.prediction ? '--prediction' : 'scheduler_config.json',
    },
    fileBytes: parts.flatMap(({ files }) => files).reduce((total, file) => total + statSync(file).size, 0),
    parts: parts.map((part, i) => partOfFolder(folderParts[i][0], folderParts[i][1], part)),
    ...{ missing: [], averaged: 0, refusal: undefined, findings: checkpoint.findings, metadata: {} },
  };
}

/** What a checkpoint is, also one that cannot be used. Throws for what is no checkpoint, or a damaged one. */
export function checkpointFacts(path: string, options: OpenOptions = {}): CheckpointFacts {
  return isFolder(path) ? factsOfFolder(path, options) : factsOfFile(path, options.prediction);
}
