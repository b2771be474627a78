/**
 * @file ComfyUI: from the node that saves the picture up to its sampler, and from there to prompts, LoRAs, checkpoint and
 * first latent. Two samplers in a row are a picture and its second, larger pass.
 */
import type { Candidates, Finding } from '../found-settings.ts';
import { asText } from '../json-values.ts';
import { type ComfyGraph, type ComfyNode, scalarOf, sourceOf, upstream } from './comfy-graph.ts';
import {
  clipInputs,
  fileName,
  isSampler,
  latentInputs,
  latentOf,
  loraOf,
  modelInputs,
  type PromptPart,
  promptParts,
  samplingOf,
  withoutEnding,
} from './comfy-parts.ts';

/** More nodes that save are not looked at. */
const maxOutputs = 32;
const isOutput = ({ type }: ComfyNode): boolean => /save|preview.*image|^image.?output/i.test(type);

/** From the output to the first latent: samplers on the way, the latest first. */
function samplersOf(graph: ComfyGraph): ComfyNode[] {
  const all = [...graph.values()].filter(isSampler);
  const follow = (): string[] => latentInputs;
  const chains = [...graph.values()]
    .filter(isOutput)
    .slice(0, maxOutputs)
    .map(output => {
      const link = latentInputs.map(name => output.inputs[name]).find(value => sourceOf(graph, value));
      return [...upstream(graph, link, follow)].map(({ node }) => node).filter(isSampler);
    });
  // Of several pictures that are saved, the one that most samplers worked on.
  const longest = chains.sort((a, b) => b.length - a.length).at(0) ?? [];
  if (longest.length > 0) return longest;
  // Without an output: the sampler whose latent no other sampler goes on with.
  const used = new Set<string>();
  for (const sampler of all)
    for (const { node } of upstream(graph, sampler.inputs.latent_image, follow)) {
      if (used.has(node.id)) break;
      used.add(node.id);
    }
  const last = all.find(({ id }) => !used.has(id)) ?? all[0];
  if (!last) return [];
  const before = [...upstream(graph, last.inputs.latent_image, follow)]
    .map(({ node }) => node)
    .filter(isSampler);
  return [last, ...before.filter(({ id }) => id !== last.id)];
}

const firstText = (parts: readonly PromptPart[]): string => parts[0]?.text.trim() ?? '';
const further = (name: string, parts: readonly PromptPart[]): [string, string][] =>
  parts.slice(1, 100).map(({ text }, i) => [`${name} ${i + 2}`, text.trim()]);

/** Settings of a graph. Never throws; without a sampler nothing is found but a finding. */
export function readComfy(graph: ComfyGraph): Candidates {
  const findings: Finding[] = [];
  const [last, ...before] = samplersOf(graph);
  if (!last) {
    findings.push({
      code: 'COMFY_NO_SAMPLER',
      message: `none of the ${graph.size} nodes of the graph is a sampler`,
    });
    return { values: { preset: 'comfy' }, other: {}, findings };
  }
  const first = before.at(-1) ?? last;
  const [base, final] = [samplingOf(graph, first), samplingOf(graph, last)];
  const [latent, finalLatent] = [latentOf(graph, first), latentOf(graph, last)];
  const positive = promptParts(graph, base.links.positive);
  const negative = promptParts(graph, base.links.negative);
  for (const [side, parts] of [
    ['prompt', positive],
    ['negative prompt', negative],
  ] as const)
    if (parts.length > 1)
      findings.push({
        code: 'COMFY_SEVERAL_PROMPTS',
        message: `the ${side} is made of ${parts.length} texts; the first is given`,
      });
  if (before.length > 1)
    findings.push({
      code: 'COMFY_SEVERAL_SAMPLERS',
      message: `${before.length + 1} samplers lead to the picture; the first and the last are given`,
    });
  if (base.seed === undefined)
    findings.push({
      code: 'COMFY_COMPUTED',
      message: `the seed of node ${first.id} (${first.type}) is computed by other nodes`,
    });

  const models = [...upstream(graph, base.links.model, modelInputs)].map(({ node }) => node);
  const clips = [...upstream(graph, positive[0]?.clip, clipInputs)].map(({ node }) => node);
  const checkpoint = [...models, ...clips]
    .map(({ inputs }) => fileName(scalarOf(graph, inputs.ckpt_name ?? inputs.unet_name)))
    .find(name => name !== undefined);
  const loras = models.flatMap(node => loraOf(graph, node)).reverse();
  const layer = clips
    .map(({ inputs }) => scalarOf(graph, inputs.stop_at_clip_layer))
    .find(value => value !== undefined);
  const rescale = models.find(({ type }) => type === 'RescaleCFG');
  const scale = Number(asText(finalLatent.scale) ?? Number.NaN);
  const scaled = (side: unknown): number | undefined =>
    scale > 0 ? Math.floor(Number(side) * scale) : undefined;
  if (latent.masked)
    findings.push({ code: 'COMFY_MASK', message: 'the picture was inpainted; the mask is not in the graph' });
  const hires = {
    width: finalLatent.width ?? scaled(latent.width),
    height: finalLatent.height ?? scaled(latent.height),
    upscaler: finalLatent.upscaler,
    ...{ steps: final.steps, sampler: final.sampler, scheduler: final.scheduler, guidance: final.guidance },
  };
  const values = {
    prompt: firstText(positive),
    negativePrompt: firstText(negative),
    ...{ seed: base.seed, steps: base.steps, guidance: base.guidance },
    ...{ sampler: base.sampler, scheduler: base.scheduler },
    ...{ width: latent.width, height: latent.height },
    guidanceRescale: rescale && scalarOf(graph, rescale.inputs.multiplier),
    clipSkip: layer === undefined ? 1 : -Number(layer),
    model: checkpoint === undefined ? undefined : { name: withoutEnding(checkpoint) },
    loras: loras.length > 0 ? loras : undefined,
    denoising: last === first ? base.denoise : final.denoise,
    init: latent.init === undefined ? undefined : { name: latent.init },
    hires: last === first ? undefined : hires,
    ...{ noise: 'cpu', preset: 'comfy' },
  };
  const other = Object.fromEntries([...further('prompt', positive), ...further('negative prompt', negative)]);
  return { values, other, findings };
}
