/**
 * @file A module in the words of a dialect: the names and numbers that stand for it in a file. What a dialect has no word
 * for is written in one that it has where that is exactly the same, and refused where not.
 */
import { type Tensor, toMatrix, toTensor } from '../../engine/index.ts';
import { contractCore } from '../kinds/low-rank-factors.ts';
import { magnitudeAxis } from '../kinds/magnitude.ts';
import { layerSize } from '../kinds/matrices.ts';
import type { LoraModule, ModuleKind, Role } from '../kinds/module.ts';
import { kinds, scaleOf } from '../kinds/table.ts';
import { kohyaSuffix, peftSuffix } from '../names/suffixes.ts';

export type WrittenDialect = 'kohya' | 'diffusers' | 'peft';

export interface NamedTensor {
  /** What follows the module's name. */
  readonly suffix: string;
  readonly role: Role;
  readonly tensor: Tensor;
}

const scaled = ({ shape, data }: Tensor, factor: number): Tensor =>
  factor === 1 ? { shape, data } : { shape, data: data.map(x => x * factor) };

/** Down of a Tucker form without its core, a kernel [rank, in, k, k] of the same ΔW. */
const withoutCore = (down: Tensor, mid: Tensor): Tensor =>
  toTensor(contractCore(toMatrix(down), mid), [mid.shape[0], down.shape[1], ...mid.shape.slice(2)]);

/** kohya's and LyCORIS' words: one for every role but PEFT's bias of up, which is a change of the layer's bias. */
function kohyaTensors(module: LoraModule): NamedTensor[] {
  const { kind, tensors, alpha } = module;
  const { up_bias: bias, ...others } = tensors;
  const roles = Object.entries({
    ...others,
    ...(bias ? { diff_b: scaled(bias, scaleOf(module)) } : {}),
  }) as [Role, Tensor][];
  const named = roles.map(([role, tensor]) => ({ suffix: kohyaSuffix(role), role, tensor }));
  if (kinds[kind].alpha === 'none') return named;
  const one: Tensor = { shape: [], data: Float32Array.of(alpha) };
  return [...named, { suffix: kohyaSuffix('alpha'), role: 'alpha', tensor: one }];
}

/** PEFT has a vector for a linear layer's magnitudes, and a row for a convolution's. */
function peftMagnitude({ data }: Tensor, axes: number): Tensor {
  return { shape: axes > 2 ? [1, data.length, ...Array<number>(axes - 2).fill(1)] : [data.length], data };
}

function peftTensors({ tensors }: LoraModule, factor: number): NamedTensor[] {
  const {
    down,
    up,
    mid,
    magnitude,
    up_bias: bias,
  } = tensors as { down: Tensor; up: Tensor } & Partial<Record<'mid' | 'magnitude' | 'up_bias', Tensor>>;
  const roles: readonly (readonly [Role, Tensor | undefined])[] = [
    ['down', mid ? withoutCore(down, mid) : down],
    ['up', scaled(up, factor)],
    ['up_bias', bias && scaled(bias, factor)],
    ['magnitude', magnitude && peftMagnitude(magnitude, up.shape.length)],
  ];
  return roles.flatMap(([role, tensor]) =>
    tensor ? [{ suffix: peftSuffix(role) as string, role, tensor }] : [],
  );
}

const wordlessKinds: Readonly<Partial<Record<ModuleKind, string>>> = {
  loha: 'LoHa',
  lokr: 'LoKr',
  full: 'full differences',
  norm: 'changes of norms',
  ia3: 'IA³',
  glora: 'GLoRA',
  oft: 'OFT',
  boft: 'BOFT',
};

/** Why a dialect cannot hold a module, as the end of a sentence; undefined when it can. */
export function wordlessIn(dialect: WrittenDialect, { kind, tensors }: LoraModule): string | undefined {
  if (dialect === 'kohya') return undefined;
  const name = wordlessKinds[kind];
  if (name) return `has no word for ${name}`;
  if (tensors.diff_b) return 'has no word for a change of the bias';
  const { magnitude, up, down } = tensors;
  if (!magnitude || !up || !down) return undefined;
  const axis = magnitudeAxis(magnitude, layerSize([up.shape[0], ...down.shape.slice(1)]));
  return axis === 'out' ? undefined : 'has no word for DoRA with a magnitude for each input';
}

/**
 * The tensors of a module that the dialect can hold. Diffusers' files have no alpha that every reader knows of, so that
 * alpha/rank is in up there (as OneTrainer does it).
 */
export function dialectTensors(dialect: WrittenDialect, module: LoraModule): NamedTensor[] {
  if (dialect === 'kohya') return kohyaTensors(module);
  return peftTensors(module, dialect === 'diffusers' ? scaleOf(module) : 1);
}
