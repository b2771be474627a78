/** @file What making pictures takes of memory, computed from the graphs before anything is opened. */
import {
  bytesPerElement,
  convolutionsOf,
  costOf,
  createGraph,
  elementCount,
  type Graph,
  input,
  output,
} from '../../engine/index.ts';
import {
  buildUnet,
  type Checkpoint,
  encoderUses,
  type LayerHooks,
  openScope,
  type TextSource,
  vaeDecoder,
  vaePieces,
  type WeightSource,
  wholeUpToDefault,
} from '../../models/index.ts';

export interface PictureSizes {
  /** Rows that the UNet reads at once: pictures times prompts of each, two with guidance. */
  readonly rows: number;
  /** Of a picture in pixels. */
  readonly width: number;
  readonly height: number;
  /** Text tokens of a row, 77 for each chunk of a prompt. */
  readonly tokens: number;
}

export interface ForecastOptions {
  /** LoRAs on the UNet, as `openUnet` takes them. */
  readonly hooks?: (graph: Graph) => LayerHooks;
  /** Latents of more pixels than this are decoded in tiles; 0 for always. */
  readonly wholeUpTo?: number;
  /** The UNet stays open while its pictures are decoded. */
  readonly keepsUnet?: boolean;
}

/** Resident bytes of the whole process, mapped weights counted: at their highest in each part, and in all. */
export interface GenerationForecast {
  readonly textBytes: number;
  readonly unetBytes: number;
  readonly vaeBytes: number;
  readonly peakBytes: number;
}

/** Node with this program and ONNX Runtime, before a session is open. */
const processBytes = 0.14 * 2 ** 30;

/** Small models are unpacked and packed: the embedded one took 0.09 GiB beyond that for 0.02 GiB of weights. */
const foldedFactor = 4;

interface SessionFit {
  /** Bytes of weights below which everything is copied (`SessionOptions.foldBelowBytes`). */
  readonly foldedBelow: number;
  readonly session: number;
  /** Of the highest sum of activations that live at once. */
  readonly activations: number;
  /** Of the largest weight that a Winograd convolution transforms. */
  readonly transformed: number;
}

/**
 * What a session takes beyond its weights, fitted to the resident memory of SD 1.5 with each part in a process of its own
 * (docs/memory.md): the runtime's arena grows in large blocks and is never given back before the session is released.
 */
const unetFit: SessionFit = {
  foldedBelow: 256 * 2 ** 20,
  session: 0.1 * 2 ** 30,
  activations: 1.15,
  transformed: 1.5,
};
const vaeFit: SessionFit = {
  foldedBelow: 32 * 2 ** 20,
  session: 0.14 * 2 ** 30,
  activations: 2,
  transformed: 0,
};

/** From pictures of this many pixels on, convolutions run as Winograd's, whose weights are transformed as they are used. */
const winogradFromPixels = 32 ** 2;

/** Bytes of the largest kernel [out, in, 3, 3] as Winograd's F(4×4,3×3) reads it, [36, out, in]. */
function largestTransformed(graph: Graph): number {
  const sizes = [...convolutionsOf(graph).values()].map(({ convolution: { shape } }) =>
    shape.height * shape.width < winogradFromPixels ? 0 : 36 * 4 * shape.inChannels * shape.outChannels,
  );
  return Math.max(0, ...sizes);
}

/** The largest weight that is widened to float32 where it is used. */
function largestWidened(graph: Graph): number {
  const sizes = [...graph.weights.values()].map(({ origin, shape }) => {
    if (origin.kind !== 'weight') return 0;
    return origin.bytes.length < bytesPerElement.float32 * elementCount(shape)
      ? bytesPerElement.float32 * elementCount(shape)
      : 0;
  });
  return Math.max(0, ...sizes);
}

interface SessionBytes {
  readonly weights: number;
  /** The arena, and what is fed and given back. */
  readonly others: number;
}

