/** @file What `--plan` says of the layers that are trained: how many, as what, and what that makes of the file. */
import { parametersOf, type TrainedLayer, trainedTensors } from '../../lora/index.ts';
import type { Recipe } from '../../training/index.ts';
import { showBytes } from '../units.ts';

const partNames: ReadonlyMap<string, string> = new Map([
  ['unet', 'UNet'],
  ['text_encoder', 'text encoder'],
  ['text_encoder_2', 'text encoder 2'],
]);
const partOf = ({ target }: TrainedLayer): string => target.slice(0, target.indexOf('.'));

/** LoKr whose matrices are no products, so that its rank has no effect. */
function isWhole(layer: TrainedLayer): boolean {
  const roles = trainedTensors(layer).map(([role]) => role);
  return roles.includes('lokr_w1') && roles.includes('lokr_w2');
}

/** What is trained on a layer, in words: `lora with DoRA, rank 8, alpha 4, rate × 0.5`. */
function describeLayer(layer: TrainedLayer): string {
  const { kind, rank, alpha, decomposed, tucker, factor, init, rateFactor, upRateFactor } = layer;
  const short = (x: number): string => String(Number(x.toPrecision(4)));
  return [
    `${kind}${decomposed ? ` with DoRA (${decomposed})` : ''}${tucker ? ', Tucker' : ''}`,
    ...(kind === 'lokr' && factor !== -1 ? [`factor ${factor}`] : []),
    ...(isWhole(layer) ? ['whole matrices'] : [`rank ${rank}`, `scale ${short(alpha / rank)}`]),
    ...(init === 'kaiming' ? [] : [`start ${init}`]),
    ...(rateFactor === 1 ? [] : [`rate × ${short(rateFactor)}`]),
    ...(upRateFactor === 1 ? [] : [`LoRA+ ${short(upRateFactor)}`]),
  ].join(', ');
}

export interface LayerGroup {
  readonly part: string;
  readonly trained: string;
  readonly layers: number;
  readonly parameters: number;
  readonly fileBytes: number;
}

const bytesEach = ({ precision }: Pick<Recipe, 'precision'>): number => (precision === 'float32' ? 4 : 2);

function groupsOf(layers: readonly TrainedLayer[], recipe: Pick<Recipe, 'precision'>): LayerGroup[] {
  const groups = Map.groupBy(layers, layer => `${partOf(layer)} ${describeLayer(layer)}`);
  return [...groups.values()].map(members => {
    const { trained, frozen } = parametersOf(members);
    return {
      part: partOf(members[0]),
      trained: describeLayer(members[0]),
      layers: members.length,
      parameters: trained,
      fileBytes: bytesEach(recipe) * (trained + frozen),
    };
  });
}

/** More groups than this are counted, not listed. */
const mostGroups = 8;

/** Name and place of a tensor in the header of a file, and all metadata (4 to 10 kB, by captions); measured. */
const headerBytes = { each: 127, metadata: 7_000 };

function headerOf(layers: readonly TrainedLayer[]): number {
  const tensors = layers.reduce((sum, layer) => sum + trainedTensors(layer).length + 1, 0);
  return headerBytes.each * tensors + headerBytes.metadata;
}

/** 6,400 → `6.4 k`, 550,000 → `0.55 M` */
const showCount = (count: number): string =>
  count < 1e5 ? `${(count / 1e3).toFixed(1)} k` : `${(count / 1e6).toFixed(2)} M`;

/** Layers by part, kind and rank, with what each takes of the file; for people and for programs. */
export function describeLayers(
  layers: readonly TrainedLayer[],
  recipe: Pick<Recipe, 'precision'>,
): { json: Readonly<Record<string, unknown>>; lines: string[] } {
  const groups = groupsOf(layers, recipe);
  const parameters = groups.reduce((sum, group) => sum + group.parameters, 0);
  const body = groups.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  const fileBytes = body + headerOf(layers);
  const listed = groups.slice(0, mostGroups).map(group => {
    const part = (partNames.get(group.part) ?? group.part).padEnd(14);
    const size = `${showCount(group.parameters)}, ${showBytes(group.fileBytes)} of the file`;
    return `  ${part}${group.layers} × ${group.trained}: ${size}`;
  });
  const more = groups.length - mostGroups;
  const isDouble = groups.some(({ trained }) => trained.includes('pissa'));
  const other = recipe.precision === 'float32' ? '--precision float16 halves it' : 'float32 would double it';
  const notes = [other, ...(isDouble ? ['pissa writes twice the rank'] : [])].join('; ');
  return {
    json: { groups, predictedFileBytes: fileBytes },
    lines: [
      `layers          ${layers.length}, ${showCount(parameters)} trained parameters`,
      ...listed,
      ...(more > 0 ? [`  and ${more} more kinds of layers (--json lists all)`] : []),
      `file            about ${showBytes(fileBytes)} in ${recipe.precision}; ${notes}`,
    ],
  };
}
