/** @file Training that goes on from LoRAs: one whose A and B it starts with, others that are part of its base. */
import { createHash } from 'node:crypto';
import type { Tensor } from '../engine/index.ts';
import { badInput, usageError } from '../errors.ts';
import {
  appliedModules,
  chooseTargets,
  type LoraModule,
  type LoraWeights,
  mergeModules,
  type StrongLora,
  type TrainedLayer,
  targetPresets,
  textPresets,
  trainedTensors,
} from '../lora/index.ts';
import {
  type Checkpoint,
  type LayerInfo,
  type LayerPart,
  listLayers,
  type WeightSource,
  weightsByPart,
} from '../models/index.ts';
import type { GivenRecipe, Recipe } from './recipe/recipe.ts';

/** The base with LoRAs added in: a run learns what they lack, and its file does not hold them. */
export async function withBaseLoras(
  checkpoint: Checkpoint,
  loras: readonly StrongLora[],
): Promise<Checkpoint> {
  if (loras.length === 0) return checkpoint;
  const modules = appliedModules(loras, checkpoint.family);
  const { unet, textEncoder, textEncoder2 } = checkpoint;
  const base = weightsByPart(checkpoint);
  const merge = async <P extends { readonly weights: WeightSource }>(
    name: LayerPart,
    part: P,
  ): Promise<P> => {
    const isChanged = modules.some(({ module }) => module.target.startsWith(`${name}.`));
    return isChanged ? { ...part, weights: await mergeModules(modules, base, name) } : part;
  };
  return {
    ...checkpoint,
    unet: await merge('unet', unet),
    textEncoder: await merge('text_encoder', textEncoder),
    textEncoder2: textEncoder2 && (await merge('text_encoder_2', textEncoder2)),
  };
}

/** What the file decides, so that nothing else may. */
const decided: readonly (keyof Recipe)[] = [
  ...(['kind', 'rank', 'alpha', 'convRank', 'convAlpha', 'textRank', 'textAlpha', 'targets'] as const),
  ...(['textTargets', 'blockRanks', 'blockAlphas', 'overrides', 'rsLora', 'dora', 'tucker', 'init'] as const),
  ...(['factor', 'decomposeBoth', 'fullMatrix'] as const),
];

function checkGiven(given: GivenRecipe): void {
  const field = decided.find(name => given[name] !== undefined);
  if (!field) return;
  const message = `recipe field ${field}: a run that goes on from a LoRA has it from the file`;
  throw usageError('RECIPE_INVALID', message, 'Leave it out, or start a new LoRA.');
}

const cannot = (path: string, why: string): Error =>
  badInput(
    'LORA_NOT_TRAINABLE',
    `${path}: ${why}`,
    'Only LoRA and LoCon, with or without DoRA, are gone on from.',
  );

/** Roles that a module of the kind `lora` is trained by. */
const trainable: ReadonlySet<string> = new Set(['down', 'up', 'mid', 'magnitude']);

/** What all modules have in common, or undefined when they differ. */
function common<T>(modules: readonly LoraModule[], of: (module: LoraModule) => T): T | undefined {
  const values = new Set(modules.map(of));
  return values.size === 1 ? [...values][0] : undefined;
}

function decompositionOf({ tensors: { magnitude } }: LoraModule, [out]: readonly number[]): Recipe['dora'] {
  if (!magnitude) return false;
  return magnitude.shape[0] === out && magnitude.data.length === out ? 'output' : 'input';
}

/** The shortest expression for exactly these layers: a preset's name where one means them. */
function expressionFor(
  chosen: readonly LayerInfo[],
  all: readonly LayerInfo[],
  presets: readonly string[],
): string {
  const list = chosen.map(({ target }) => target).join(',');
  const names = (layers: readonly LayerInfo[]): string => layers.map(({ target }) => target).join(',');
  const means = (preset: string): boolean => {
    try {
      return names(chooseTargets(all, preset)) === list;
    } catch {
      return false;
    }
  };
  return presets.find(means) ?? list;
}

