/** @file Reads a LoRA file for a base model, and tells what was done with every tensor in it. */
import { elementCount, type Shape, sameShape, type Tensor } from '../../engine/index.ts';
import { badInput } from '../../errors.ts';
import { openSafetensors, readTensor, type SafetensorsFile } from '../../files/index.ts';
import type { BaseLayer, LoraModule, LoraWeights } from '../kinds/module.ts';
import { familyOfContextWidth, guessFamily } from './family.ts';
import { moduleNames, type Role, splitKey } from './names.ts';
import type { LoadReport } from './types.ts';

type Parts = Partial<Record<Role, string>>;

/** Groups keys by the layer they belong to; keys that belong to none are reported. */
function groupKeys(file: SafetensorsFile, layers: readonly BaseLayer[]) {
  const names = moduleNames(layers);
  const groups = new Map<BaseLayer, Parts>();
  const skipped: { key: string; reason: string }[] = [];
  for (const key of file.tensors.keys()) {
    const split = splitKey(key);
    const layer = split && names.get(split.module);
    if (!split) skipped.push({ key, reason: 'not a tensor of a plain LoRA' });
    else if (!layer) skipped.push({ key, reason: 'the base model has no such layer' });
    else {
      const parts = groups.get(layer) ?? {};
      if (parts[split.role]) skipped.push({ key, reason: `a second ${split.role} of ${layer.target}` });
      else parts[split.role] = key;
      groups.set(layer, parts);
    }
  }
  return { groups, skipped };
}

function readFinite(file: SafetensorsFile, key: string): Tensor {
  const tensor = readTensor(file, key);
  const bad = tensor.data.findIndex(x => !Number.isFinite(x));
  if (bad < 0) return tensor;
  const message = `${file.path}: ${key} holds ${tensor.data[bad]} at ${bad}`;
  throw badInput('LORA_NOT_FINITE', message, 'The training that made this file failed; use an earlier save.');
}

/** Down and up in the shapes that the base layer asks for: 1×1 convolutions and linear layers hold the same numbers. */
function fitShapes(layer: BaseLayer, down: Tensor, up: Tensor): { down: Tensor; up: Tensor } | undefined {
  const rank = down.shape[0];
  const [out, ...inside] = layer.shape;
  const downShape: Shape = [rank, ...inside];
  const upShape: Shape = [out, rank, ...inside.slice(1).map(() => 1)];
  const squeezed = (shape: Shape): Shape => shape.filter((size, i) => i < 2 || size !== 1);
  const fits =
    sameShape(squeezed(down.shape), squeezed(downShape)) && sameShape(squeezed(up.shape), squeezed(upShape));
  if (!fits || elementCount(up.shape) !== elementCount(upShape)) return undefined;
  return { down: { shape: downShape, data: down.data }, up: { shape: upShape, data: up.data } };
}

function wrongModel(file: SafetensorsFile, contextWidth: number, example: string): Error {
  const shapes = [...file.tensors].map(([key, { shape }]) => [key, shape] as const);
  const message = `${file.path} was made for ${guessFamily(shapes)}, the base is ${familyOfContextWidth(contextWidth)}`;
  return badInput(
    'LORA_WRONG_MODEL',
    `${message} (${example})`,
    'Choose a base of the same family as the LoRA.',
  );
}

export interface ReadOptions {
  /** Layers of the base model, from `listLayers`. */
  readonly layers: readonly BaseLayer[];
  /** Width of the base's text states, to name its family. */
  readonly contextWidth: number;
}

function readAlpha(file: SafetensorsFile, key: string | undefined, rank: number): number {
  if (key === undefined) return rank;
  const { shape, data } = readFinite(file, key);
  if (data.length === 1) return data[0];
  throw badInput('LORA_BAD_ALPHA', `${file.path}: ${key} is [${shape}], not one number`);
}

/** One layer's module; undefined when the file has only half of it. */
function readModule(
  file: SafetensorsFile,
  layer: BaseLayer,
  parts: Parts,
  contextWidth: number,
): LoraModule | undefined {
  if (!parts.down || !parts.up) return undefined;
  const [down, up] = [readFinite(file, parts.down), readFinite(file, parts.up)];
  const fitted = down.data.length > 0 ? fitShapes(layer, down, up) : undefined;
  if (!fitted) {
    const example = `${parts.down} is [${down.shape}], ${layer.target} is [${layer.shape}]`;
    throw wrongModel(file, contextWidth, example);
  }
  const rank = down.shape[0];
  const alpha = readAlpha(file, parts.alpha, rank);
  return { target: layer.target, kind: 'lora', tensors: fitted, alpha, rank };
}

/** Loads a file. Throws LORA_WRONG_MODEL when no module fits or a shape does not, LORA_NOT_FINITE for NaN. */
export function readLora(path: string, options: ReadOptions): { lora: LoraWeights; report: LoadReport } {
  const file = openSafetensors(path);
  const { groups, skipped } = groupKeys(file, options.layers);
  const modules: LoraModule[] = [];
  for (const [layer, parts] of groups) {
    const module = readModule(file, layer, parts, options.contextWidth);
    if (module) modules.push(module);
    else {
      for (const key of Object.values(parts))
        skipped.push({ key, reason: `${layer.target} lacks its other half` });
    }
  }
  if (modules.length === 0)
    throw wrongModel(file, options.contextWidth, `none of its ${file.tensors.size} tensors fits`);
  const distinct = (values: number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
  const report: LoadReport = {
    path,
    applied: file.tensors.size - skipped.length,
    skipped,
    ranks: distinct(modules.map(({ rank }) => rank)),
    alphas: distinct(modules.map(({ alpha }) => alpha)),
    coverage: coverage(modules, skipped, file),
  };
  return { lora: { modules, metadata: file.metadata }, report };
}

/** Modules applied of modules in the file, by part. */
function coverage(
  modules: readonly LoraModule[],
  skipped: readonly { key: string }[],
  file: SafetensorsFile,
): string {
  const isUnet = (name: string): boolean => !/lora_te|text_encoder/.test(name);
  const moduleOf = (key: string): string => splitKey(key)?.module ?? key.split('.')[0];
  const skippedModules = new Set(skipped.map(({ key }) => moduleOf(key)));
  const all = new Set([...file.tensors.keys()].map(moduleOf));
  const parts = [true, false].flatMap(unet => {
    const total = [...all].filter(name => isUnet(name) === unet).length;
    const applied = modules.filter(({ target }) => isUnet(target) === unet).length;
    return total > 0 ? [`${applied}/${Math.max(total, applied)} ${unet ? 'UNet' : 'text encoder'}`] : [];
  });
  return parts.join(', ') + (skippedModules.size > 0 ? `, ${skipped.length} tensors skipped` : '');
}
