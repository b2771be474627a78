/** @file The graphs whose convolutions are tuned: a training step, a generation step, and the autoencoder both ways. */
import {
  type Convolution,
  convolutionsOf,
  createGraph,
  type Graph,
  input,
  output,
} from '../../engine/index.ts';
import { chooseTargets, plainLora } from '../../lora/index.ts';
import {
  buildUnet,
  type Checkpoint,
  listLayers,
  openScope,
  vaeDecoder,
  vaeEncoder,
} from '../../models/index.ts';
import { buildTrainStep } from '../../training/index.ts';

export type TunedModel = Pick<Checkpoint, 'unet' | 'vae'>;

interface Size {
  readonly width: number;
  readonly height: number;
}

const latentScale = 8;
const tokens = 77;
const rank = 16;

function generationStep(model: TunedModel, latent: Size): Graph {
  const graph = createGraph();
  output('prediction', buildUnet(graph, model, { batch: 2, ...latent, tokens })); // with and without the prompt
  return graph;
}

function autoencoder({ vae: { config, weights } }: TunedModel, { width, height }: Size, isDecoder: boolean) {
  const graph = createGraph();
  const scope = openScope(graph, weights, 'vae');
  if (isDecoder) {
    const latent = input(graph, 'latent', [1, config.latentChannels, height, width]);
    output('picture', vaeDecoder(scope, config, latent));
  } else {
    const picture = input(graph, 'picture', [1, 3, height * latentScale, width * latentScale]);
    output('latent', vaeEncoder(scope, config, picture).mean);
  }
  return graph;
}

function trainingStep(model: TunedModel, latent: Size): Graph {
  const layers = plainLora(chooseTargets(listLayers(model.unet.weights, 'unet'), 'linear'), { rank });
  return buildTrainStep(model, layers, { batch: 1, ...latent, tokens, recompute: false });
}

/** A graph, and how many convolutions of each kind it has. */
export interface Workload {
  readonly name: string;
  readonly counts: ReadonlyMap<string, number>;
}

/** The convolutions of all workloads at a picture size, each once; those with the most work first. */
export function workloadsOf(
  model: TunedModel,
  { width, height }: Size,
): { workloads: Workload[]; convolutions: Convolution[] } {
  const latent = { width: width / latentScale, height: height / latentScale };
  const graphs = {
    'training step': trainingStep(model, latent),
    'generation step': generationStep(model, latent),
    'VAE decode': autoencoder(model, latent, true),
    'VAE encode': autoencoder(model, latent, false),
  };
  const all = new Map<string, Convolution>();
  const total = new Map<string, number>();
  const workloads = Object.entries(graphs).map(([name, graph]) => {
    const counts = new Map<string, number>();
    for (const [key, { convolution, count }] of convolutionsOf(graph)) {
      all.set(key, convolution);
      counts.set(key, count);
      total.set(key, (total.get(key) ?? 0) + count * convolution.flops);
    }
    return { name, counts };
  });
  const convolutions = [...all.values()].sort((a, b) => (total.get(b.key) ?? 0) - (total.get(a.key) ?? 0));
  return { workloads, convolutions };
}