/**
 * The recipe with layers, ranks and scales of a LoRA. Throws LORA_NOT_TRAINABLE for kinds that cannot be gone on from,
 * RECIPE_INVALID where `given` says of these fields too.
 */
export function recipeFrom(
  checkpoint: Checkpoint,
  given: GivenRecipe,
  { modules }: LoraWeights,
  path: string,
): GivenRecipe {
  checkGiven(given);
  const other = modules.find(({ kind }) => kind !== 'lora');
  if (other) throw cannot(path, `${other.target} is of the kind ${other.kind}`);
  const strange = modules.find(({ tensors }) => Object.keys(tensors).some(role => !trainable.has(role)));
  if (strange) throw cannot(path, `${strange.target} has a bias of its own`);
  const all = [...weightsByPart(checkpoint)].flatMap(([part, weights]) => listLayers(weights, part));
  const byTarget = new Map(modules.map(module => [module.target, module]));
  const layers = all.filter(({ target }) => byTarget.has(target));
  const shapes = new Map(layers.map(({ target, shape }) => [target, shape]));
  const dora = common(modules, module => decompositionOf(module, shapes.get(module.target) ?? []));
  if (dora === undefined) throw cannot(path, 'only some of its modules are DoRA');
  const kernels = modules.filter(({ target }) => (shapes.get(target)?.[2] ?? 1) > 1);
  const tucker = kernels.length > 0 ? common(kernels, ({ tensors }) => tensors.mid !== undefined) : false;
  if (tucker === undefined) throw cannot(path, 'only some of its convolutions are in Tucker form');
  const isUnet = ({ target }: { readonly target: string }): boolean => target.startsWith('unet.');
  const [inUnet, inText] = [layers.filter(isUnet), layers.filter(layer => !isUnet(layer))];
  const first = (part: readonly LayerInfo[]) => byTarget.get(part[0]?.target ?? '');
  const [unetFirst, textFirst] = [first(inUnet), first(inText)];
  const { rank, alpha } = (unetFirst ?? textFirst) as LoraModule;
  const overrides = modules
    .filter(module => {
      const usual = isUnet(module) ? unetFirst : textFirst;
      return module.rank !== usual?.rank || module.alpha !== usual.alpha;
    })
    .map(({ target, rank, alpha }) => ({ match: target, rank, alpha }));
  const textLayers = all.filter(layer => !isUnet(layer));
  return {
    ...given,
    ...{ kind: 'lora', rank, alpha, dora, tucker, overrides },
    targets: inUnet.length > 0 ? expressionFor(inUnet, all.filter(isUnet), targetPresets) : 'none',
    ...(textFirst
      ? {
          textTargets: expressionFor(inText, textLayers, textPresets),
          ...{ textRank: textFirst.rank, textAlpha: textFirst.alpha },
        }
      : {}),
  };
}

/** Puts the tensors of a LoRA in the place of starting values. */
export function startFrom(
  { modules }: LoraWeights,
  layers: readonly TrainedLayer[],
  parameters: ReadonlyMap<string, Tensor>,
): void {
  const byTarget = new Map(modules.map(module => [module.target, module]));
  for (const layer of layers) {
    for (const [role] of trainedTensors(layer)) {
      const [from, to] = [
        byTarget.get(layer.target)?.tensors[role],
        parameters.get(`${layer.target}.${role}`),
      ];
      if (!from || from.data.length !== to?.data.length)
        throw new Error(`${layer.target}.${role} does not have the shape of its layer`);
      to.data.set(from.data);
    }
  }
}

/** Hash of all numbers of a LoRA: a run resumes only with the one that it started from. */
export function loraHash({ modules }: LoraWeights): string {
  const hash = createHash('sha256');
  for (const { target, tensors, alpha } of modules) {
    for (const [role, { data }] of Object.entries(tensors)) {
      hash.update(`${target} ${role} ${alpha}\n`);
      hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  }
  return hash.digest('hex');
}
