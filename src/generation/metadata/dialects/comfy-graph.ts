/**
 * @file A ComfyUI graph as data, from its API form (`prompt`) or, where that is missing, its page (`workflow`), and how
 * one walks along its links. Nothing of it is trusted: links may be missing, crossed or in circles.
 */
import { asList, asText, entryOf, isObject, type JsonObject } from '../json-values.ts';

export interface ComfyNode {
  readonly id: string;
  readonly type: string;
  readonly inputs: JsonObject;
}

/** Longer names of node types are none. */
const maxName = 256;

export type ComfyGraph = ReadonlyMap<string, ComfyNode>;

/** `{ "3": { "class_type": "KSampler", "inputs": { "seed": 1, "model": ["4", 0] } } }` */
export function graphOfApi(json: unknown): ComfyGraph {
  const graph = new Map<string, ComfyNode>();
  if (!isObject(json)) return graph;
  for (const [id, node] of Object.entries(json))
    if (isObject(node) && typeof node.class_type === 'string' && node.class_type.length <= maxName)
      graph.set(id, { id, type: node.class_type, inputs: isObject(node.inputs) ? node.inputs : {} });
  return graph;
}

/** What the widgets of a node on the page stand for, in their order; `-` is only of the page. */
const widgets: Readonly<Record<string, string>> = {
  KSampler: 'seed - steps cfg sampler_name scheduler denoise',
  KSamplerAdvanced:
    'add_noise noise_seed - steps cfg sampler_name scheduler start_at_step end_at_step return_with_leftover_noise',
  SamplerCustom: 'add_noise noise_seed - cfg',
  KSamplerSelect: 'sampler_name',
  BasicScheduler: 'scheduler steps denoise',
  KarrasScheduler: 'steps sigma_max sigma_min rho',
  RandomNoise: 'noise_seed -',
  CFGGuider: 'cfg',
  CLIPTextEncode: 'text',
  CLIPTextEncodeSDXL: 'width height crop_w crop_h target_width target_height text_g text_l',
  CLIPSetLastLayer: 'stop_at_clip_layer',
  LoraLoader: 'lora_name strength_model strength_clip',
  LoraLoaderModelOnly: 'lora_name strength_model',
  CheckpointLoaderSimple: 'ckpt_name',
  CheckpointLoader: 'config_name ckpt_name',
  UNETLoader: 'unet_name',
  VAELoader: 'vae_name',
  RescaleCFG: 'multiplier',
  EmptyLatentImage: 'width height batch_size',
  LatentUpscale: 'upscale_method width height crop',
  LatentUpscaleBy: 'upscale_method scale_by',
  ImageScale: 'upscale_method width height crop',
  ImageScaleBy: 'upscale_method scale_by',
  LoadImage: 'image -',
  PrimitiveNode: 'value -',
  SaveImage: 'filename_prefix',
};

/** `{ nodes: [{ id, type, widgets_values, inputs: [{ name, link }] }], links: [[link, from, slot, to, slot, type]] }` */
export function graphOfWorkflow(json: unknown): ComfyGraph {
  const graph = new Map<string, ComfyNode>();
  if (!isObject(json)) return graph;
  const sources = new Map<unknown, [string, number]>();
  for (const link of asList(json.links)) {
    const [id, from, slot] = asList(link);
    if (asText(from) !== undefined) sources.set(id, [String(from), Number(slot)]);
  }
  for (const node of asList(json.nodes)) {
    // Mode 2 is never run; 4 is passed by: it links, and does nothing.
    if (
      !isObject(node) ||
      asText(node.id) === undefined ||
      typeof node.type !== 'string' ||
      node.type.length > maxName ||
      node.mode === 2
    )
      continue;
    const inputs: [string, unknown][] = [];
    const names = node.mode === 4 ? [] : (entryOf(widgets, node.type)?.split(' ') ?? []);
    const values = asList(node.widgets_values);
    for (const [i, name] of names.entries())
      if (name !== '-' && i < values.length) inputs.push([name, values[i]]);
    if (isObject(node.widgets_values) && node.mode !== 4)
      for (const widget of Object.entries(node.widgets_values)) inputs.push(widget);
    for (const input of asList(node.inputs)) {
      const source = isObject(input) ? sources.get(input.link) : undefined;
      if (isObject(input) && typeof input.name === 'string' && source) inputs.push([input.name, source]);
    }
    graph.set(String(node.id), { id: String(node.id), type: node.type, inputs: Object.fromEntries(inputs) });
  }
  return graph;
}

/** The node that an input is linked to, and which of its outputs. */
export function sourceOf(graph: ComfyGraph, value: unknown): { node: ComfyNode; slot: number } | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const node = graph.get(String(value[0]));
  return node && { node, slot: Number(value[1]) };
}

/** Nodes that hold a value for others: primitives, strings, number and seed nodes, with the names of their only input. */
const valueInputs = [
  'value',
  'int',
  'float',
  'number',
  'seed',
  'noise_seed',
  'text',
  'string',
  'String',
  'Value',
];
const joinedInputs = ['string_a', 'string_b', 'text_a', 'text_b', 'text1', 'text2', 'text_1', 'text_2'];

/** A number or text, through nodes that only pass one on; undefined where it is computed. */
export function scalarOf(graph: ComfyGraph, value: unknown, visited = new Set<string>()): unknown {
  if (!Array.isArray(value)) return isObject(value) ? undefined : value;
  const node = sourceOf(graph, value)?.node;
  if (!node || visited.has(node.id) || visited.size > 256) return undefined;
  visited.add(node.id);
  const parts = joinedInputs.flatMap(name => {
    const part = scalarOf(graph, node.inputs[name], visited);
    return typeof part === 'string' && part !== '' ? [part] : [];
  });
  if (parts.length > 0) return parts.join(asText(node.inputs.delimiter) ?? '');
  const name = valueInputs.find(input => node.inputs[input] !== undefined);
  const only = Object.keys(node.inputs).length === 1 ? Object.values(node.inputs)[0] : undefined;
  return scalarOf(graph, name === undefined ? only : node.inputs[name], visited);
}

/**
 * Walks upstream from `start`, nearest first, along the inputs that `follow` names for a node, and gives each node once.
 */
export function* upstream(
  graph: ComfyGraph,
  start: unknown,
  follow: (node: ComfyNode, slot: number) => readonly string[],
): Generator<{ readonly node: ComfyNode; readonly slot: number }> {
  const queue = [sourceOf(graph, start)];
  const visited = new Set<string>();
  for (let i = 0; i < queue.length; i++) {
    const at = queue[i];
    if (!at || visited.has(at.node.id)) continue;
    visited.add(at.node.id);
    yield at;
    for (const name of follow(at.node, at.slot)) queue.push(sourceOf(graph, at.node.inputs[name]));
  }
}