function sessionBytes(graph: Graph, fit: SessionFit): SessionBytes {
  const { weightBytes, peakActivationBytes, inputBytes, outputBytes } = costOf(graph);
  if (weightBytes < fit.foldedBelow)
    return { weights: foldedFactor * weightBytes, others: 2 * peakActivationBytes };
  const arena =
    fit.session + fit.activations * peakActivationBytes + fit.transformed * largestTransformed(graph);
  return { weights: weightBytes, others: arena + largestWidened(graph) + inputBytes + outputBytes };
}

function unetGraph(
  checkpoint: Pick<Checkpoint, 'unet' | 'latentScale'>,
  { rows, width, height, tokens }: PictureSizes,
  hooks: ForecastOptions['hooks'],
): Graph {
  const scale = checkpoint.latentScale;
  const graph = createGraph();
  const size = { batch: rows, height: height / scale, width: width / scale, tokens };
  output('prediction', buildUnet(graph, checkpoint, size, hooks?.(graph)));
  return graph;
}

function decoderGraph({ vae: { config, weights } }: Pick<Checkpoint, 'vae'>, height: number, width: number) {
  const graph = createGraph();
  const latent = input(graph, 'latent', [1, config.latentChannels, height, width]);
  output('picture', vaeDecoder(openScope(graph, weights, 'vae'), config, latent));
  return graph;
}

/** Bytes of a part's weights as stored, without tables of words, of which a text touches a few rows. */
function storedBytes(weights: WeightSource): number {
  let bytes = 0;
  for (const name of weights.names()) {
    if (name.endsWith('embedding.weight')) continue;
    const place = weights.bytes(name);
    bytes += place instanceof Float32Array ? place.byteLength : place.length;
  }
  return bytes;
}

/** What decoders take, by their sizes: a search for what fits asks for the same ones again and again. */
const knownDecoders = new WeakMap<Checkpoint['vae'], Map<string, SessionBytes>>();

function decoderBytes({ vae }: Pick<Checkpoint, 'vae'>, height: number, width: number): SessionBytes {
  const known = knownDecoders.get(vae) ?? new Map<string, SessionBytes>();
  knownDecoders.set(vae, known);
  const key = `${height}x${width}`;
  const bytes = known.get(key) ?? sessionBytes(decoderGraph({ vae }, height, width), vaeFit);
  known.set(key, bytes);
  return bytes;
}

/** A picture as floats three times over (pieces, joined, as pixels), where it is made of pieces. */
const pieceCopies = 3;

function decoding(checkpoint: ForecastModel, { width, height }: PictureSizes, wholeUpTo: number): number {
  const [rows, columns] = [height, width].map(side => side / checkpoint.latentScale);
  const { count, height: h, width: w } = vaePieces({ height: rows, width: columns }, { wholeUpTo });
  const { weights, others } = decoderBytes(checkpoint, h, w);
  const picture = 3 * bytesPerElement.float32 * width * height;
  return weights + others + (count === 1 ? 1 : pieceCopies) * picture;
}

export type ForecastModel = Pick<Checkpoint, 'unet' | 'vae' | 'latentScale'> & TextSource;

/**
 * Foresees the highest resident memory of text encoder, UNet and decoder. Weights count as the graph has them: in their
 * files, held in another form (`holdWeights`) or merged.
 */
export function forecastGeneration(
  checkpoint: ForecastModel,
  sizes: PictureSizes,
  { hooks, wholeUpTo = wholeUpToDefault, keepsUnet = true }: ForecastOptions = {},
): GenerationForecast {
  const unet = sessionBytes(unetGraph(checkpoint, sizes, hooks), unetFit);
  const text = encoderUses(checkpoint).reduce((sum, { part }) => sum + storedBytes(part.weights), 0);
  const textBytes = processBytes + text;
  const unetBytes = processBytes + unet.weights + unet.others;
  const vaeBytes = (keepsUnet ? unetBytes : processBytes) + decoding(checkpoint, sizes, wholeUpTo);
  const kept = keepsUnet ? text : 0; // encoders stay open beside a UNet that does
  return {
    textBytes,
    unetBytes,
    vaeBytes,
    peakBytes: Math.max(textBytes, unetBytes + kept, vaeBytes + kept),
  };
}
