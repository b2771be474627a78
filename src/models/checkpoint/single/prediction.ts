/** @file What a UNet predicts, noise (epsilon) or velocity (v): what the tensors, the metadata and files beside say. */
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { SafetensorsFile } from '../../../files/index.ts';
import type { MatchedUnet } from './match-unet.ts';

export type PredictionType = 'epsilon' | 'v_prediction';

export interface Prediction {
  readonly type: PredictionType;
  /** Trained with a schedule that ends in pure noise. */
  readonly zeroSnr: boolean;
  /** What it is known from. */
  readonly from: string;
  readonly findings: readonly string[];
}

interface Evidence {
  readonly type: PredictionType;
  readonly from: string;
}

type Witness = (file: SafetensorsFile, unet: MatchedUnet) => Evidence | undefined;

const isVelocity = (word: string): boolean => /^v(?:_?pred(?:iction)?)?$/i.test(word.trim());
const typeOf = (velocity: boolean): PredictionType => (velocity ? 'v_prediction' : 'epsilon');

/** Tools that train SDXL on velocity mark the file with an empty tensor. */
const marked: Witness = ({ tensors }) =>
  tensors.has('v_pred') ? { type: 'v_prediction', from: 'the tensor v_pred' } : undefined;

/** A1111's way: latent-diffusion's own configuration beside the file. */
const configured: Witness = ({ path }) => {
  const yaml = path.replace(/\.safetensors$/i, '.yaml');
  if (yaml === path || !existsSync(yaml)) return undefined;
  const text = readFileSync(yaml, 'utf8');
  if (!/^model\s*:/m.test(text)) return undefined;
  const word = /^\s*parameterization\s*:\s*["']?(\w+)/m.exec(text)?.[1] ?? 'eps';
  return { type: typeOf(isVelocity(word)), from: basename(yaml) };
};

const described: Witness = ({ metadata }) => {
  const said = metadata['modelspec.prediction_type'];
  if (said) return { type: typeOf(isVelocity(said)), from: 'modelspec.prediction_type' };
  const architecture = metadata['modelspec.architecture'];
  if (!architecture?.startsWith('stable-diffusion-v2')) return undefined;
  return { type: typeOf(/-v(?:\/|$)/.test(architecture)), from: 'modelspec.architecture' };
};

const measuredBias = 'up_blocks.3.attentions.2.transformer_blocks.0.norm1.bias';
/** SD 2.0 and 2.1: 0.03 where noise is predicted, 0.12 and more for velocity (ComfyUI's rule). */
const velocitySpread = 0.09;

function spread(values: Float32Array): number {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1));
}

const measured: Witness = (_, { architecture, variant, weights }) => {
  if (architecture.family !== 'sd2' || variant !== 'base') return undefined;
  const deviation = spread(weights.read(measuredBias));
  const type = typeOf(deviation > velocitySpread);
  return { type, from: `the spread ${deviation.toPrecision(2)} of ${weights.nameInFile(measuredBias)}` };
};

const named: Witness = ({ path }) =>
  /(?:^|[^a-z])v[-_ ]?pred|768-v/i.test(basename(path))
    ? { type: 'v_prediction', from: `the file name ${basename(path)}` }
    : undefined;

/** What is asked first is believed; a name is no more than a hint. */
const witnesses: readonly Witness[] = [marked, configured, described, measured];

const short: Readonly<Record<PredictionType, string>> = { epsilon: 'epsilon', v_prediction: 'v' };

/** What the UNet predicts; `given` is the user's word, which nothing overrides. */
export function predictionOf(
  file: SafetensorsFile,
  unet: MatchedUnet,
  given: PredictionType | undefined,
): Prediction {
  const heard = witnesses.flatMap(witness => witness(file, unet) ?? []);
  const hints = [...heard, ...[named(file, unet)].flatMap(hint => hint ?? [])];
  const chosen: Evidence = (given && { type: given, from: '--prediction' }) ??
    heard[0] ?? {
      type: 'epsilon',
      from: `what ${unet.architecture.name} predicts unless something else is said`,
    };
  const findings = hints
    .filter(({ type }) => type !== chosen.type)
    .map(({ type, from }) => {
      const hint = given ? '' : `; --prediction ${short[type]} would change it`;
      return `${from} says ${short[type]}, ${short[chosen.type]} is used, from ${chosen.from}${hint}`;
    });
  const zeroSnr = chosen.type === 'v_prediction' && file.tensors.has('ztsnr');
  return { ...chosen, zeroSnr, findings };
}
