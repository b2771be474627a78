/** @file A textual inversion embedding: one or two small tensors whose width is that of a model's text states. */
import type { Tensor } from '../../engine/index.ts';
import { badInput, LoraError } from '../../errors.ts';
import { readTorchFile, type SafetensorsFile, type TorchValue } from '../../files/index.ts';
import type { TableFacts } from './file-facts.ts';

const names = /^(?:emb_params|clip_[lgh]|text_encoders_[01]|\*|<.*>|string_to_param.*)$/;
const mostTensors = 8;
/** An embedding is no longer than a prompt. */
const mostVectors = 75 * 4;

const byWidth: Readonly<Record<number, string>> = {
  ...{ 768: 'SD 1.x', 1024: 'SD 2.x', 1280: 'SDXL', 2048: 'SDXL', 128: 'pocket' },
};

interface Shaped {
  readonly name: string;
  readonly shape: readonly number[];
}

function factsOf(tensors: readonly Shaped[]): TableFacts | undefined {
  const widths = tensors.map(({ shape }) => shape.at(-1) ?? 0);
  const isSmall = tensors.every(
    ({ shape }) => shape.length <= 2 && (shape.length === 1 || shape[0] <= mostVectors),
  );
  if (tensors.length === 0 || tensors.length > mostTensors || !isSmall) return undefined;
  const isNamed = tensors.every(({ name }) => names.test(name));
  const known = widths.map(width => (Object.hasOwn(byWidth, width) ? byWidth[width] : 'unknown'));
  if (!isNamed && (tensors.length > 1 || known[0] === 'unknown')) return undefined;
  // SDXL's has 768 for one encoder and 1280 for the other.
  const family = known.find(name => name === 'SDXL') ?? known[0];
  return { use: 'embedding', kind: '', family, findings: [] };
}

/** Undefined for what is no embedding. */
export const embeddingFacts = ({ tensors }: SafetensorsFile): TableFacts | undefined =>
  tensors.size > mostTensors ? undefined : factsOf([...tensors.values()]);

const isMap = (value: TorchValue | undefined): value is ReadonlyMap<string | number, TorchValue> =>
  value instanceof Map;
const isTensor = (value: TorchValue): value is Tensor =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;

/** Embeddings as torch wrote them are read as data, up to this size; anything else stays closed. */
export const mostTorchBytes = 16 * 2 ** 20;

/** Of a .pt or .bin file. Throws FORMAT_PICKLE for what is no embedding. */
export function torchEmbeddingFacts(path: string): TableFacts {
  try {
    const root = readTorchFile(path);
    const inner = isMap(root) ? (root.get('string_to_param') ?? root) : undefined;
    const tensors = isMap(inner)
      ? [...inner].flatMap(([name, value]) =>
          isTensor(value) ? [{ name: `${name}`, shape: value.shape }] : [],
        )
      : [];
    const facts = factsOf(
      tensors.map(({ name, shape }) => ({ name: tensors.length > 1 ? name : '*', shape })),
    );
    if (facts) return facts;
  } catch (error) {
    if (!(error instanceof LoraError)) throw error;
  }
  throw pickleError(path);
}

/** Why a .ckpt, .pt or .bin is not opened. */
export const pickleError = (path: string): LoraError =>
  badInput(
    'FORMAT_PICKLE',
    `${path} is a pickle file, which can run code and is never opened`,
    'Get or make a .safetensors file of it.',
  );
